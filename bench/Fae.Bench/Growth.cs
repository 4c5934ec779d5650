using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Fae.Core;
using Fae.Detection;
using Fae.Report;
using Fae.Training;
using Microsoft.FSharp.Collections;

namespace Fae.Bench;

/// <summary>One point of a cost curve: so many of something cost so much time and, at the highest, so much memory.</summary>
internal sealed record Cost(
    [property: JsonPropertyName("work")] string Work,
    [property: JsonPropertyName("n")] int N,
    [property: JsonPropertyName("ms")] double Ms,
    [property: JsonPropertyName("peak_mb")] double PeakMb
);

/// <summary>
/// How cost grows with the size of a picture, and with the number of pictures, files, inspections and models; each point in a process of
/// its own, so that its peak is its own.
/// </summary>
internal static class Growth
{
    public static IEnumerable<Cost> Costs(bool tiny)
    {
        foreach (var work in GrowthWorks.All)
        foreach (var n in tiny ? work.TinySizes : work.Sizes)
            yield return Apart(work, n);
    }

    /// <summary>One point, measured in this process.</summary>
    public static Cost Measure(string name, int n)
    {
        TorchRuntime.KeepFreedMemory();
        var work = GrowthWorks.All.Single(one => one.Name == name);
        var folder = Directory.CreateTempSubdirectory("fae-bench-").FullName;
        try
        {
            var (ms, peak) = work.Measure(folder, n);
            return new Cost(work.Text, n, ms, peak ?? PeakMb("self"));
        }
        finally
        {
            Directory.Delete(folder, true);
        }
    }

    /// <summary>The curves as pictures: time and memory of each work.</summary>
    public static void Draw(IReadOnlyList<Cost> costs, string folder)
    {
        foreach (var work in GrowthWorks.All)
        {
            var points = costs.Where(c => c.Work == work.Text).ToList();
            Save(
                Path.Combine(folder, $"growth-{work.Name}-time.svg"),
                "time",
                work.Unit,
                "seconds",
                "#d9480f",
                points.Select(c => new RatePoint(work.Along(c.N), c.Ms / 1000))
            );
            Save(
                Path.Combine(folder, $"growth-{work.Name}-memory.svg"),
                "peak memory",
                work.Unit,
                "megabytes",
                "#1971c2",
                points.Select(c => new RatePoint(work.Along(c.N), c.PeakMb))
            );
        }
    }

    private static void Save(string file, string title, string x, string y, string colour, IEnumerable<RatePoint> points)
    {
        var chart = Chart.lines(title, x, y, ListModule.OfSeq([Tuple.Create("", colour, points.ToArray())]));
        AtomicFile.WriteText(
            file,
            chart.Replace(
                "<svg ",
                "<svg xmlns=\"http://www.w3.org/2000/svg\" style=\"background:#fff;color:#222;font-family:sans-serif\" ",
                StringComparison.Ordinal
            ) + "\n"
        );
    }

    private static Cost Apart(GrowthWork work, int n)
    {
        using var child =
            Process.Start(
                new ProcessStartInfo(
                    "dotnet",
                    [Path.Combine(AppContext.BaseDirectory, "Fae.Bench.dll"), "cost", work.Name, n.ToString(CultureInfo.InvariantCulture)]
                )
                {
                    RedirectStandardOutput = true,
                }
            ) ?? throw new InvalidOperationException("dotnet does not start");
        var text = child.StandardOutput.ReadToEnd();
        child.WaitForExit();
        var cost = JsonSerializer.Deserialize<Cost>(text) ?? throw new InvalidOperationException($"{work.Text}, n = {n}: no result");
        Console.Error.WriteLine(FormattableString.Invariant($"{work.Text}, n = {n}: {cost.Ms:F0} ms, {cost.PeakMb:F0} MB"));
        return cost;
    }

    /// <summary>The most memory that a process, this one ("self") or another by its number, ever held.</summary>
    public static double PeakMb(string process)
    {
        var status = $"/proc/{process}/status";
        var line = File.Exists(status) ? File.ReadLines(status).FirstOrDefault(l => l.StartsWith("VmHWM", StringComparison.Ordinal)) : null;
        return line is null
            ? Process.GetCurrentProcess().PeakWorkingSet64 / 1e6
            : double.Parse(line.Split(':')[1].Replace("kB", "", StringComparison.Ordinal), CultureInfo.InvariantCulture) / 1000;
    }
}
