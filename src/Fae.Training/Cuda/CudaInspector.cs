using Fae.Core;
using Fae.Detection;
using Fae.Gpu;
using Fae.Kernels;
using Microsoft.FSharp.Core;
using static TorchSharp.torch;

namespace Fae.Training;

/// <summary>
/// Runs the whole inspection on the GPU. torch cuts, turns and blends views and windows; the Fae kernels compute heatmaps and scores in
/// the same memory. Only reconstructions, heatmaps and two numbers per picture are copied back. Thread-safe.
/// </summary>
public sealed class CudaInspector : IInspector
{
    /// <summary>Batch size: pictures, or windows, per call of the network.</summary>
    private const int AtOnce = 8;

    private readonly Network network;
    private readonly CudaMachine machine;
    private readonly DeviceScoring scoring;
    private readonly object gate = new();
    private bool disposed;

    /// <summary>Takes ownership of the network and of the machine.</summary>
    public CudaInspector(Network network, CudaMachine machine)
    {
        (this.network, this.machine) = (network, machine);
        scoring = new(machine);
    }

    /// <summary>
    /// Returns a GPU inspector if <paramref name="start"/> gives a machine whose scores agree with the CPU's; otherwise the network itself.
    /// </summary>
    public static IReconstructor Of(Network network, Func<Action<string>, CudaMachine?> start, Action<string> warn)
    {
        ArgumentNullException.ThrowIfNull(start);
        ArgumentNullException.ThrowIfNull(warn);
        if (start(warn) is not { } machine)
            return network;
        var inspector = new CudaInspector(network, machine);
        if (CudaMachine.Passes(() => Agrees(machine, inspector.scoring, network.Device), out var why))
            return inspector;
        inspector.scoring.Dispose();
        warn($"the GPU's scores are not the CPU's{why}, so the CPU scores; please report this with what `fae doctor` says");
        return network;
    }

    /// <summary>Null if the GPU's kernels agree with the CPU; otherwise the difference.</summary>
    public static string? Trial(Device device)
    {
        var said = "";
        if (CudaMachine.Start(device, warn => said = warn) is not { } machine)
            return said;
        using var scoring = new DeviceScoring(machine);
        return CudaMachine.Passes(() => Agrees(machine, scoring, device), out var why) ? null : $"its scores are not the CPU's{why}";
    }

    /// <inheritdoc/>
    public IReadOnlyList<Image> Reconstruct(IReadOnlyList<Image> images) => network.Reconstruct(images);

    /// <inheritdoc/>
    public IReadOnlyList<(Image Answer, Image Heatmap, float Score)> Inspect(
        IReadOnlyList<Image> images,
        IReadOnlyList<View> views,
        Tiling? tiling,
        Scoring way,
        Image? ignore
    )
    {
        ArgumentNullException.ThrowIfNull(images);
        ArgumentNullException.ThrowIfNull(views);
        ArgumentNullException.ThrowIfNull(way);
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(disposed, this);
            using var off = no_grad();
            network.Module.eval();
            return tiling is null || images.All(image => image.Height == tiling.Side && image.Width == tiling.Side)
                ? images.Chunk(AtOnce).SelectMany(some => Whole(some)).ToList()
                : images.Select(InTiles).ToList();
        }

        List<(Image Answer, Image Heatmap, float Score)> Whole(Image[] some)
        {
            using var scope = NewDisposeScope();
            var x = There(some, network.Device);
            return Scored(some, x, InViews(x, views));
        }

        (Image Answer, Image Heatmap, float Score) InTiles(Image image)
        {
            using var scope = NewDisposeScope();
            var x = There([image], network.Device);
            return Scored([image], x, Blended(x, views, tiling!))[0];
        }

        List<(Image Answer, Image Heatmap, float Score)> Scored(Image[] some, Tensor x, Tensor answers)
        {
            var first = some[0];
            var heatmaps = empty([some.Length, 1, first.Height, first.Width], ScalarType.Float32, network.Device);
            var (before, after, maps) = (machine.Of(x), machine.Of(answers), machine.Of(heatmaps));
            var (volume, planes) = (first.Pixels.Length, (int)answers.shape[1]);
            var scores = new float[some.Length];
            for (var i = 0; i < some.Length; i++)
            {
                var map = maps.Slice(i * first.Area, first.Area);
                scoring.Heatmap(
                    way,
                    before.Slice(i * volume, volume),
                    after.Slice(i * planes * first.Area, planes * first.Area),
                    map,
                    first.Channels,
                    first.Height,
                    first.Width
                );
                scores[i] = scoring.Score(way, ignore, map, first.Height, first.Width);
            }
            return Batches
                .Split(Here(answers), some)
                .Zip(Batches.Split(Here(heatmaps), some))
                .Zip(scores, (pair, score) => (pair.First, pair.Second, score))
                .ToList();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (gate)
        {
            if (disposed)
                return;
            disposed = true;
            // The scoring disposes of the machine.
            scoring.Dispose();
            network.Dispose();
        }
    }

    private static float[] Here(Tensor there)
    {
        using var here = there.cpu().contiguous();
        return here.data<float>().ToArray();
    }

    /// <summary>Counter-clockwise, as <c>Fae.Core.Image.turn</c>.</summary>
    private static Tensor Turned(Tensor x, int quarters)
    {
        for (var i = 0; i < quarters; i++)
            x = x.transpose(2, 3).flip(2);
        return x;
    }

    private static Tensor Flipped(Tensor x, bool flip) => flip ? x.flip(3) : x;

    private static Tensor There(Image[] images, Device device)
    {
        var first = images[0];
        var values = images.Length == 1 ? first.Pixels : images.SelectMany(image => image.Pixels).ToArray();
        return tensor(values, [images.Length, first.Channels, first.Height, first.Width]).to(device);
    }

    /// <summary>f̄(x) = mean of V⁻¹f(Vx), for all pictures of a batch.</summary>
    private Tensor InViews(Tensor x, IReadOnlyList<View> views)
    {
        Tensor? sum = null;
        foreach (var view in views)
        {
            using var scope = NewDisposeScope();
            var seen = network.Module.forward(Turned(Flipped(x, view.Flip), view.Turns).contiguous());
            var undone = Flipped(Turned(seen, (4 - view.Turns) % 4), view.Flip);
            sum = sum is null ? undone.Times(1.0 / views.Count).MoveToOuterDisposeScope() : sum.PlusInPlace(undone, 1.0 / views.Count);
        }
        return sum!.contiguous();
    }

    /// <summary>The outputs of all windows of one picture, averaged where they overlap.</summary>
    private Tensor Blended(Tensor x, IReadOnlyList<View> views, Tiling tiling)
    {
        var side = tiling.Side;
        var (rows, columns) = (Tiles.shares(tiling, (int)x.shape[2]), Tiles.shares(tiling, (int)x.shape[3]));
        Tensor? blended = null;
        foreach (var some in rows.SelectMany(row => columns.Select(column => (Row: row, Column: column))).Chunk(AtOnce))
        {
            using var scope = NewDisposeScope();
            Tensor Window(Tensor of, int top, int left) => of.narrow(2, top, side).narrow(3, left, side);
            var answers = InViews(cat([.. some.Select(at => Window(x, at.Row.Item1, at.Column.Item1))]), views);
            blended ??= zeros([1, answers.shape[1], x.shape[2], x.shape[3]], ScalarType.Float32, network.Device).MoveToOuterDisposeScope();
            for (var i = 0; i < some.Length; i++)
            {
                var ((top, down), (left, along)) = ((some[i].Row.Item1, some[i].Row.Item2), (some[i].Column.Item1, some[i].Column.Item2));
                var weight = tensor(down, [side, 1]).mul(tensor(along, [1, side])).to(network.Device);
                Window(blended, top, left).PlusInPlace(answers.narrow(0, i, 1).mul(weight), 1);
            }
        }
        return blended!;
    }

    /// <summary>Compares heatmap and score of a noise picture on GPU and CPU, for every measure and reduction.</summary>
    private static bool Agrees(CudaMachine machine, DeviceScoring scoring, Device device)
    {
        const float near = 1e-3f;
        const int height = 45,
            width = 70;
        var (x, r) = (Noise.field(1, 0.2f, 3, height, width), Noise.field(2, 0.2f, 3, height, width));
        return new[] { Measure.Mse, Measure.Relative, Measure.Ssim, Measure.Gms, Measure.MultiGms }
            .SelectMany(measure =>
                new[] { Reduction.Sum, Reduction.Maximum, Reduction.NewTop(0.02f) }.Select(reduction => new Scoring(
                    measure,
                    9,
                    3,
                    reduction,
                    2,
                    Normalisation.NewByMedian(0.1f)
                ))
            )
            .All(way =>
            {
                var here = ScoringKernel.Heatmap(way, x, r);
                using var scope = NewDisposeScope();
                var (a, b, map) = (There([x], device), There([r], device), empty([1, 1, height, width], ScalarType.Float32, device));
                scoring.Heatmap(way, machine.Of(a), machine.Of(b), machine.Of(map), 3, height, width);
                var score = scoring.Score(way, null, machine.Of(map), height, width);
                var expected = ScoringKernel.Score(way, FSharpOption<Image>.None, here);
                return Math.Abs(score - expected) <= near * Math.Abs(expected)
                    && Here(map).Zip(here.Pixels, (p, q) => Math.Abs(p - q)).Max() <= near * here.Pixels.Max();
            });
    }
}
