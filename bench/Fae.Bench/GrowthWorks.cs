using System.Diagnostics;
using Fae.Core;
using Fae.Data;
using Fae.Detection;
using Fae.Imaging;
using Fae.Kernels;
using Microsoft.FSharp.Core;

namespace Fae.Bench;

/// <summary>Work whose cost depends on a number: how it is named, the numbers, and where they lie on the axis of a plot.</summary>
internal sealed record GrowthWork(
    string Name,
    string Text,
    int[] Sizes,
    int[] TinySizes,
    string Unit,
    Func<int, double> Along,
    Func<string, int, Measured> Measure
);

/// <summary>What one point costs: time, and the most memory, where it is not this process's.</summary>
internal sealed record Measured(double Ms, double? PeakMb = null);

/// <summary>The works of the cost curves. Each gets an empty folder and its number.</summary>
internal static partial class GrowthWorks
{
    /// <summary>Pictures that stay in memory while a set is read: few, to show that the others do not.</summary>
    private const long Room = 64 << 20;

    public static IReadOnlyList<GrowthWork> All { get; } =
    [
        new(
            "size",
            "inspecting a picture of n × n pixels in tiles of 256",
            [128, 256, 512, 1024, 2048, 4096],
            [64, 128],
            "megapixels",
            n => (double)n * n / 1e6,
            Inspect
        ),
        new(
            "count",
            "checking n pictures and drawing 200 training samples from them",
            [100, 1_000, 10_000, 100_000],
            [20, 40],
            "pictures",
            n => n,
            Read
        ),
        new(
            "pixels",
            "AUROC, AP, F1-max and AUPRO over the pixels of n pictures of 1,000 × 1,000 pixels",
            [10, 30, 100, 300, 1_000],
            [1, 2],
            "megapixels",
            n => n,
            PixelMetricsOf
        ),
        new(
            "files",
            "a new picture in a watched folder of n inspected ones, until its verdict",
            [1_000, 10_000, 100_000, 1_000_000],
            [10, 20],
            "files",
            n => n,
            Watch
        ),
        new(
            "history",
            "the latest 50 of n inspections and the number of all, by each kind of filter, the mean",
            [1_000, 10_000, 100_000, 1_000_000],
            [100, 200],
            "inspections",
            n => n,
            History
        ),
        new(
            "models",
            "a picture by each of n models of one server in 800 MB, the mean",
            [1, 10, 30, 100],
            [1, 2],
            "models",
            n => n,
            Models
        ),
    ];

    private static Measured Inspect(string folder, int side)
    {
        var config = Specimen.Set(("image.tile", 256), ("image.overlap", 32), ("score.views", 1));
        var model = Path.Combine(folder, "model.safetensors");
        Specimen.WriteModel(model, config);
        using var detector = Detector.Load(model);
        var file = Path.Combine(folder, "large.jpg");
        File.WriteAllBytes(file, ImageEncoder.toJpeg(Specimen.Picture(3, side, side)));
        void Work() => detector.Inspect([ImagePreparation.ofFile(config, 3, null, file).ResultValue.Image]);
        return new Measured(Comparison.Median(Comparison.Times(Work, new Effort(1, 3))));
    }

    private static Measured Read(string folder, int count)
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
        var split = DataSet.split(0.05f, 0, folder).ResultValue;
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
        return new Measured(clock.Elapsed.TotalMilliseconds);
    }

    /// <summary>Scores that hardly ever repeat, which take the most memory. Making them is not timed.</summary>
    private static Measured PixelMetricsOf(string folder, int count)
    {
        const int Side = 1_000;
        var pixels = new PixelMetrics();
        var clock = new Stopwatch();
        for (var i = 0; i < count; i++)
        {
            var mask = Kernels.Boxes(i, Side);
            var scores = Kernels.Uniform((ulong)i, Side * Side);
            for (var p = 0; p < scores.Length; p++)
                scores[p] = scores[p] * scores[p] * scores[p] * scores[p] + 0.3f * mask.Pixels[p];
            clock.Start();
            pixels.Add(ImageModule.ofArray(1, Side, Side, scores), mask);
            clock.Stop();
        }
        clock.Start();
        _ = pixels.Summarise(400).ResultValue;
        _ = pixels.Pro(0.3, 400).ResultValue;
        return new Measured(clock.Elapsed.TotalMilliseconds);
    }
}
