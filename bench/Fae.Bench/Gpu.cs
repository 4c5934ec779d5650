using System.Text.Json.Serialization;
using Fae.Core;
using Fae.Data;
using Fae.Detection;
using Fae.Gpu;
using Fae.Kernels;
using Fae.Training;
using Microsoft.FSharp.Core;
using TorchSharp;
using static TorchSharp.torch;

namespace Fae.Bench;

/// <summary>Work on a GPU: the rows beside torch, the filter's share of what a copy moves, and pictures a second in training.</summary>
internal sealed record GpuResult(
    [property: JsonPropertyName("torch")] string Torch,
    [property: JsonPropertyName("driver")] int Driver,
    [property: JsonPropertyName("rows")] IReadOnlyList<Row> Rows,
    [property: JsonPropertyName("filter_share_of_bandwidth")] double FilterShare
);

/// <summary>
/// Kernels in torch's own context beside torch's operators that do the same, and a training step beside PyTorch's, eager and compiled.
/// </summary>
internal static class Gpu
{
    private const int Window = 21,
        Passes = 3;

    /// <summary>Why nothing can be measured; null where it can.</summary>
    public static string? Missing() =>
        !TorchLibraries.Any ? $"there is no libtorch; name one for CUDA in {TorchLibraries.Variable}"
        : TorchRuntime.Find("cuda") is (null, var problem) ? problem
        : CudaMachine.Missing();

    public static GpuResult Measure(bool tiny)
    {
        var effort = tiny ? new Effort(0, 3) : new Effort(500, 50, 3);
        var side = tiny ? 256 : 4096;
        using var machine = new CudaMachine(0);
        using var scoring = new DeviceScoring(machine);
        using var scope = NewDisposeScope();
        var x = rand(1, 1, side, side, device: CUDA);
        var r = rand(1, 1, side, side, device: CUDA);
        var map = rand(1, 1, side, side, device: CUDA);
        var (a, b, to) = (machine.Of(x), machine.Of(r), machine.Of(map));

        double Timed(Action work) =>
            Comparison.Median(
                Comparison.Times(
                    () =>
                    {
                        using var inner = NewDisposeScope();
                        work();
                        machine.Synchronise();
                    },
                    effort
                )
            );
        Row Beside(string work, double target, string peer, Action ours, Action theirs)
        {
            var (o, t) = (Timed(ours), Timed(theirs));
            return new Row(work, peer, o, t, t / o, target);
        }

        var filter = Beside(
            FormattableString.Invariant($"mean filter {Window}×{Window}, n = {Passes}, {side}×{side}, on the GPU"),
            5,
            "avg_pool2d",
            () => scoring.Smooth(to, 1, side, side, Window, Passes),
            () => Pooled(map)
        );
        var copy = Timed(() => map.copy_(x));
        var rows = new List<Row>
        {
            filter,
            Beside(
                $"GMS map {side}×{side}, on the GPU",
                1,
                "conv2d",
                () => scoring.Heatmap(Of(Fae.Core.Measure.Gms), a, b, to, 1, side, side),
                () => GmsByConvolution(x, r)
            ),
            Beside(
                $"SSIM map {side}×{side}, on the GPU",
                1,
                "avg_pool2d",
                () => scoring.Heatmap(Of(Fae.Core.Measure.Ssim), a, b, to, 1, side, side),
                () => SsimByPooling(x, r)
            ),
            Beside(
                $"squared difference {side}×{side}, on the GPU",
                1,
                "sub, square",
                () => scoring.Heatmap(Of(Fae.Core.Measure.Mse), a, b, to, 1, side, side),
                () => x.sub(r).square()
            ),
            Beside(
                $"mean of the top 0.5% of {side}×{side}, on the GPU",
                1,
                "topk, mean",
                () =>
                    scoring.Score(
                        new(Fae.Core.Measure.Mse, 1, 0, Reduction.NewTop(0.005f), 0, Normalisation.Unnormalised),
                        null,
                        a,
                        side,
                        side
                    ),
                () => x.reshape(-1).topk(side * side / 200).values.mean().item<float>()
            ),
            Beside(
                $"sum of {side}×{side}, on the GPU",
                1,
                "sum",
                () => scoring.Score(Of(Fae.Core.Measure.Mse), null, a, side, side),
                () => x.sum().item<float>()
            ),
        };
        foreach (var size in tiny ? [64] : new[] { 256, 512 })
            rows.AddRange(Steps(size, tiny));
        rows.Add(Inspection(tiny ? 64 : 256, Timed));
        // All passes along rows together, and all down columns, move every value twice each, as a copy does once.
        return new GpuResult(TorchRuntime.Version, CudaMachine.DriverVersion(), rows, 2 * copy / filter.OursMs);
    }

    private static Tensor Pooled(Tensor planes) =>
        Enumerable
            .Range(0, Passes)
            .Aggregate(
                planes,
                (t, _) => nn.functional.avg_pool2d(t, [Window, Window], [1, 1], [Window / 2, Window / 2], count_include_pad: false)
            );

    private static Scoring Of(Fae.Core.Measure measure) => new(measure, 1, 0, Reduction.Sum, 0, Normalisation.Unnormalised);

    private static Tensor GmsByConvolution(Tensor x, Tensor r)
    {
        var across = tensor(new float[] { -1, 0, 1, -1, 0, 1, -1, 0, 1 }, 1, 1, 3, 3).to(CUDA).div(3);
        Tensor Gradient(Tensor plane)
        {
            var padded = nn.functional.pad(plane, [1, 1, 1, 1], PaddingModes.Replicate);
            return nn.functional.conv2d(padded, across).square().add(nn.functional.conv2d(padded, across.transpose(2, 3)).square()).sqrt();
        }
        var (a, b) = (Gradient(x), Gradient(r));
        return a.mul(b).mul(2).add(Difference.gmsConstant).div(a.square().add(b.square()).add(Difference.gmsConstant)).neg().add(1);
    }

    private static Tensor SsimByPooling(Tensor x, Tensor r)
    {
        static Tensor Mean(Tensor t) =>
            nn.functional.avg_pool2d(
                t,
                [Difference.ssimWindow, Difference.ssimWindow],
                [1, 1],
                [Difference.ssimWindow / 2, Difference.ssimWindow / 2],
                count_include_pad: false
            );
        var (mx, mr) = (Mean(x), Mean(r));
        var (vx, vr, both) = (Mean(x.square()).sub(mx.square()), Mean(r.square()).sub(mr.square()), Mean(x.mul(r)).sub(mx.mul(mr)));
        var upper = mx.mul(mr).mul(2).add(Difference.ssimC1).mul(both.mul(2).add(Difference.ssimC2));
        return upper.div(mx.square().add(mr.square()).add(Difference.ssimC1).mul(vx.add(vr).add(Difference.ssimC2))).neg().add(1);
    }

    /// <summary>
    /// One picture from memory to its score and heatmap: all of it on the GPU, beside the network there and the scores here.
    /// </summary>
    private static Row Inspection(int side, Func<Action, double> timed)
    {
        var config = Specimen.Set(("image.size", side));
        var picture = Specimen.Picture(1, side, side);
        Network Drawn() => new(config.Network, 3, Fae.Core.Random.ofSeed(1), CUDA);
        var way = new Scoring(Fae.Core.Measure.Mse, Window, Passes, Reduction.NewTop(0.005f), 4, Normalisation.NewByMedian(0.01f));
        using var there = CudaInspector.Of(Drawn(), tell => CudaMachine.Start(CUDA, tell), Console.Error.WriteLine);
        using var here = Drawn();
        var straight = new[] { ViewModule.straight };
        var ours = there is IInspector inspector ? timed(() => inspector.Inspect([picture], straight, null, way, null)) : double.NaN;
        var theirs = timed(() =>
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
