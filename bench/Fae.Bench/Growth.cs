using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Fae.Core;
using Fae.Data;
using Fae.Detection;
using Fae.Imaging;
using Fae.Kernels;
using Fae.Report;
using Fae.Training;
using Microsoft.FSharp.Collections;
using Microsoft.FSharp.Core;

namespace Fae.Bench;

/// <summary>One point of a cost curve: so many of something cost so much time and, at the highest, so much memory.</summary>
internal sealed record Cost(
    [property: JsonPropertyName("work")] string Work,
    [property: JsonPropertyName("n")] int N,
    [property: JsonPropertyName("ms")] double Ms,
    [property: JsonPropertyName("peak_mb")] double PeakMb
);

/// <summary>
/// How cost grows with the size of a picture and with the number of pictures; each point in a process of its own, so that its peak is its
/// own.
/// </summary>
internal static class Growth
{
    /// <summary>Pictures that stay in memory while a set is read: few, to show that the others do not.</summary>
    private const long Room = 64 << 20;

    private const string Inspecting = "inspecting a picture of n × n pixels in tiles of 256";
    private const string Reading = "checking n pictures and drawing 200 training samples from them";

    public static IEnumerable<Cost> Costs(bool tiny)
    {
        foreach (var side in tiny ? new[] { 64, 128 } : [128, 256, 512, 1024, 2048, 4096])
            yield return Apart(Inspecting, "picture", side);
        foreach (var count in tiny ? new[] { 20, 40 } : [100, 1_000, 10_000, 100_000])
            yield return Apart(Reading, "pictures", count);
    }

    /// <summary>One point, measured in this process.</summary>
    public static Cost Measure(string what, int n)
    {
        TorchRuntime.KeepFreedMemory();
        var folder = Directory.CreateTempSubdirectory("fae-bench-").FullName;
        try
        {
            var ms = what == "picture" ? Inspect(folder, n) : Read(folder, n);
            return new Cost(what == "picture" ? Inspecting : Reading, n, ms, PeakMb());
        }
        finally
        {
            Directory.Delete(folder, true);
        }
    }

    /// <summary>The curves as pictures: time and memory of each work.</summary>
    public static void Draw(IReadOnlyList<Cost> costs, string folder)
    {
        foreach (
            var (work, name, along, unit) in new[]
            {
                (Inspecting, "growth-size", (Func<Cost, double>)(c => (double)c.N * c.N / 1e6), "megapixels"),
                (Reading, "growth-count", c => c.N, "pictures"),
            }
        )
        {
            var points = costs.Where(c => c.Work == work).ToList();
            Save(
                Path.Combine(folder, name + "-time.svg"),
                "time",
                unit,
                "seconds",
                "#d9480f",
                points.Select(c => new RatePoint(along(c), c.Ms / 1000))
            );
            Save(
                Path.Combine(folder, name + "-memory.svg"),
                "peak memory",
                unit,
                "megabytes",
                "#1971c2",
                points.Select(c => new RatePoint(along(c), c.PeakMb))
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

    private static Cost Apart(string work, string what, int n)
    {
        using var child =
            Process.Start(
                new ProcessStartInfo(
                    "dotnet",
                    [Path.Combine(AppContext.BaseDirectory, "Fae.Bench.dll"), "cost", what, n.ToString(CultureInfo.InvariantCulture)]
                )
                {
                    RedirectStandardOutput = true,
                }
            ) ?? throw new InvalidOperationException("dotnet does not start");
        var text = child.StandardOutput.ReadToEnd();
        child.WaitForExit();
        var cost = JsonSerializer.Deserialize<Cost>(text) ?? throw new InvalidOperationException($"{work}, n = {n}: no result");
        Console.Error.WriteLine(FormattableString.Invariant($"{work}, n = {n}: {cost.Ms:F0} ms, {cost.PeakMb:F0} MB"));
        return cost;
    }

    private static double Inspect(string folder, int side)
    {
        var config = Specimen.Set(("image.tile", 256), ("image.overlap", 32), ("score.views", 1));
        var model = Path.Combine(folder, "model.safetensors");
        Specimen.WriteModel(model, config);
        using var detector = Detector.Load(model);
        var file = Path.Combine(folder, "large.jpg");
        File.WriteAllBytes(file, ImageEncoder.toJpeg(Specimen.Picture(3, side, side)));
        void Work() => detector.Inspect([ImagePreparation.ofFile(config, 3, null, file).ResultValue.Image]);
        return Comparison.Median(Comparison.Times(Work, new Effort(1, 3)));
    }

    private static double Read(string folder, int count)
    {
        const int Originals = 20;
        var config = Specimen.Set(("image.size", 128));
        for (var i = 0; i < count; i++)
        {
            var file = Path.Combine(folder, $"{i:D6}.jpg");
            if (i < Originals)
                File.WriteAllBytes(file, ImageEncoder.toJpeg(Specimen.Picture((ulong)i, 128, 128)));
            else
                File.CreateSymbolicLink(file, Path.Combine(folder, $"{i % Originals:D6}.jpg"));
        }
        var clock = Stopwatch.StartNew();
        var split = DataSet.split(config.Train.HeldOut, 0, folder).ResultValue;
        var read = FuncConvert.FromFunc<string, FSharpResult<Image, ImageProblem>>(path =>
            ImagePreparation.ofFile(config, 3, null, path) is { IsOk: true } good
                ? FSharpResult<Image, ImageProblem>.NewOk(good.ResultValue.Image)
                : throw new InvalidOperationException(path)
        );
        var source = new TrainingSource(config, ImageCache.Open(Room, read, split.Training).ResultValue, [], FSharpOption<Image>.None);
        var batch = new HostBatch(config.Train.Batch, 3, config.Image.Size);
        for (var step = 1; step <= 200 / config.Train.Batch; step++)
        for (var index = 0; index < config.Train.Batch; index++)
            ((ISampleSource)source).Fill(step, index, batch);
        return clock.Elapsed.TotalMilliseconds;
    }

    /// <summary>The most memory that this process ever held.</summary>
    private static double PeakMb()
    {
        const string Status = "/proc/self/status";
        var line = File.Exists(Status) ? File.ReadLines(Status).FirstOrDefault(l => l.StartsWith("VmHWM", StringComparison.Ordinal)) : null;
        return line is null
            ? Process.GetCurrentProcess().PeakWorkingSet64 / 1e6
            : double.Parse(line.Split(':')[1].Replace("kB", "", StringComparison.Ordinal), CultureInfo.InvariantCulture) / 1000;
    }
}
