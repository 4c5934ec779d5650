namespace Fae.Detection;

/// <summary>
/// The network of SimpleNet (Liu et al., CVPR 2023) and GLASS (Chen et al., ECCV 2024): patch embeddings, a linear adaptor, a
/// discriminator D. The map is −D.
/// </summary>
internal static class FeatureDiscriminatorGraph
{
    /// <summary>The adapted vectors, (M, d).</summary>
    public const string Adapted = "adapted";

    /// <summary>−D of each vector, (M, 1).</summary>
    public const string Verdict = "verdict";

    private const int Hidden = 1024;
    private const double Slope = 0.2;

    /// <summary>Stages → (N, 1, h, w).</summary>
    /// <exception cref="InvalidDataException">An array is missing or of another shape.</exception>
    public static string Append(GraphLayers layers, IReadOnlyList<string> stages, Backbone backbone)
    {
        var graph = layers.Graph;
        var embedding = graph.Name(EmbeddingGraph.OfStages(graph, stages, backbone.UnitLength), EmbeddingGraph.MapName);
        long d = backbone.Dimensions;
        var vectors = graph.Name(EmbeddingGraph.Vectors(graph, embedding, d), EmbeddingGraph.VectorsName);
        var adapted = graph.Name(layers.Linear(vectors, "adaptor", d, d), Adapted);
        var hidden = layers.BatchNorm(layers.Linear(adapted, "hidden", d, Hidden), "norm", Hidden);
        var verdict = graph.Name(layers.Linear(layers.LeakyRelu(hidden, Slope), "verdict", Hidden, 1, bias: false), Verdict);
        return EmbeddingGraph.Plane(graph, verdict, embedding);
    }
}
