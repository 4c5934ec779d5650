using static Onnx.TensorProto.Types;

namespace Fae.Detection;

/// <summary>
/// RealNet (Zhang et al., CVPR 2024): the channels of each stage that react to defects best are reconstructed by small U-Nets; a decoder
/// looks at the squared residuals with the largest maxima and means. The map is its logit.
/// </summary>
internal static class ResidualGraph
{
    /// <summary>The numbers of a stage's selected channels.</summary>
    public static string Selection(int stage) => $"selection_{stage}";

    /// <summary>The selected channels of a stage.</summary>
    public static string Selected(int stage) => $"selected_{stage}";

    /// <summary>Their reconstruction.</summary>
    public static string Reconstructed(int stage) => $"reconstructed_{stage}";

    /// <summary>Logit of a defect at each place of the map, (N, 1, h, w).</summary>
    public const string Logit = "logit";

    private const int MostSelected = 64;
    private const int Decoder = 64;

    /// <summary>Channels of a stage that are selected.</summary>
    public static int Count(int channels) => Math.Min(MostSelected, channels / 2);

    /// <summary>Stages → (N, 1, 2h, 2w), twice the size of the first.</summary>
    /// <exception cref="InvalidDataException">An array is missing or of another shape.</exception>
    public static string Append(GraphLayers layers, IReadOnlyList<string> stages, Backbone backbone)
    {
        var graph = layers.Graph;
        var residuals = stages.Select((stage, i) => Residual(layers, stage, i, Count(backbone.Channels[i]))).ToList();
        var all = layers.Stack([.. residuals.Select(residual => layers.ResizeLike(residual, stages[0]))]);
        var quarter = backbone.Channels.Sum(Count) / 4;
        var kept = layers.Stack(Largest(layers, all, "ReduceMax", quarter), Largest(layers, all, "ReduceMean", quarter));
        var h = layers.Block(kept, "decoder_0", 2 * quarter, Decoder);
        h = layers.Block(h, "decoder_1", Decoder, Decoder);
        h = layers.Block(Double(graph, h), "decoder_2", Decoder, Decoder / 2);
        return graph.Name(layers.Conv(h, "decoder_3", Decoder / 2, 1, 3), Logit);
    }

    private static string Residual(GraphLayers layers, string stage, int i, int count)
    {
        var graph = layers.Graph;
        var places = graph.Node("Cast", [layers.Buffer(Selection(i), Initial.Zero, count)], ("to", (int)DataType.Int64));
        var selected = graph.Name(graph.Node("Gather", [stage, places], ("axis", 1)), Selected(i));
        var first = layers.Block(selected, $"repair_{i}_0", count, count);
        var middle = layers.Block(first, $"repair_{i}_1", count, 2 * count, stride: 2);
        middle = layers.Block(middle, $"repair_{i}_2", 2 * count, 2 * count);
        var last = layers.Block(layers.Stack(first, layers.ResizeLike(middle, selected)), $"repair_{i}_3", 3 * count, count);
        var repaired = graph.Name(layers.Conv(last, $"repair_{i}_4", count, count, 3), Reconstructed(i));
        var apart = graph.Node("Sub", [selected, repaired]);
        return layers.Multiply(apart, apart);
    }

    /// <summary>The channels of each picture whose reduction over all places is largest, in falling order.</summary>
    private static string Largest(GraphLayers layers, string all, string reduction, int count)
    {
        var graph = layers.Graph;
        var pooled = graph.Node(reduction, [all], ("axes", new[] { 2, 3 }), ("keepdims", 0));
        var places = graph.LargestPlaces(pooled, count);
        var shape = graph.Node("Shape", [all]);
        var batch = graph.Node("Slice", [shape, graph.Constant([1], 0L), graph.Constant([1], 1L)]);
        var sizes = graph.Node("Concat", [batch, graph.Constant([1], (long)count), EmbeddingGraph.Sides(graph, all)], ("axis", 0));
        var each = graph.Node("Expand", [graph.Node("Reshape", [places, graph.Constant([4], 0L, 0L, 1L, 1L)]), sizes]);
        return graph.Node("GatherElements", [all, each], ("axis", 1));
    }

    private static string Double(OnnxGraph graph, string x)
    {
        var sides = graph.Node("Mul", [EmbeddingGraph.Sides(graph, x), graph.Constant([1], 2L)]);
        return EmbeddingGraph.Resize(graph, x, sides);
    }
}
