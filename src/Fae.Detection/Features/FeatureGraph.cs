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
        var features = Backbone.Required(backbone);
        var graph = layers.Graph;
        var stages = EmbeddingGraph.Stages(graph, image, channels, features);
        var map = settings.Kind.Tag switch
        {
            NetworkKind.Tags.MemoryBank => MemoryBankGraph.Append(layers, stages, features),
            NetworkKind.Tags.SimpleNet or NetworkKind.Tags.Glass => FeatureDiscriminatorGraph.Append(layers, stages, features),
            NetworkKind.Tags.ReverseDistillation => ReverseDistillationGraph.Append(layers, stages, features),
            NetworkKind.Tags.MsFlow => FlowGraph.Append(layers, stages, features),
            NetworkKind.Tags.Pni => NeighbourGraph.Append(layers, stages, features, settings),
            NetworkKind.Tags.RealNet => ResidualGraph.Append(layers, stages, features),
            var tag => throw new ArgumentException($"a network of kind {tag} uses no features", nameof(settings)),
        };
        return graph.Node("Concat", [image, layers.ResizeLike(map, image)], ("axis", 1));
    }
}
