namespace Fae.Detection;

/// <summary>
/// PatchCore (Roth et al., CVPR 2022): the distance of each patch to the nearest entry of the memory bank, <c>Fae.Core.MemoryBank</c>.
/// </summary>
internal static class MemoryBankGraph
{
    /// <summary>The name of a bank among the weights, entries × d; they are counted from 1.</summary>
    public static string Bank(int number) => number == 1 ? "bank" : $"bank_{number}";

    /// <summary>The name of what is usual at each place of a bank's map, (1, 1, h, w), <c>Fae.Core.MemoryBank.places</c>.</summary>
    public static string Places(int number) => Bank(number) + "_places";

    /// <summary>Stages → (N, 1, h, w): the distances, over what is usual at their places where the model knows it.</summary>
    /// <exception cref="InvalidDataException">There is no bank, or its vectors are of another length.</exception>
    public static string Append(GraphLayers layers, IReadOnlyList<string> stages, Backbone backbone, int number = 1)
    {
        var graph = layers.Graph;
        var embedding = EmbeddingGraph.OfStages(graph, stages, backbone.UnitLength);
        var vectors = EmbeddingGraph.Vectors(graph, embedding, backbone.Dimensions);
        var bank = layers.Buffer(Bank(number), Initial.Zero, -1, backbone.Dimensions);
        var nearest = QuantisedSearch.Nearest(graph, vectors, bank);
        var map = EmbeddingGraph.Plane(graph, nearest, embedding);
        if (!layers.Has(Places(number)))
            return map;
        return graph.Node("Div", [map, layers.ResizeLike(layers.Buffer(Places(number), Initial.One, 1, 1, -1, -1), map)]);
    }

    /// <summary>
    /// (M, d) vectors × (K, d) entries → (M, K) distances: the root of ‖q‖² + (‖b‖² − 2·q·b), of which the bracket is one matrix product.
    /// The rounding is that of ‖q‖² + ‖b‖²: vectors that are equal have a distance of up to a thousandth of their length.
    /// </summary>
    public static string Distances(OnnxGraph graph, string vectors, string bank)
    {
        var squares = graph.Node("ReduceSumSquare", [vectors], ("axes", new[] { 1 }), ("keepdims", 1));
        var sums = graph.Node("Add", [Products(graph, vectors, bank), squares]);
        return graph.Node("Sqrt", [graph.Node("Max", [sums, graph.Constant([], 0f)])]);
    }

    /// <summary>‖b‖² − 2·q·b. What depends on the bank alone is computed once, when a session starts.</summary>
    private static string Products(OnnxGraph graph, string vectors, string bank)
    {
        var factors = graph.Node("Mul", [bank, graph.Constant([], -2f)]);
        var norms = graph.Node("ReduceSumSquare", [bank], ("axes", new[] { 1 }), ("keepdims", 0));
        return graph.Node("Gemm", [vectors, factors, norms], ("transB", 1));
    }
}
