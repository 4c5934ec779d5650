namespace Fae.Detection;

/// <summary>The patch embedding of <c>Fae.Core.Embedding</c> as ONNX nodes.</summary>
internal static class EmbeddingGraph
{
    /// <summary>The name of the vectors in graphs whose training reads them, (M, d).</summary>
    public const string VectorsName = "vectors";

    /// <summary>The name of the map that they are the places of, (N, d, h, w).</summary>
    public const string MapName = "embedding";

    /// <summary>Fractions of a side are counted in these parts.</summary>
    private const long Parts = 1 << 20;

    /// <summary>Below this squared length a vector is shortened rather than brought to length one.</summary>
    private const float LeastSquare = 1e-10f;

    /// <summary>(N, C, H, W) in [0, 1] → (N, d, h, w): the stages' neighbourhood means, resized to the first stage and stacked.</summary>
    public static string Append(OnnxGraph graph, string image, int channels, Backbone backbone) =>
        OfStages(graph, Stages(graph, image, channels, backbone), backbone.UnitLength);

    /// <summary>
    /// A picture at a scale in (0, 1]: resized to twice the wanted sides, then the mean of each two by two pixels, so that a scale of a
    /// quarter or more lets no finer detail through as a false coarse one.
    /// </summary>
    public static string Scaled(OnnxGraph graph, string image, float scale)
    {
        if (scale == 1)
            return image;
        var parts = graph.Node("Mul", [Sides(graph, image), graph.Constant([1], (long)Math.Round(2.0 * scale * Parts))]);
        var sides = graph.Node("Div", [graph.Node("Add", [parts, graph.Constant([1], Parts / 2)]), graph.Constant([1], Parts)]);
        var twice = Resize(graph, image, sides);
        return graph.Node("AveragePool", [twice], ("kernel_shape", new[] { 2, 2 }), ("strides", new[] { 2, 2 }));
    }

    /// <summary>The backbone's stages of pictures of one or three channels.</summary>
    public static IReadOnlyList<string> Stages(OnnxGraph graph, string image, int channels, Backbone backbone) =>
        graph.Append(backbone, channels == 1 ? graph.Node("Concat", [image, image, image], ("axis", 1)) : image);

    /// <summary>
    /// The embedding of maps (N, C, h, w) of any sizes; with <paramref name="unitLength"/> each map's vectors are divided by their length.
    /// </summary>
    public static string OfStages(OnnxGraph graph, IReadOnlyList<string> stages, bool unitLength)
    {
        var means = stages.Select(stage => Neighbourhood(graph, stage)).ToList();
        var sized = means.Select((mean, i) => i == 0 ? mean : Resize(graph, mean, Sides(graph, means[0])));
        var scaled = sized.Select(map => unitLength ? UnitLength(graph, map) : map).ToList();
        return scaled.Count == 1 ? scaled[0] : graph.Node("Concat", scaled, ("axis", 1));
    }

    /// <summary>(N, C, h, w) with the vector of each place divided by its length.</summary>
    public static string UnitLength(OnnxGraph graph, string map)
    {
        var squares = graph.Node("ReduceSumSquare", [map], ("axes", new[] { 1 }), ("keepdims", 1));
        return graph.Node("Div", [map, graph.Node("Sqrt", [graph.Node("Add", [squares, graph.Constant([], LeastSquare)])])]);
    }

    /// <summary>Height and width of a value, as a list of two.</summary>
    public static string Sides(OnnxGraph graph, string value) => Slice(graph, graph.Node("Shape", [value]), 2, 4);

    /// <summary>Bilinear resize with half-pixel centres.</summary>
    public static string Resize(OnnxGraph graph, string value, string sides)
    {
        var sizes = graph.Node("Concat", [Slice(graph, graph.Node("Shape", [value]), 0, 2), sides], ("axis", 0));
        return graph.Node("Resize", [value, "", "", sizes], ("mode", "linear"), ("coordinate_transformation_mode", "half_pixel"));
    }

    /// <summary>(N, d, h, w) → (N·h·w, d).</summary>
    public static string Vectors(OnnxGraph graph, string embedding, long dimensions) =>
        graph.Node("Reshape", [graph.Node("Transpose", [embedding], ("perm", new[] { 0, 2, 3, 1 })), graph.Constant([2], -1L, dimensions)]);

    /// <summary>(N·h·w) values → (N, 1, h, w), the sides of <paramref name="like"/>.</summary>
    public static string Plane(OnnxGraph graph, string values, string like)
    {
        var shape = graph.Node("Shape", [like]);
        var sizes = graph.Node("Concat", [Slice(graph, shape, 0, 1), graph.Constant([1], 1L), Slice(graph, shape, 2, 4)], ("axis", 0));
        return graph.Node("Reshape", [values, sizes]);
    }

    private static string Slice(OnnxGraph graph, string shape, long from, long to) =>
        graph.Node("Slice", [shape, graph.Constant([1], from), graph.Constant([1], to)]);

    private static string Neighbourhood(OnnxGraph graph, string stage) =>
        graph.Node("AveragePool", [stage], ("kernel_shape", new[] { 3, 3 }), ("pads", new[] { 1, 1, 1, 1 }), ("count_include_pad", 1));
}
