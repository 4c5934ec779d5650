using Fae.Core;

namespace Fae.Detection;

/// <summary>
/// The U-Net of Fae.Training for inference, as an ONNX graph made from its arrays alone: (N, C, H, W) → (N, C, H, W). Each batch
/// normalisation is folded into the convolution before it: γ·(w∗x − μ)/√(σ² + ε) + β is a convolution with w·γ/√(σ² + ε) and a bias.
/// </summary>
internal sealed class UNetGraph
{
    private const double Epsilon = 1e-5;
    private readonly OnnxGraph graph;
    private readonly Dictionary<string, NamedArray> arrays;

    private UNetGraph(OnnxGraph graph, IEnumerable<NamedArray> weights)
    {
        this.graph = graph;
        arrays = weights.ToDictionary(array => array.Name);
    }

    /// <summary>The network's answer to a value of a graph.</summary>
    /// <exception cref="InvalidDataException">An array is missing or of another shape than the settings ask for.</exception>
    public static string Append(OnnxGraph graph, string input, NetworkSettings settings, int channels, IEnumerable<NamedArray> weights) =>
        new UNetGraph(graph, weights).Build(input, settings, channels);

    private string Build(string input, NetworkSettings settings, int channels)
    {
        var fold = settings.SpaceToDepth;
        var planes = channels * fold * fold;
        int Width(int level) => settings.Width << level;

        var h = fold == 1 ? input : graph.Node("SpaceToDepth", [input], ("blocksize", fold));
        var skips = new Stack<string>();
        for (var level = 0; level < settings.Depth; level++)
        {
            var from = level == 0 ? planes : Width(level - 1);
            h = Block(h, $"encoder.{level}.0", from, Width(level), 1, level == 0 ? BlocksFirst(channels, fold) : null);
            h = Block(h, $"encoder.{level}.1", Width(level), Width(level), 1);
            skips.Push(h);
            h = graph.Node("MaxPool", [h], ("kernel_shape", new[] { 2, 2 }), ("strides", new[] { 2, 2 }));
        }

        h = Block(h, "entry", Width(settings.Depth - 1), Width(settings.Depth), 1);
        foreach (var (dilation, i) in settings.Dilations.Select((dilation, i) => (dilation, i)))
            h = graph.Node("Add", [h, Block(h, $"bottleneck.{i}", Width(settings.Depth), Width(settings.Depth), dilation)]);
        for (var i = 0; i < settings.Depth; i++)
        {
            var level = settings.Depth - 1 - i;
            h = ToSpace(Pointwise(h, $"up.{i}", Width(level + 1), 4 * Width(level)), 2);
            h = graph.Node("Add", [h, skips.Pop()]);
            h = Block(h, $"decoder.{i}.0", Width(level), Width(level), 1);
            h = Block(h, $"decoder.{i}.1", Width(level), Width(level), 1);
        }

        h = ToSpace(Pointwise(h, "exit", Width(0), planes), fold);
        return settings.Residual ? graph.Node("Add", [input, h]) : h;
    }

    /// <summary>
    /// Torch folds pixels into channels channel by channel, ONNX place by place: where its place p finds torch's channel.
    /// </summary>
    private static int[] BlocksFirst(int channels, int fold) =>
        Enumerable.Range(0, channels * fold * fold).Select(p => p % channels * fold * fold + p / channels).ToArray();

    private string ToSpace(string value, int fold) =>
        fold == 1 ? value : graph.Node("DepthToSpace", [value], ("blocksize", fold), ("mode", "CRD"));

    private string Pointwise(string value, string name, int from, int to) =>
        graph.Node(
            "Conv",
            [value, Constant(name + ".weight", to, from, 1, 1), Constant(name + ".bias", to)],
            ("kernel_shape", new[] { 1, 1 })
        );

    private string Constant(string name, params long[] shape) => graph.Constant(shape, Values(name, shape));

    /// <summary>Convolution of 3×3 with its normalisation, ReLU; the inputs in another order if one is given.</summary>
    private string Block(string value, string name, int from, int to, int dilation, int[]? order = null)
    {
        var weight = Values(name + ".0.weight", to, from, 3, 3);
        var (gamma, beta) = (Values(name + ".1.weight", to), Values(name + ".1.bias", to));
        var (mean, variance) = (Values(name + ".1.running_mean", to), Values(name + ".1.running_var", to));
        var folded = new float[weight.Length];
        var bias = new float[to];
        for (var o = 0; o < to; o++)
        {
            var scale = gamma[o] / Math.Sqrt(variance[o] + Epsilon);
            bias[o] = (float)(beta[o] - mean[o] * scale);
            for (var i = 0; i < from; i++)
            for (var k = 0; k < 9; k++)
                folded[(o * from + i) * 9 + k] = (float)(weight[(o * from + (order is null ? i : order[i])) * 9 + k] * scale);
        }
        var convolved = graph.Node(
            "Conv",
            [value, graph.Constant([to, from, 3, 3], folded), graph.Constant([to], bias)],
            ("kernel_shape", new[] { 3, 3 }),
            ("dilations", new[] { dilation, dilation }),
            ("pads", new[] { dilation, dilation, dilation, dilation })
        );
        return graph.Node("Relu", [convolved]);
    }

    private float[] Values(string name, params long[] shape) => NamedArray.Find(arrays, name, shape).Values;
}
