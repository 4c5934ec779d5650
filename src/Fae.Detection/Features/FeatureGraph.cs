using Fae.Core;

namespace Fae.Detection;

/// <summary>
/// The methods on features of a pretrained network as one graph each: (N, C, H, W) → (N, C + 1, H, W), the picture itself and its anomaly
/// map. Training feeds and reads the values that have names.
/// </summary>
internal static class FeatureGraph
{
    /// <exception cref="InvalidDataException">There is no backbone, or an array is missing or of another shape.</exception>
    public static string Append(GraphLayers layers, string image, int channels, NetworkSettings settings, Backbone? backbone)
    {
        if (backbone is null)
            throw new InvalidDataException("it lacks the backbone that its configuration asks for");
        var graph = layers.Graph;
        var stages = EmbeddingGraph.Stages(graph, image, channels, backbone);
        var map = settings.Kind.Tag switch
        {
            NetworkKind.Tags.MemoryBank => MemoryBankGraph.Append(layers, stages, backbone),
            NetworkKind.Tags.SimpleNet or NetworkKind.Tags.Glass => FeatureDiscriminatorGraph.Append(layers, stages, backbone),
            NetworkKind.Tags.ReverseDistillation => ReverseDistillationGraph.Append(layers, stages, backbone),
            NetworkKind.Tags.MsFlow => FlowGraph.Append(layers, stages, backbone),
            NetworkKind.Tags.Pni => NeighbourGraph.Append(layers, stages, backbone, settings),
            NetworkKind.Tags.RealNet => ResidualGraph.Append(layers, stages, backbone),
            var tag => throw new ArgumentException($"a network of kind {tag} uses no features", nameof(settings)),
        };
        return graph.Node("Concat", [image, EmbeddingGraph.Resize(graph, map, EmbeddingGraph.Sides(graph, image))], ("axis", 1));
    }
}
