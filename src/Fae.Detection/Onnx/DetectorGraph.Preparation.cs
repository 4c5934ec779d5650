using Fae.Core;
using static Onnx.TensorProto.Types;

namespace Fae.Detection;

/// <summary>From a camera's pictures to the network's input: resizing, ignore mask, light.</summary>
internal sealed partial class DetectorGraph
{
    /// <summary>(N, H, W, C) values → (N, C, height, width) in [0, 1], by Lanczos' windows.</summary>
    private string Resized(string images)
    {
        var floats = graph.Node("Transpose", [As(DataType.Float, images)], ("perm", new[] { 0, 3, 1, 2 }));
        var lengths = Node("Shape", floats);
        var tall = Node("MatMul", Taps(lengths, 2, size.Height), floats);
        var resized = Node("MatMul", tall, graph.Node("Transpose", [Taps(lengths, 3, size.Width)], ("perm", new[] { 1, 0 })));
        var (low, high) = Range(card.Config);
        var levelled = low == 0 ? resized : Node("Sub", resized, Number(low));
        return Node("Clip", Node("Mul", levelled, Number(1f / (high - low))), Number(0), Number(1));
    }

    /// <summary>As <c>Fae.Core.IgnoreMask.fill</c>: what the ignore mask hides is the mean of what is visible.</summary>
    private string Visible(string x)
    {
        if (card.Ignore is not { } mask)
            return x;
        var seen = Array.ConvertAll(mask.Pixels, value => IgnoreMask.hides(value) ? 0f : 1f);
        var weights = graph.Constant([1, 1, mask.Height, mask.Width], seen);
        var kept = Node("Mul", x, weights);
        var sum = graph.Node("ReduceSum", [kept, Whole(2, 3)], ("keepdims", 1));
        var hidden = graph.Constant([1, 1, mask.Height, mask.Width], Array.ConvertAll(seen, value => 1 - value));
        return Node("Add", kept, Node("Mul", Node("Div", sum, Number(Math.Max(1, seen.Sum()))), hidden));
    }

    /// <summary>
    /// (count, length): what each place of the resized line takes of each pixel of the picture's, as <c>Fae.Core.Resample.taps</c> says.
    /// </summary>
    private string Taps(string lengths, long axis, int count)
    {
        var length = As(DataType.Double, Node("Squeeze", Slice(lengths, [axis], [axis + 1], [0]), Whole(0)));
        var scale = Node("Div", length, Exact(count));
        var middles = graph.Constant([count, 1], Enumerable.Range(0, count).Select(i => i + 0.5).ToArray());
        var centres = Node("Sub", Node("Mul", middles, scale), Exact(0.5));
        var away = Node("Div", Node("Sub", Node("Range", Exact(0), length, Exact(1)), centres), Node("Max", scale, Exact(1)));
        var inside = Node("Less", Node("Abs", away), Exact(Resample.lobes));
        var windowed = Node("Mul", Sinc(away), Sinc(Node("Div", away, Exact(Resample.lobes))));
        var taken = Node("Where", inside, windowed, Exact(0));
        return As(DataType.Float, Node("Div", taken, graph.Node("ReduceSum", [taken, Whole(1)], ("keepdims", 1))));
    }

    private string Sinc(string x)
    {
        var angle = Node("Mul", x, Exact(Math.PI));
        return Node("Where", Node("Less", Node("Abs", x), Exact(1e-12)), Exact(1), Node("Div", Node("Sin", angle), angle));
    }

    /// <summary>As <c>Fae.Core.Illumination.correct</c>.</summary>
    private string CorrectIllumination(string x)
    {
        var sigma = card.Config.Image.IlluminationSigma;
        if (sigma <= 0)
            return x;
        var blurred = Mean(x, Core.Illumination.filterSize(sigma), 3);
        return Node("Min", Number(1), Node("Div", Node("Mul", x, Number(0.5f)), Node("Add", blurred, Number(Core.Illumination.floor))));
    }
}
