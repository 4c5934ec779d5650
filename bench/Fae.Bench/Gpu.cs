using Fae.Core;
using Fae.Data;
using Fae.Detection;
using Fae.Gpu;
using Fae.Kernels;
using Fae.Training;
using Microsoft.FSharp.Core;
using static TorchSharp.torch;

namespace Fae.Bench;

/// <summary>
/// What needs a libtorch for CUDA: training steps beside PyTorch's, eager and compiled, and the inspection of a picture.
/// </summary>
internal static class Gpu
{
    /// <summary>Why nothing can be measured; null where it can.</summary>
    public static string? Missing() =>
        !TorchLibraries.Any ? $"there is no libtorch; name one for CUDA in {TorchLibraries.Variable}"
        : TorchRuntime.Find("cuda") is (null, var problem) ? problem
        : DriverMachine.Missing();

    public static IEnumerable<Row> Rows(bool tiny)
    {
        yield return Inspection(tiny ? 64 : 256, tiny ? new Effort(0, 3) : new Effort(500, 50));
        foreach (var size in tiny ? [64] : new[] { 256, 512 })
        foreach (var row in Steps(size, tiny))
            yield return row;
    }

    /// <summary>
    /// One picture from memory to its score and heatmap: all of it on the GPU, beside the network there and the scores here.
    /// </summary>
    private static Row Inspection(int side, Effort effort)
    {
        double Timed(Action work) => Comparison.Median(Comparison.Times(work, effort));
        var config = Specimen.Set(("image.size", side));
        var picture = Specimen.Picture(1, side, side);
        Network Drawn() => new(config.Network, 3, Fae.Core.Random.ofSeed(1), CUDA);
        var way = new Scoring(Fae.Core.Measure.Mse, 9, 2, Reduction.NewTop(0.005f), 4, Normalisation.NewByMedian(0.01f));
        using var there = CudaInspector.Of(Drawn(), tell => CudaMachine.Start(CUDA, tell), Console.Error.WriteLine);
        using var here = Drawn();
        var straight = new[] { ViewModule.straight };
        var ours = there is IInspector inspector ? Timed(() => inspector.Inspect([picture], straight, null, way, null)) : double.NaN;
        var theirs = Timed(() =>
            ScoringKernel.Score(way, FSharpOption<Image>.None, ScoringKernel.Heatmap(way, picture, here.Reconstruct(picture)))
        );
        return new Row(
            FormattableString.Invariant($"inspection of one picture, {side}×{side} RGB, on the GPU"),
            "network on the GPU, scores on the CPU",
            ours,
            theirs,
            theirs / ours,
            1
        );
    }

    /// <summary>Training steps, data made, beside PyTorch's with data that are there.</summary>
    private static IEnumerable<Row> Steps(int side, bool tiny)
    {
        const int batch = 16;
        var steps = tiny ? 4 : 60;
        var config = Specimen.Set(("image.size", side), ("train.batch", batch));
        var images = Enumerable.Range(0, 16).Select(i => Specimen.Picture((ulong)i + 1, side, side)).ToArray();
        var source = new TrainingSource(config, ImageCache.OfImages(images), [], FSharpOption<Image>.None);
        var validation = new ValidationSet(images[..1], images[..1], [ImageModule.constant(1, side, side, 0)]);
        // Their mean: only some of the steps wait for the GPU.
        var ours = Training.Round(config, validation, source, steps, CUDA).Average();
        foreach (var peer in new[] { "training_cuda", "training_compiled" })
            if (
                Comparison.Beside(
                    FormattableString.Invariant($"training step, batch {batch} of {side}×{side} RGB, on the GPU"),
                    1,
                    ours,
                    Comparison.Peer(peer, side, batch, new Effort(2000, steps)),
                    Comparison.Median
                ) is
                { } row
            )
                yield return row;
    }
}
