using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Fae.Bench;

/// <summary>
/// One line of a result file: our time, the peer's, and how many of ours fit into theirs. Where it is known, the time that it takes
/// at least.
/// </summary>
internal sealed record Row(
    [property: JsonPropertyName("work")] string Work,
    [property: JsonPropertyName("peer")] string Peer,
    [property: JsonPropertyName("ours_ms")] double OursMs,
    [property: JsonPropertyName("peer_ms")] double PeerMs,
    [property: JsonPropertyName("ratio")] double Ratio,
    [property: JsonPropertyName("target")] double Target,
    [property: JsonPropertyName("limit_ms"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] double? LimitMs = null
);

/// <summary>
/// How many milliseconds a work is done before its time counts (once at least: a just-in-time compiler needs its while), how often while
/// it does, and in how many rounds: ours and the peer take turns, because a machine is not equally fast from one minute to the next.
/// </summary>
internal sealed record Effort(int WarmUpMs, int Repeats, int Rounds = 1);

/// <summary>What a peer is, with its version, and the milliseconds of each of its repetitions.</summary>
internal sealed record PeerTimes(string Name, IReadOnlyList<double> Ms);

/// <summary>Work of ours beside the same work of a peer's, one right after the other, medians of as many repetitions.</summary>
internal static class Comparison
{
    /// <summary>Debian's, which has the peers, unless FAE_PYTHON names another.</summary>
    public static string Python { get; } = Environment.GetEnvironmentVariable("FAE_PYTHON") ?? "/usr/bin/python3";

    /// <summary>Times both in turns; null, and a line that says so, where the peer does not run.</summary>
    public static Row? Run(string work, double target, Effort effort, Action ours, string peer, int size, int parameter, string file = "")
    {
        var (oursMs, peerMs) = InTurns(effort, ours, peer, size, parameter, file);
        return Beside(work, target, Median(oursMs), peerMs, Median);
    }

    /// <summary>The times of both, in turns.</summary>
    public static (List<double> Ours, PeerTimes? Peer) InTurns(
        Effort effort,
        Action ours,
        string peer,
        int size,
        int parameter,
        string file = ""
    )
    {
        var oursMs = new List<double>();
        PeerTimes? peerMs = null;
        for (var round = 0; round < effort.Rounds; round++)
        {
            oursMs.AddRange(Times(ours, effort));
            if (Peer(peer, size, parameter, effort, file) is { } times)
                peerMs = new PeerTimes(times.Name, [.. peerMs?.Ms ?? [], .. times.Ms]);
        }
        return (oursMs, peerMs);
    }

    /// <summary>A row of what was measured already: our number, and the same number of the peer's repetitions.</summary>
    public static Row? Beside(string work, double target, double oursMs, PeerTimes? peer, Func<IEnumerable<double>, double> number)
    {
        if (peer is null)
        {
            Console.Error.WriteLine(FormattableString.Invariant($"{work}: {oursMs:F2} ms; skipped, the peer does not run here"));
            return null;
        }
        var peerMs = number(peer.Ms);
        var row = new Row(work, peer.Name, oursMs, peerMs, peerMs / oursMs, target);
        Console.Error.WriteLine(
            FormattableString.Invariant($"{work}: {oursMs:F2} ms; {row.Peer}: {row.PeerMs:F2} ms; ratio {row.Ratio:F2}, target {target}")
        );
        return row;
    }

    /// <summary>Milliseconds of each repetition.</summary>
    public static IEnumerable<double> Times(Action work, Effort effort)
    {
        var warmUp = Stopwatch.GetTimestamp();
        do work();
        while (Stopwatch.GetElapsedTime(warmUp).TotalMilliseconds < effort.WarmUpMs);
        for (var i = 0; i < effort.Repeats; i++)
        {
            var start = Stopwatch.GetTimestamp();
            work();
            yield return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        }
    }

    /// <summary>The upper median.</summary>
    public static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToList();
        return sorted[sorted.Count / 2];
    }

    /// <summary>The value that one in a hundred exceeds (nearest rank).</summary>
    public static double Percentile99(IEnumerable<double> values)
    {
        var sorted = values.Order().ToList();
        return sorted[Math.Max(0, (int)Math.Ceiling(0.99 * sorted.Count) - 1)];
    }

    /// <summary>What a peer needs for the work; null where it does not run.</summary>
    public static PeerTimes? Peer(string peer, int size, int parameter, Effort effort, string file = "")
    {
        var script = Path.Combine(AppContext.BaseDirectory, "peers.py");
        var arguments = new[] { script, peer, $"{size}", $"{parameter}", $"{effort.WarmUpMs}", $"{effort.Repeats}", file };
        if (!File.Exists(Python))
            return null;
        using var child =
            Process.Start(new ProcessStartInfo(Python, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })
            ?? throw new InvalidOperationException($"{Python} does not start");
        child.ErrorDataReceived += (_, _) => { };
        child.BeginErrorReadLine();
        var text = child.StandardOutput.ReadToEnd();
        child.WaitForExit();
        if (child.ExitCode != 0)
            return null;
        using var json = JsonDocument.Parse(text);
        return new PeerTimes(
            json.RootElement.GetProperty("peer").GetString() ?? peer,
            json.RootElement.GetProperty("ms").EnumerateArray().Select(ms => ms.GetDouble()).ToList()
        );
    }
}
