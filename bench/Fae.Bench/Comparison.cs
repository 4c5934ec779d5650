using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Fae.Bench;

/// <summary>One line of a result file: our time, the peer's, and how many of ours fit into theirs. A target of at most so much reads the other way.</summary>
internal sealed record Row(
    [property: JsonPropertyName("work")] string Work,
    [property: JsonPropertyName("peer")] string Peer,
    [property: JsonPropertyName("ours_ms")] double OursMs,
    [property: JsonPropertyName("peer_ms")] double PeerMs,
    [property: JsonPropertyName("ratio")] double Ratio,
    [property: JsonPropertyName("target")] double Target);

/// <summary>How many milliseconds a work is done before its time counts (once at least: a just-in-time compiler needs its while), and how often while it does.</summary>
internal sealed record Effort(int WarmUpMs, int Repeats);

/// <summary>Work of ours beside the same work of a peer's, one right after the other, medians of as many repetitions.</summary>
internal static class Comparison
{
    private const string Python = "/usr/bin/python3";

    /// <summary>Times both; null, and a line that says so, where the peer does not run.</summary>
    public static Row? Run(string work, double target, Effort effort, Action ours, string peer, int size, int parameter)
    {
        var oursMs = Median(Times(ours, effort));
        if (Peer(peer, size, parameter, effort) is not { } found)
        {
            Console.Error.WriteLine(FormattableString.Invariant($"{work}: {oursMs:F2} ms; skipped, the peer {peer} does not run here"));
            return null;
        }
        var row = new Row(work, found.Name, oursMs, found.Ms, found.Ms / oursMs, target);
        Console.Error.WriteLine(FormattableString.Invariant($"{work}: {oursMs:F2} ms; {row.Peer}: {row.PeerMs:F2} ms; ratio {row.Ratio:F1}, wanted {target}"));
        return row;
    }

    /// <summary>Milliseconds of each repetition.</summary>
    public static IEnumerable<double> Times(Action work, Effort effort)
    {
        var warmUp = Stopwatch.GetTimestamp();
        do
            work();
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

    private static (string Name, double Ms)? Peer(string peer, int size, int parameter, Effort effort)
    {
        var script = Path.Combine(AppContext.BaseDirectory, "peers.py");
        var arguments = new[] { script, peer, $"{size}", $"{parameter}", $"{effort.WarmUpMs}", $"{effort.Repeats}" };
        if (!File.Exists(Python))
            return null;
        using var child = Process.Start(new ProcessStartInfo(Python, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })
            ?? throw new InvalidOperationException($"{Python} does not start");
        child.ErrorDataReceived += (_, _) => { };
        child.BeginErrorReadLine();
        var text = child.StandardOutput.ReadToEnd();
        child.WaitForExit();
        if (child.ExitCode != 0)
            return null;
        using var json = JsonDocument.Parse(text);
        var times = json.RootElement.GetProperty("ms").EnumerateArray().Select(ms => ms.GetDouble());
        return (json.RootElement.GetProperty("peer").GetString() ?? peer, Median(times));
    }
}
