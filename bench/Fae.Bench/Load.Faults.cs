using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;

namespace Fae.Bench;

/// <summary>Load with faults: broken, oversized and aborted requests, replaced models, and kill -9.</summary>
internal static partial class Load
{
    public static Faults MeasureFaults(bool tiny) => WithModel(tiny, (folder, model, picture) => OfFaults(folder, model, picture, tiny));

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
                var (status, id) = await AskForId(
                        http,
                        server,
                        kind == 0 ? picture.AsSpan(0, picture.Length / 2).ToArray()
                            : kind == 1 ? oversized
                            : picture
                    )
                    .ConfigureAwait(false);
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
        Console.Error.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{requests} requests: {answered} answered, {refused} refused, {cut} cut off, {wrong} lost or wrong; "
                    + $"memory {early:F0} to {late:F0} MiB; {reloads} reloads, {failed} failed; {before} answered before the "
                    + $"kill, {missing} missing"
            )
        );
        return new Faults(requests, answered, refused, cut, wrong, early, late, reloads, failed, before, missing);
    }

    /// <summary>The model's file is replaced again and again while four clients ask.</summary>
    private static (int Reloads, int Failed) Reload(Served server, HttpClient http, string model, byte[] picture, int times)
    {
        var failed = 0;
        using var done = new CancellationTokenSource();
        var clients = Enumerable
            .Range(0, 4)
            .Select(_ =>
                Task.Run(async () =>
                {
                    while (!done.IsCancellationRequested)
                        if (await Ask(http, server, picture).ConfigureAwait(false) != 200)
                            Interlocked.Increment(ref failed);
                })
            )
            .ToList();
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
        http.GetStringAsync(new Uri(server.Url, "metrics"))
            .GetAwaiter()
            .GetResult()
            .Split('\n')
            .Where(line => line.StartsWith("fae_model_reloads_total{", StringComparison.Ordinal))
            .Sum(line => int.Parse(line[(line.LastIndexOf(' ') + 1)..], System.Globalization.CultureInfo.InvariantCulture));

    /// <summary>Kill -9 while sixteen clients ask; what was answered joins <paramref name="ids"/>.</summary>
    private static int KillInTheMiddle(Served server, HttpClient http, byte[] picture, ConcurrentBag<long> ids)
    {
        var answered = 0;
        var clients = Enumerable
            .Range(0, 16)
            .Select(_ =>
                Task.Run(async () =>
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
                })
            )
            .ToList();
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
            var ids = json
                .RootElement.GetProperty("inspections")
                .EnumerateArray()
                .Select(record => record.GetProperty("id").GetInt64())
                .ToList();
            if (ids.Count == 0)
                return kept;
            kept.UnionWith(ids);
            before = ids.Min();
        }
    }

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
        await stream
            .WriteAsync(
                System.Text.Encoding.ASCII.GetBytes($"POST /v1/inspect HTTP/1.1\r\nHost: x\r\nContent-Length: {picture.Length}\r\n\r\n")
            )
            .ConfigureAwait(false);
        await stream.WriteAsync(picture.AsMemory(0, picture.Length / 2)).ConfigureAwait(false);
        client.Client.LingerState = new LingerOption(true, 0);
    }
}
