using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Http;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Threading;
using System.Threading.Tasks;
using Fae.Data;
using Fae.Engine;

namespace Fae.Bench;

/// <summary>So many clients, each asking again as soon as it was answered: ours beside the peer's.</summary>
internal sealed record LoadRow(
    [property: JsonPropertyName("clients")] int Clients,
    [property: JsonPropertyName("peer")] string Peer,
    [property: JsonPropertyName("ours")] Traffic Ours,
    [property: JsonPropertyName("theirs")] Traffic? Theirs);

/// <summary>What a minute of requests came to.</summary>
internal sealed record Traffic(
    [property: JsonPropertyName("per_second")] double PerSecond,
    [property: JsonPropertyName("median_ms")] double MedianMs,
    [property: JsonPropertyName("p99_ms")] double P99Ms,
    [property: JsonPropertyName("refused")] int Refused,
    [property: JsonPropertyName("failed")] int Failed);

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
    [property: JsonPropertyName("missing_in_history")] int Missing);

internal sealed record LoadResult([property: JsonPropertyName("load")] IReadOnlyList<LoadRow> Load, [property: JsonPropertyName("faults")] Faults Faults);

/// <summary>The server under load and under faults, beside a server in Python that does the same work.</summary>
internal static class Load
{
    public static LoadResult Measure(bool tiny) => WithModel(tiny, (folder, model, picture) => new LoadResult(Rows(model, picture, tiny).ToList(), OfFaults(folder, model, picture, tiny)));

    public static Faults MeasureFaults(bool tiny) => WithModel(tiny, (folder, model, picture) => OfFaults(folder, model, picture, tiny));

    private static T WithModel<T>(bool tiny, Func<string, string, byte[], T> measure)
    {
        TorchRuntime.KeepQuiet();
        var folder = Directory.CreateTempSubdirectory("fae-load-").FullName;
        try
        {
            var side = tiny ? 64 : 256;
            var model = Path.Combine(folder, "model.safetensors");
            Specimen.WriteModel(model, Specimen.Set(("image.size", side), ("score.views", 1)));
            var picture = ImageFile.toPng(Specimen.Picture(3, side, side));
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
            Console.Error.WriteLine(FormattableString.Invariant($"{clients} client(s): {traffic.PerSecond:F1}/s, median {traffic.MedianMs:F0} ms, p99 {traffic.P99Ms:F0} ms; peer {peer?.PerSecond:F1}/s, {peer?.MedianMs:F0} ms, {peer?.P99Ms:F0} ms; failed {traffic.Failed} and {peer?.Failed}"));
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
        return new Traffic(times.Count / clock.Elapsed.TotalSeconds, Comparison.Median(times), Comparison.Percentile99(times), refused, failed);
    }

    private static Faults OfFaults(string folder, string model, byte[] picture, bool tiny)
    {
        var requests = tiny ? 100 : 10_000;
        var history = Path.Combine(folder, "history.db");
        // Nothing is to go because there is too much of it.
        string[] keeping = ["--history", history, "--keep", "1000000"];
        using var server = Ours(model, [.. keeping, "--max-megabytes", "1"]);
        using var http = Client();
        var oversized = new byte[(1 << 20) + 1];
        var (answered, refused, cut, wrong) = (0, 0, 0, 0);
        var ids = new ConcurrentBag<long>();
        var early = 0.0;
        var next = -1;

        async Task Clients()
        {
            for (var number = Interlocked.Increment(ref next); number < requests; number = Interlocked.Increment(ref next))
            {
                if (number == requests / 10)
                    early = server.MemoryMib;
                // Three in a hundred are broken, oversized, or cut off.
                var kind = number % 100;
                if (kind == 2)
                {
                    await CutOff(server, picture).ConfigureAwait(false);
                    Interlocked.Increment(ref cut);
                    continue;
                }
                var (status, id) = await AskForId(http, server, kind == 0 ? picture.AsSpan(0, picture.Length / 2).ToArray() : kind == 1 ? oversized : picture).ConfigureAwait(false);
                if (kind > 2 && status == 200 && id is { } known)
                {
                    Interlocked.Increment(ref answered);
                    ids.Add(known);
                }
                else if (status == (kind == 0 ? 400 : 413) && kind < 2)
                    Interlocked.Increment(ref refused);
                else
                    Interlocked.Increment(ref wrong);
            }
        }

        Task.WhenAll(Enumerable.Range(0, 16).Select(_ => Clients())).GetAwaiter().GetResult();
        var late = server.MemoryMib;
        var (reloads, failed) = Reload(server, http, model, picture, tiny ? 3 : 50);
        var before = KillInTheMiddle(server, http, picture, ids);
        using var again = Ours(model, keeping);
        var kept = Kept(http, again);
        var missing = ids.Count(id => !kept.Contains(id));
        Console.Error.WriteLine(FormattableString.Invariant($"{requests} requests: {answered} answered, {refused} refused, {cut} cut off, {wrong} lost or wrong; memory {early:F0} to {late:F0} MiB; {reloads} reloads, {failed} failed; {before} answered before the kill, {missing} missing"));
        return new Faults(requests, answered, refused, cut, wrong, early, late, reloads, failed, before, missing);
    }

    /// <summary>The model's file is replaced again and again while four clients ask.</summary>
    private static (int Reloads, int Failed) Reload(Served server, HttpClient http, string model, byte[] picture, int times)
    {
        var failed = 0;
        using var done = new CancellationTokenSource();
        var clients = Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
        {
            while (!done.IsCancellationRequested)
                if (await Ask(http, server, picture).ConfigureAwait(false) != 200)
                    Interlocked.Increment(ref failed);
        })).ToList();
        var reloaded = 0;
        for (var i = 0; i < times; i++)
        {
            Detection.AtomicFile.Copy(model, model + ".new");
            File.SetLastWriteTimeUtc(model + ".new", DateTime.UtcNow.AddSeconds(i + 1));
            File.Move(model + ".new", model, overwrite: true);
            var clock = Stopwatch.StartNew();
            while (Reloads(http, server) == reloaded && clock.Elapsed < TimeSpan.FromSeconds(20))
                Thread.Sleep(50);
            reloaded = Reloads(http, server);
        }
        done.Cancel();
        Task.WhenAll(clients).GetAwaiter().GetResult();
        return (reloaded, failed);
    }

    private static int Reloads(HttpClient http, Served server) =>
        http.GetStringAsync(new Uri(server.Url, "metrics")).GetAwaiter().GetResult().Split('\n')
            .Where(line => line.StartsWith("fae_model_reloads_total{", StringComparison.Ordinal))
            .Sum(line => int.Parse(line[(line.LastIndexOf(' ') + 1)..], System.Globalization.CultureInfo.InvariantCulture));

    /// <summary>Kill -9 while sixteen clients ask; what was answered joins <paramref name="ids"/>.</summary>
    private static int KillInTheMiddle(Served server, HttpClient http, byte[] picture, ConcurrentBag<long> ids)
    {
        var answered = 0;
        var clients = Enumerable.Range(0, 16).Select(_ => Task.Run(async () =>
        {
            try
            {
                while (true)
                {
                    var (_, id) = await AskForId(http, server, picture).ConfigureAwait(false);
                    if (id is not { } known)
                        return;
                    ids.Add(known);
                    Interlocked.Increment(ref answered);
                }
            }
            catch (HttpRequestException)
            {
                // The server is gone.
            }
        })).ToList();
        var clock = Stopwatch.StartNew();
        while (Volatile.Read(ref answered) < 40 && clock.Elapsed < TimeSpan.FromSeconds(60))
            Thread.Sleep(10);
        server.Dispose();
        Task.WhenAll(clients).GetAwaiter().GetResult();
        return answered;
    }

    private static HashSet<long> Kept(HttpClient http, Served server)
    {
        var kept = new HashSet<long>();
        var before = long.MaxValue;
        while (true)
        {
            var page = http.GetStringAsync(new Uri(server.Url, $"v1/history?limit=500&before={before}")).GetAwaiter().GetResult();
            using var json = JsonDocument.Parse(page);
            var ids = json.RootElement.GetProperty("inspections").EnumerateArray().Select(record => record.GetProperty("id").GetInt64()).ToList();
            if (ids.Count == 0)
                return kept;
            kept.UnionWith(ids);
            before = ids.Min();
        }
    }

    private static HttpClient Client() => new(new SocketsHttpHandler { MaxConnectionsPerServer = 256 }) { Timeout = TimeSpan.FromSeconds(60) };

    private static async Task<int> Ask(HttpClient http, Served server, byte[] body) => (await AskForId(http, server, body).ConfigureAwait(false)).Status;

    /// <summary>0 where no answer came within the client's minute, or the line broke.</summary>
    private static async Task<int> AskOrGiveUp(HttpClient http, Served server, byte[] body)
    {
        try
        {
            return await Ask(http, server, body).ConfigureAwait(false);
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
        {
            return 0;
        }
    }

    private static async Task<(int Status, long? Id)> AskForId(HttpClient http, Served server, byte[] body)
    {
        using var content = new ByteArrayContent(body);
        // So that a body that is too large is refused before it is sent, as curl does.
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(server.Url, "v1/inspect")) { Content = content };
        request.Headers.ExpectContinue = body.Length > 1 << 20;
        using var answer = await http.SendAsync(request).ConfigureAwait(false);
        if (answer.StatusCode != HttpStatusCode.OK)
            return ((int)answer.StatusCode, null);
        using var json = JsonDocument.Parse(await answer.Content.ReadAsStringAsync().ConfigureAwait(false));
        return (200, json.RootElement.TryGetProperty("id", out var id) ? id.GetInt64() : null);
    }

    /// <summary>Half of a request, and the line goes dead.</summary>
    private static async Task CutOff(Served server, byte[] picture)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(server.Url.Host, server.Url.Port).ConfigureAwait(false);
        var stream = client.GetStream();
        await stream.WriteAsync(System.Text.Encoding.ASCII.GetBytes($"POST /v1/inspect HTTP/1.1\r\nHost: x\r\nContent-Length: {picture.Length}\r\n\r\n")).ConfigureAwait(false);
        await stream.WriteAsync(picture.AsMemory(0, picture.Length / 2)).ConfigureAwait(false);
        client.Client.LingerState = new LingerOption(true, 0);
    }

    private static Served Ours(string model, string[] more)
    {
        var fae = Path.Combine(AppContext.BaseDirectory, "..", "bin", "fae");
        var port = FreePort();
        return new Served(Start(fae, ["serve", "--model", model, "--port", $"{port}", .. more]), port);
    }

    /// <summary>Null where Python or a library is missing.</summary>
    private static Served? Theirs()
    {
        if (!File.Exists(Comparison.Python))
            return null;
        var port = FreePort();
        try
        {
            return new Served(Start(Comparison.Python, [Path.Combine(AppContext.BaseDirectory, "server.py"), $"{port}"]), port);
        }
        catch (InvalidOperationException)
        {
            Console.Error.WriteLine("the peer does not run here");
            return null;
        }
    }

    private static Process Start(string program, string[] args)
    {
        var child = Process.Start(new ProcessStartInfo(program, args) { RedirectStandardError = true, RedirectStandardOutput = true }) ?? throw new InvalidOperationException($"{program} does not start");
        child.OutputDataReceived += (_, _) => { };
        child.ErrorDataReceived += (_, _) => { };
        child.BeginOutputReadLine();
        child.BeginErrorReadLine();
        return child;
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    /// <summary>A server's process, ready; killed when it is disposed.</summary>
    private sealed class Served : IDisposable
    {
        private readonly Process child;

        public Served(Process child, int port)
        {
            this.child = child;
            Url = new Uri($"http://127.0.0.1:{port}/");
            using var http = new HttpClient();
            for (var tries = 0; tries < 600; tries++)
            {
                try
                {
                    if (http.GetAsync(new Uri(Url, "ready")).GetAwaiter().GetResult().IsSuccessStatusCode)
                        return;
                }
                catch (HttpRequestException)
                {
                    // Not yet.
                }
                if (child.HasExited)
                    break;
                Thread.Sleep(100);
            }
            Dispose();
            throw new InvalidOperationException("a server did not become ready");
        }

        public Uri Url { get; }

        public double MemoryMib
        {
            get
            {
                child.Refresh();
                return child.WorkingSet64 / 1048576.0;
            }
        }

        public void Dispose()
        {
            if (child.Id > 0 && !child.HasExited)
            {
                child.Kill();
                child.WaitForExit();
            }
        }
    }
}
