namespace Fae.Detection;

/// <summary>
/// MSFlow (Zhou et al., TNNLS 2024): a conditional normalising flow of each stage's pooled features, then flows across the stages. The map
/// is the sum over stages of 1 − exp(log p − peak), log p = −½·mean z² of a place and the peak the largest log p of good pictures.
/// </summary>
internal static class FlowGraph
{
    /// <summary>z of a stage, (N, C, h, w).</summary>
    public static string Latent(int stage) => $"latent_{stage}";

    /// <summary>log |∂z/∂x| at each place of a stage, (N, 1, h, w).</summary>
    public static string LogDeterminant(int stage) => $"log_determinant_{stage}";

    /// <summary>log p at each place of a stage, (N, 1, h, w).</summary>
    public static string LogDensity(int stage) => $"log_density_{stage}";

    /// <summary>The largest log p of a stage, one number.</summary>
    public static string Peak(int stage) => $"peak_{stage}";

    private static readonly int[] Blocks = [2, 5, 8];

    /// <summary>Stages → (N, 1, h, w), the size of the first pooled stage.</summary>
    /// <exception cref="InvalidDataException">An array is missing or of another shape.</exception>
    public static string Append(GraphLayers layers, IReadOnlyList<string> stages, Backbone backbone)
    {
        var graph = layers.Graph;
        var channels = backbone.Channels;
        var flows = stages.Select((stage, i) => Flow(layers, Pooled(graph, stage), i, channels[i])).ToList();
        flows = Fused(layers, flows, channels, "fusion_0", second: true);
        flows = Fused(layers, flows, channels, "fusion_1", second: false);
        string? map = null;
        for (var i = 0; i < flows.Count; i++)
        {
            graph.Name(flows[i].LogDeterminant, LogDeterminant(i));
            var z = graph.Name(flows[i].Value, Latent(i));
            var density = graph.Name(layers.Scale(layers.MeanOfChannels(layers.Multiply(z, z)), -0.5), LogDensity(i));
            var below = graph.Node("Sub", [density, layers.Buffer(Peak(i), Initial.Zero, 1)]);
            var rarity = graph.Node(
                "Sub",
                [graph.Constant([], 1f), graph.Node("Exp", [graph.Node("Min", [below, graph.Constant([], 0f)])])]
            );
            map = map is null ? rarity : layers.Add(map, layers.ResizeLike(rarity, flows[0].Value));
        }
        return map!;
    }

    private static string Pooled(OnnxGraph graph, string stage) =>
        graph.Node(
            "AveragePool",
            [stage],
            ("kernel_shape", new[] { 3, 3 }),
            ("strides", new[] { 2, 2 }),
            ("pads", new[] { 1, 1, 1, 1 }),
            ("count_include_pad", 1)
        );

    private static Coupling Flow(GraphLayers layers, string x, int stage, int channels)
    {
        var position = PositionGraph.Append(layers, x);
        var flow = new Coupling(x, layers.Scale(layers.SumOfChannels(x), 0));
        for (var block = 0; block < Blocks[Math.Min(stage, Blocks.Length - 1)]; block++)
        {
            var step = CouplingGraph.Append(
                layers,
                flow.Value,
                [position],
                channels,
                PositionGraph.Channels,
                $"flow_{stage}_{block}",
                true
            );
            flow = new Coupling(
                CouplingGraph.Permute(layers.Graph, step.Value, channels, (ulong)block),
                layers.Add(flow.LogDeterminant, step.LogDeterminant)
            );
        }
        return flow;
    }

    /// <summary>One half of each stage's channels changes by the other halves of all stages.</summary>
    private static List<Coupling> Fused(GraphLayers layers, List<Coupling> flows, IReadOnlyList<int> channels, string name, bool second)
    {
        string Kept(int i) =>
            second ? layers.Channels(flows[i].Value, 0, channels[i] / 2) : layers.Channels(flows[i].Value, channels[i] / 2, channels[i]);
        var kept = Enumerable.Range(0, flows.Count).Select(Kept).ToList();
        return flows
            .Select(
                (flow, i) =>
                {
                    var others = kept.Where((_, j) => j != i).Select(map => layers.ResizeLike(map, flow.Value)).ToArray();
                    var width = channels.Where((_, j) => j != i).Sum(count => count / 2);
                    var step = CouplingGraph.Append(layers, flow.Value, others, channels[i], width, $"{name}_{i}", second);
                    return new Coupling(step.Value, layers.Add(flow.LogDeterminant, step.LogDeterminant));
                }
            )
            .ToList();
    }
}
