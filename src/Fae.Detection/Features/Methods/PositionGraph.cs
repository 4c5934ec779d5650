using static Onnx.TensorProto.Types;

namespace Fae.Detection;

/// <summary>A two-dimensional positional encoding: sines and cosines of row and column at geometric wavelengths, (N, 64, h, w).</summary>
internal static class PositionGraph
{
    /// <summary>Channels of the encoding.</summary>
    public const int Channels = 64;

    private const double LongestWavelength = 10_000;

    /// <summary>The encoding for the places of a map.</summary>
    public static string Append(GraphLayers layers, string map)
    {
        var graph = layers.Graph;
        var nothing = layers.Scale(layers.Channels(map, 0, 1), 0);
        var row = Line(graph, map, 2, [1, 1, -1, 1]);
        var column = Line(graph, map, 3, [1, 1, 1, -1]);
        const int each = Channels / 4;
        var rates = Enumerable.Range(0, each).Select(i => (float)Math.Pow(LongestWavelength, -(double)i / each)).ToArray();
        string Wave(string operation, string line) =>
            layers.Add(graph.Node(operation, [layers.Multiply(line, graph.Constant([1, each, 1, 1], rates))]), nothing);
        return layers.Stack(Wave("Sin", row), Wave("Cos", row), Wave("Sin", column), Wave("Cos", column));
    }

    /// <summary>0, 1, 2, … along an axis of a map.</summary>
    private static string Line(OnnxGraph graph, string map, int axis, long[] shape)
    {
        var side = graph.Node("Gather", [graph.Node("Shape", [map]), graph.Constant([], (long)axis)], ("axis", 0));
        var numbers = graph.Node("Range", [graph.Constant([], 0L), side, graph.Constant([], 1L)]);
        return graph.Node("Reshape", [graph.Node("Cast", [numbers], ("to", (int)DataType.Float)), graph.Constant([4], shape)]);
    }
}
