namespace Fae.Detection;

/// <summary>An array of a network: what training changes by its gradient, or what it sets otherwise.</summary>
internal sealed record GraphArray(NamedArray Value, bool Trainable);

/// <summary>
/// The layers of networks that are defined once, as an ONNX graph: ONNX Runtime runs it on a CPU, <c>TorchGraph</c> trains it and runs it
/// on a GPU. Maps are (N, C, h, w), vectors (M, d).
/// </summary>
internal sealed class GraphLayers(OnnxGraph graph, WeightSource weights)
{
    private readonly List<GraphArray> arrays = [];

    /// <summary>The graph that the layers are added to.</summary>
    public OnnxGraph Graph => graph;

    /// <summary>All arrays so far.</summary>
    public IReadOnlyList<GraphArray> Arrays => arrays;

    /// <summary>An array that is trained.</summary>
    public string Weight(string name, Initial initial, params long[] shape) => Add(name, initial, shape, true);

    /// <summary>Whether the model has an array of this name.</summary>
    public bool Has(string name) => weights.Has(name);

    /// <summary>An array that no gradient changes; a side of −1: any number.</summary>
    public string Buffer(string name, Initial initial, params long[] shape) => Add(name, initial, shape, false);

    /// <summary>A convolution with "same" padding, and with a bias unless a normalisation follows.</summary>
    public string Conv(
        string x,
        string name,
        long from,
        long to,
        int side,
        int stride = 1,
        bool bias = true,
        Initial initial = Initial.He
    ) =>
        graph.Node(
            "Conv",
            bias
                ? [x, Weight(name + "_weight", initial, to, from, side, side), Weight(name + "_bias", Initial.Zero, to)]
                : [x, Weight(name + "_weight", initial, to, from, side, side)],
            ("kernel_shape", new[] { side, side }),
            ("strides", new[] { stride, stride }),
            ("pads", new[] { side / 2, side / 2, side / 2, side / 2 })
        );

    /// <summary>(M, from) → (M, to).</summary>
    public string Linear(string x, string name, long from, long to, bool bias = true) =>
        graph.Node(
            "Gemm",
            bias
                ? [x, Weight(name + "_weight", Initial.He, to, from), Weight(name + "_bias", Initial.Zero, to)]
                : [x, Weight(name + "_weight", Initial.He, to, from)],
            ("transB", 1)
        );

    /// <summary>Batch normalisation of maps or vectors.</summary>
    public string BatchNorm(string x, string name, long channels) =>
        graph.Node(
            "BatchNormalization",
            [
                x,
                Weight(name + "_weight", Initial.One, channels),
                Weight(name + "_bias", Initial.Zero, channels),
                Buffer(name + "_running_mean", Initial.Zero, channels),
                Buffer(name + "_running_var", Initial.One, channels),
            ]
        );

    /// <summary>Each channel of each picture by its own mean and deviation, then scaled and shifted.</summary>
    public string InstanceNorm(string x, string name, long channels) =>
        graph.Node(
            "InstanceNormalization",
            [x, Weight(name + "_weight", Initial.One, channels), Weight(name + "_bias", Initial.Zero, channels)]
        );

    /// <summary>Each place's channels by their own mean and deviation, then scaled and shifted.</summary>
    public string LayerNorm(string x, string name, long channels)
    {
        var vectors = graph.Node("Transpose", [x], ("perm", new[] { 0, 2, 3, 1 }));
        var normalised = graph.Node(
            "LayerNormalization",
            [vectors, Weight(name + "_weight", Initial.One, channels), Weight(name + "_bias", Initial.Zero, channels)]
        );
        return graph.Node("Transpose", [normalised], ("perm", new[] { 0, 3, 1, 2 }));
    }

    /// <summary>Channels from one number to before another.</summary>
    public string Channels(string x, long from, long to) =>
        graph.Node("Slice", [x, graph.Constant([1], from), graph.Constant([1], to), graph.Constant([1], 1L)]);

    /// <summary>Maps of one size as one map.</summary>
    public string Stack(params string[] maps) => maps.Length == 1 ? maps[0] : graph.Node("Concat", maps, ("axis", 1));

    /// <summary>Bilinear resize to the sides of another map.</summary>
    public string ResizeLike(string x, string like) => EmbeddingGraph.Resize(graph, x, EmbeddingGraph.Sides(graph, like));

    public string Add(string a, string b) => graph.Node("Add", [a, b]);

    public string Multiply(string a, string b) => graph.Node("Mul", [a, b]);

    public string Scale(string a, double factor) => graph.Node("Mul", [a, graph.Constant([], (float)factor)]);

    /// <summary>The sum or mean over the channels, (N, 1, h, w).</summary>
    public string SumOfChannels(string x) => graph.Node("ReduceSum", [x, graph.Constant([1], 1L)], ("keepdims", 1));

    public string MeanOfChannels(string x) => graph.Node("ReduceMean", [x], ("axes", new[] { 1 }), ("keepdims", 1));

    public string Relu(string x) => graph.Node("Relu", [x]);

    public string LeakyRelu(string x, double slope) => graph.Node("LeakyRelu", [x], ("alpha", slope));

    /// <summary>Convolution without bias, batch normalisation, ReLU.</summary>
    public string Block(string x, string name, long from, long to, int side = 3, int stride = 1) =>
        Relu(BatchNorm(Conv(x, name + "_0", from, to, side, stride, bias: false), name + "_1", to));

    private string Add(string name, Initial initial, long[] shape, bool trainable)
    {
        var array = weights.Take(name, shape, initial);
        arrays.Add(new GraphArray(array, trainable));
        return graph.Weight(array);
    }
}
