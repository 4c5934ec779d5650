using Fae.Core;
using static Onnx.TensorProto.Types;

namespace Fae.Detection;

/// <summary>
/// PNI (Bae et al., ICCV 2023): a memory bank whose entries are allowed at a place by its neighbourhood, by its position, or by both. An
/// entry is allowed if the probability of its code exceeds half of an even share. The map is min over entries of γ·distance − log p, p
/// being the mean of the two permissions.
/// </summary>
internal static class NeighbourGraph
{
    /// <summary>Code vectors, codes × d.</summary>
    public const string Codes = "codes";

    /// <summary>The code of each entry of the bank.</summary>
    public const string CodeOf = "code_of";

    /// <summary>The probability of each code at each position, (1, codes, 32, 32).</summary>
    public const string Positions = "positions";

    /// <summary>Logits of the codes by a place's neighbourhood, (N, codes, h, w).</summary>
    public const string Logits = "logits";

    /// <summary>Sides of <see cref="Positions"/>.</summary>
    public const int Grid = 32;

    private const int Reduced = 32;
    private const int Hidden = 256;
    private const int Window = 9;
    private const double Gamma = 0.99;
    private const double Temperature = 2;
    private const double Least = 1e-6;

    /// <summary>Stages → (N, 1, h, w).</summary>
    /// <exception cref="InvalidDataException">An array is missing or of another shape.</exception>
    public static string Append(GraphLayers layers, IReadOnlyList<string> stages, Backbone backbone, NetworkSettings settings)
    {
        var graph = layers.Graph;
        long d = backbone.Dimensions;
        long codes = settings.Latent;
        var embedding = graph.Name(EmbeddingGraph.OfStages(graph, stages, backbone.UnitLength), EmbeddingGraph.MapName);
        var vectors = graph.Name(EmbeddingGraph.Vectors(graph, embedding, d), EmbeddingGraph.VectorsName);
        var logits = graph.Name(Neighbours(layers, embedding, d, codes), Logits);
        layers.Buffer(Codes, Initial.Zero, codes, d);

        string Allowed(string probability) =>
            graph.Node(
                "Cast",
                [graph.Node("Greater", [probability, graph.Constant([], (float)(0.5 / codes))])],
                ("to", (int)DataType.Float)
            );
        var byNeighbours = Allowed(graph.Node("Softmax", [layers.Scale(logits, 1 / Temperature)], ("axis", 1)));
        var byPosition = Allowed(layers.ResizeLike(layers.Buffer(Positions, Initial.Zero, 1, codes, Grid, Grid), embedding));
        var permission = layers.Scale(layers.Add(byNeighbours, byPosition), 0.5);

        var code = graph.Node("Cast", [layers.Buffer(CodeOf, Initial.Zero, settings.BankSize)], ("to", (int)DataType.Int64));
        var perEntry = graph.Node("Gather", [EmbeddingGraph.Vectors(graph, permission, codes), code], ("axis", 1));
        var cost = graph.Node("Log", [layers.Add(perEntry, graph.Constant([], (float)Least))]);
        var bank = layers.Buffer(MemoryBankGraph.Bank(1), Initial.Zero, settings.BankSize, d);
        var distance = layers.Scale(MemoryBankGraph.Distances(graph, vectors, bank), Gamma);
        var best = graph.Node("ReduceMin", [graph.Node("Sub", [distance, cost])], ("axes", new[] { 1 }), ("keepdims", 1));
        return EmbeddingGraph.Plane(graph, best, embedding);
    }

    /// <summary>
    /// A perceptron of each place's 9 × 9 − 1 neighbours: a convolution whose middle is masked, of embeddings with fewer channels.
    /// </summary>
    private static string Neighbours(GraphLayers layers, string embedding, long d, long codes)
    {
        var graph = layers.Graph;
        var reduced = layers.Conv(embedding, "reduce", d, Reduced, 1);
        var mask = new float[Window * Window];
        Array.Fill(mask, 1);
        mask[mask.Length / 2] = 0;
        var weight = layers.Multiply(
            layers.Weight("neighbours_weight", Initial.He, Hidden, Reduced, Window, Window),
            graph.Constant([1, 1, Window, Window], mask)
        );
        var pad = Window / 2;
        var h = graph.Node(
            "Conv",
            [reduced, weight],
            ("kernel_shape", new[] { Window, Window }),
            ("strides", new[] { 1, 1 }),
            ("pads", new[] { pad, pad, pad, pad })
        );
        h = layers.Relu(layers.BatchNorm(h, "neighbours_norm", Hidden));
        h = layers.Block(h, "hidden_0", Hidden, Hidden, side: 1);
        h = layers.Block(h, "hidden_1", Hidden, Hidden, side: 1);
        return layers.Conv(h, "logits", Hidden, codes, 1);
    }
}
