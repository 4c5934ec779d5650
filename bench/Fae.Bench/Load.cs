using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Serialization;
using Fae.Imaging;
using Fae.Training;

namespace Fae.Bench;

/// <summary>So many clients, each asking again as soon as it was answered: ours beside the peer's.</summary>
internal sealed record LoadRow(
    [property: JsonPropertyName("clients")] int Clients,
    [property: JsonPropertyName("peer")] string Peer,
    [property: JsonPropertyName("ours")] Traffic Ours,
    [property: JsonPropertyName("theirs")] Traffic? Theirs
);

/// <summary>What a minute of requests came to.</summary>
internal sealed record Traffic(
    [property: JsonPropertyName("per_second")] double PerSecond,
    [property: JsonPropertyName("median_ms")] double MedianMs,
    [property: JsonPropertyName("p99_ms")] double P99Ms,
    [property: JsonPropertyName("refused")] int Refused,
    [property: JsonPropertyName("failed")] int Failed
);

/// <summary>What went wrong on purpose, and how it was taken.</summary>
internal sealed record Faults(
    [property: JsonPropertyName("requests")] int Requests,
    [property: JsonPropertyName("answered")] int Answered,
    [property: JsonPropertyName("refused_4xx")] int Refused,
    [property: JsonPropertyName("cut_off")] int CutOff,
    [property: JsonPropertyName("lost_or_wrong")] int Wrong,
    [property: JsonPropertyName("memory_after_a_tenth_mib")] double MemoryEarlyMib,
    [property: JsonPropertyName("memory_at_the_end_mib")] double MemoryLateMib,
    [property: JsonPropertyName("reloads")] int Reloads,
    [property: JsonPropertyName("failed_during_reloads")] int FailedDuringReloads,
    [property: JsonPropertyName("answered_before_kill")] int AnsweredBeforeKill,
    [property: JsonPropertyName("missing_in_history")] int Missing
);

internal sealed record LoadResult(
    [property: JsonPropertyName("load")] IReadOnlyList<LoadRow> Load,
    [property: JsonPropertyName("faults")] Faults Faults
);

/// <summary>The server under load and under faults, beside a server in Python that does the same work.</summary>
internal static partial class Load
{
    public static LoadResult Measure(bool tiny) =>
        WithModel(
            tiny,
            (folder, model, picture) => new LoadResult(Rows(model, picture, tiny).ToList(), OfFaults(folder, model, picture, tiny))
        );

    private static T WithModel<T>(bool tiny, Func<string, string, byte[], T> measure)
    {
        TorchRuntime.SetEnvironment();
        var folder = Directory.CreateTempSubdirectory("fae-load-").FullName;
        try
        {
            var side = tiny ? 64 : 256;
            var model = Path.Combine(folder, "model.safetensors");
            Specimen.WriteModel(model, Specimen.Set(("image.size", side), ("score.views", 1)));
            var picture = ImageEncoder.toPng(Specimen.Picture(3, side, side));
            return measure(folder, model, picture);
        }
        finally
        {
            Directory.Delete(folder, true);
        }
    }

    private static IEnumerable<LoadRow> Rows(string model, byte[] picture, bool tiny)
    {
        var time = TimeSpan.FromSeconds(tiny ? 1 : 60);
        foreach (var clients in tiny ? [2] : new[] { 1, 4, 16, 64 })
        {
            using var ours = Ours(model, []);
            var traffic = Drive(ours, picture, clients, time);
            ours.Dispose();
            using var theirs = Theirs();
            var peer = theirs is null ? null : Drive(theirs, picture, clients, time);
            Console.Error.WriteLine(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{clients} client(s): {traffic.PerSecond:F1}/s, median {traffic.MedianMs:F0} ms, p99 "
                        + $"{traffic.P99Ms:F0} ms; peer {peer?.PerSecond:F1}/s, {peer?.MedianMs:F0} ms, {peer?.P99Ms:F0} ms; "
                        + $"failed {traffic.Failed} and {peer?.Failed}"
                )
            );
            yield return new LoadRow(clients, "FastAPI, uvicorn, torch, OpenCV", traffic, peer);
        }
    }

    private static Traffic Drive(Served server, byte[] picture, int clients, TimeSpan time)
    {
        using var http = Client();
        Ask(http, server, picture).GetAwaiter().GetResult();
        var times = new ConcurrentBag<double>();
        var (refused, failed) = (0, 0);
        var clock = Stopwatch.StartNew();

        async Task One()
        {
            while (clock.Elapsed < time)
            {
                var begin = clock.Elapsed;
                var status = await AskOrGiveUp(http, server, picture).ConfigureAwait(false);
                if (status == 200)
                    times.Add((clock.Elapsed - begin).TotalMilliseconds);
                else if (status == 429)
                    Interlocked.Increment(ref refused);
                else
                    Interlocked.Increment(ref failed);
            }
        }

        Task.WhenAll(Enumerable.Range(0, clients).Select(_ => One())).GetAwaiter().GetResult();
        return new Traffic(
            times.Count / clock.Elapsed.TotalSeconds,
            Comparison.Median(times),
            Comparison.Percentile99(times),
            refused,
            failed
        );
    }

    private static HttpClient Client() =>
        new(new SocketsHttpHandler { MaxConnectionsPerServer = 256 }) { Timeout = TimeSpan.FromSeconds(60) };

    private static async Task<int> Ask(HttpClient http, Served server, byte[] body) =>
        (await AskForId(http, server, body).ConfigureAwait(false)).Status;
}
