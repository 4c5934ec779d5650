using Fae.Core;
using static Onnx.TensorProto.Types;

namespace Fae.Detection;

/// <summary>The networks that have an ONNX graph, by their kind.</summary>
internal static class NetworkGraph
{
    /// <summary>The name of the graph's input.</summary>
    public const string Input = "image";

    /// <summary>The name of the graph's output.</summary>
    public const string Output = "reconstruction";

    /// <summary>The names of a U-Net's arrays beside others start with this.</summary>
    public const string UNetPrefix = "unet.";

    /// <summary>Whether networks of these settings can be written as a graph.</summary>
    public static bool Knows(NetworkSettings settings) =>
        settings.InpaintGrids.IsEmpty && (settings.Kind.IsUNet || NetworkGeometry.usesFeatures(settings));

    /// <summary>The network by itself, as a model's bytes.</summary>
    /// <exception cref="InvalidDataException">An array is missing or of another shape than the settings ask for.</exception>
    /// <exception cref="NotSupportedException">There is no graph for networks of these settings.</exception>
    public static byte[] Of(NetworkSettings settings, int channels, IEnumerable<NamedArray> weights, Backbone? backbone)
    {
        var graph = new OnnxGraph();
        var input = graph.Input(Input, DataType.Float, "batch", channels, "height", "width");
        var planes = channels + NetworkGeometry.anomalyMaps(settings);
        var output = Append(graph, input, settings, channels, weights, backbone);
        graph.Output(Output, DataType.Float, output, "batch", planes, "height", "width");
        return graph.ToModel("FaeNetwork");
    }

    /// <summary>The network's output for a value of a graph.</summary>
    /// <exception cref="InvalidDataException">An array is missing or of another shape than the settings ask for.</exception>
    /// <exception cref="NotSupportedException">There is no graph for networks of these settings.</exception>
    public static string Append(
        OnnxGraph graph,
        string input,
        NetworkSettings settings,
        int channels,
        IEnumerable<NamedArray> weights,
        Backbone? backbone
    )
    {
        if (!Knows(settings))
            throw new NotSupportedException(
                "its network works in libtorch alone; train one with network.kind = \"unet\" or one on features, such as \"memory_bank\", "
                    + "and without network.inpaint_grids"
            );
        if (!settings.Kind.IsUNet)
            return FeatureGraph.Append(new GraphLayers(graph, WeightSource.Of(weights)), input, channels, settings, backbone);
        return settings.Perceptual.IsNone
            ? UNetGraph.Append(graph, input, settings, channels, weights)
            : Perceptual(new GraphLayers(graph, WeightSource.Of(weights)), input, settings, channels, weights, backbone);
    }

    /// <summary>The reconstruction and the anomaly maps from features.</summary>
    private static string Perceptual(
        GraphLayers layers,
        string input,
        NetworkSettings settings,
        int channels,
        IEnumerable<NamedArray> weights,
        Backbone? backbone
    )
    {
        var graph = layers.Graph;
        var ofUNet = weights
            .Where(array => array.Name.StartsWith(UNetPrefix, StringComparison.Ordinal))
            .Select(array => array with { Name = array.Name[UNetPrefix.Length..] });
        var repaired = UNetGraph.Append(graph, input, settings, channels, ofUNet);
        var map = PerceptualGraph.Append(layers, input, repaired, channels, settings, backbone);
        return graph.Node("Concat", [repaired, layers.ResizeLike(map, input)], ("axis", 1));
    }
}
