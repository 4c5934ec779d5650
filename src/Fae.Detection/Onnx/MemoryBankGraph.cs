namespace Fae.Detection;

/// <summary>
/// PatchCore as ONNX nodes: (N, C, H, W) → (N, C + 1, H, W), the picture itself and the distance of each patch to the nearest entry of the
/// memory bank, resized bilinearly.
/// </summary>
internal static class MemoryBankGraph
{
    /// <summary>The name of the bank among the weights, entries × d.</summary>
    public const string Bank = "bank";

    /// <exception cref="InvalidDataException">There is no bank.</exception>
    public static string Append(OnnxGraph graph, string image, int channels, IEnumerable<NamedArray> weights, Backbone backbone)
    {
        var bank = weights.FirstOrDefault(array => array.Name == Bank);
        if (bank is not { Shape: [var entries, var dimensions] })
            throw new InvalidDataException("it lacks the array 'bank' that its configuration asks for");
        var embedding = EmbeddingGraph.Append(graph, image, channels, backbone);
        var vectors = EmbeddingGraph.Vectors(graph, embedding, dimensions);
        var distances = Nearest(graph, vectors, bank.Values, (int)entries, (int)dimensions);
        var map = EmbeddingGraph.Plane(graph, distances, embedding);
        return graph.Node("Concat", [image, EmbeddingGraph.Resize(graph, map, EmbeddingGraph.Sides(graph, image))], ("axis", 1));
    }

    /// <summary>
    /// (M, d) vectors → (M, 1) distances to the nearest entry of a bank, <c>Fae.Core.MemoryBank.nearest</c>. The rounding is that of
    /// ‖q‖² + ‖b‖²: vectors that are equal have a distance of up to a thousandth of their length.
    /// </summary>
    public static string Nearest(OnnxGraph graph, string vectors, float[] bank, int entries, int dimensions)
    {
        // ‖q − b‖² = ‖q‖² + (‖b‖² − 2·q·b); the bracket is one matrix product.
        var (factors, norms) = Factors(bank, entries, dimensions);
        var products = graph.Node(
            "Gemm",
            [vectors, graph.Constant([entries, dimensions], factors), graph.Constant([entries], norms)],
            ("transB", 1)
        );
        var nearest = graph.Node("ReduceMin", [products], ("axes", new[] { 1 }), ("keepdims", 1));
        var squares = graph.Node("ReduceSumSquare", [vectors], ("axes", new[] { 1 }), ("keepdims", 1));
        return graph.Node("Sqrt", [graph.Node("Max", [graph.Node("Add", [squares, nearest]), graph.Constant([], 0f)])]);
    }

    private static (float[] Factors, float[] Norms) Factors(float[] bank, int entries, int dimensions)
    {
        var norms = new float[entries];
        for (var i = 0; i < entries; i++)
            norms[i] = (float)bank.AsSpan(i * dimensions, dimensions).ToArray().Sum(value => (double)value * value);
        return (Array.ConvertAll(bank, value => -2 * value), norms);
    }
}
