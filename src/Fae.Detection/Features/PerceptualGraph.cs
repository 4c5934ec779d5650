using Fae.Core;

namespace Fae.Detection;

/// <summary>
/// The perceptual difference of a picture and its reconstruction: at each place of each stage the features are divided by their length; D
/// is the sum over stages of ½·‖φ(x) − φ(f(x))‖² = 1 − cosine, or what a small network makes of the squared differences.
/// </summary>
internal static class PerceptualGraph
{
    /// <summary>The squared differences of all stages at the size of the first, (N, Σ C, h, w).</summary>
    public const string Apart = "features_apart";

    /// <summary>The map, (N, 1, h, w); with memory banks one of each.</summary>
    public const string Map = "perceptual_map";

    private const int Hidden = 64;

    /// <summary>
    /// The map of a picture and its reconstruction, (N, C, H, W) each; with memory banks, of the picture alone.
    /// </summary>
    /// <exception cref="InvalidDataException">There is no backbone, or an array is missing or of another shape.</exception>
    public static string Append(
        GraphLayers layers,
        string picture,
        string reconstruction,
        int channels,
        NetworkSettings settings,
        Backbone? backbone
    )
    {
        var features = Backbone.Required(backbone);
        var graph = layers.Graph;
        if (settings.Perceptual.IsMemoryBank)
            return graph.Name(OfBanks(layers, picture, channels, NetworkGeometry.bankScales(settings), features), Map);
        // One pass for both.
        var both = graph.Node("Concat", [picture, reconstruction], ("axis", 0));
        var stages = EmbeddingGraph.Stages(graph, both, channels, features);
        var apart = stages.Select(stage => Difference(layers, stage)).ToList();
        var all = graph.Name(layers.Stack([.. apart.Select((map, i) => i == 0 ? map : layers.ResizeLike(map, apart[0]))]), Apart);
        return graph.Name(
            settings.Perceptual.IsDiscriminator
                ? Discriminator(layers, all, features.Dimensions)
                : layers.Scale(layers.SumOfChannels(all), 0.5),
            Map
        );
    }

    /// <summary>The distances to each bank, (N, banks, h, w); those to several at the picture's size.</summary>
    private static string OfBanks(GraphLayers layers, string picture, int channels, IEnumerable<float> scales, Backbone features)
    {
        var graph = layers.Graph;
        var maps = scales
            .Select(scale => EmbeddingGraph.Stages(graph, EmbeddingGraph.Scaled(graph, picture, scale), channels, features))
            .Select((stages, i) => MemoryBankGraph.Append(layers, stages, features, i + 1))
            .ToList();
        return maps.Count == 1 ? maps[0] : layers.Stack([.. maps.Select(map => layers.ResizeLike(map, picture))]);
    }

    /// <summary>Squared differences of unit vectors: (2·N, C, h, w) → (N, C, h, w).</summary>
    private static string Difference(GraphLayers layers, string stage)
    {
        var graph = layers.Graph;
        var (a, b) = graph.Halves(EmbeddingGraph.UnitLength(graph, stage));
        var apart = graph.Node("Sub", [a, b]);
        return layers.Multiply(apart, apart);
    }

    private static string Discriminator(GraphLayers layers, string apart, long dimensions)
    {
        var h = layers.Block(apart, "judge_0", dimensions, Hidden);
        h = layers.Block(h, "judge_1", Hidden, Hidden);
        return layers.Conv(h, "judge_2", Hidden, 1, 3);
    }
}
