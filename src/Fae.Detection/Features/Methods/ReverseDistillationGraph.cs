namespace Fae.Detection;

/// <summary>
/// RD++ (Tien et al., CVPR 2023): each stage of the teacher is projected, the projections are fused to a bottleneck, and a student decodes
/// the stages from it. The map is the sum of 1 − cosine between teacher and student over the stages.
/// </summary>
internal static class ReverseDistillationGraph
{
    /// <summary>The projection of a stage, counted from 0.</summary>
    public static string Projected(int stage) => $"projected_{stage}";

    /// <summary>The student's version of a stage, counted from 0.</summary>
    public static string Decoded(int stage) => $"decoded_{stage}";

    /// <summary>Stages → (N, 1, h, w), the size of the first.</summary>
    /// <exception cref="InvalidDataException">An array is missing or of another shape.</exception>
    public static string Append(GraphLayers layers, IReadOnlyList<string> stages, Backbone backbone)
    {
        var graph = layers.Graph;
        var channels = backbone.Channels;
        var projected = stages
            .Select((stage, i) => graph.Name(Projection(layers, stage, $"projector_{i}", channels[i]), Projected(i)))
            .ToList();
        var h = Bottleneck(layers, projected, channels);
        long from = 2L * channels[^1];
        string? map = null;
        for (var i = stages.Count - 1; i >= 0; i--)
        {
            h = Residual(layers, layers.ResizeLike(h, stages[i]), $"decoder_{i}_a", from, channels[i]);
            h = graph.Name(Residual(layers, h, $"decoder_{i}_b", channels[i], channels[i]), Decoded(i));
            from = channels[i];
            var apart = layers.ResizeLike(Apart(layers, stages[i], h), stages[0]);
            map = map is null ? apart : layers.Add(map, apart);
        }
        return map!;
    }

    /// <summary>Four convolutions C → C/2 → C/4 → C/2 → C with instance normalisation.</summary>
    private static string Projection(GraphLayers layers, string x, string name, long channels)
    {
        var sizes = new[] { channels, channels / 2, channels / 4, channels / 2, channels };
        for (var i = 0; i < 4; i++)
        {
            x = layers.InstanceNorm(
                layers.Conv(x, $"{name}_{i}", sizes[i], sizes[i + 1], 3, bias: false),
                $"{name}_{i}_norm",
                sizes[i + 1]
            );
            x = layers.LeakyRelu(x, 0.2);
        }
        return x;
    }

    /// <summary>All projections at the last one's size, fused, and one residual block of half that size and twice the channels.</summary>
    private static string Bottleneck(GraphLayers layers, List<string> projected, IReadOnlyList<int> channels)
    {
        long last = channels[^1];
        var sized = projected.Select(
            (map, i) =>
            {
                long from = channels[i];
                for (var step = i; step < projected.Count - 1; step++)
                {
                    map = layers.Block(map, $"fuse_{i}_{step}", from, channels[step + 1], stride: 2);
                    from = channels[step + 1];
                }
                return i == projected.Count - 1 ? map : layers.ResizeLike(map, projected[^1]);
            }
        );
        var fused = layers.Block(layers.Stack([.. sized]), "fuse", projected.Count * last, 2 * last, stride: 2);
        return Residual(layers, fused, "bottleneck", 2 * last, 2 * last);
    }

    /// <summary>ResNet's basic block: two convolutions beside a shortcut.</summary>
    private static string Residual(GraphLayers layers, string x, string name, long from, long to)
    {
        var inner = layers.Block(x, name + "_0", from, to);
        inner = layers.BatchNorm(layers.Conv(inner, name + "_1", to, to, 3, bias: false), name + "_1_norm", to);
        var shortcut =
            from == to ? x : layers.BatchNorm(layers.Conv(x, name + "_short", from, to, 1, bias: false), name + "_short_norm", to);
        return layers.Relu(layers.Add(inner, shortcut));
    }

    /// <summary>1 − cosine at each place.</summary>
    private static string Apart(GraphLayers layers, string a, string b)
    {
        var graph = layers.Graph;
        string Length(string x) => graph.Node("Sqrt", [layers.SumOfChannels(layers.Multiply(x, x))]);
        var lengths = layers.Add(layers.Multiply(Length(a), Length(b)), graph.Constant([], 1e-6f));
        var cosine = graph.Node("Div", [layers.SumOfChannels(layers.Multiply(a, b)), lengths]);
        return graph.Node("Sub", [graph.Constant([], 1f), cosine]);
    }
}
