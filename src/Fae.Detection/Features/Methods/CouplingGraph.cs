namespace Fae.Detection;

/// <summary>A value of a flow, (N, C, h, w), and log |∂value/∂x| at each place, (N, 1, h, w).</summary>
internal sealed record Coupling(string Value, string LogDeterminant);

/// <summary>
/// An affine coupling as ONNX nodes, <c>Fae.Core.Coupling</c>: half of the channels is scaled and shifted by the other half.
/// </summary>
internal static class CouplingGraph
{
    /// <summary>The name of s before its soft clamp, and t, (N, 2·C/2, h, w).</summary>
    public static string Raw(string name) => name + "_scale_and_shift";

    /// <summary>
    /// y = x·exp(s) + t for the second half of the channels, or the first; s and t come from the kept half and from
    /// <paramref name="conditions"/>, maps of the same size with <paramref name="width"/> channels together.
    /// </summary>
    public static Coupling Append(GraphLayers layers, string x, string[] conditions, int channels, int width, string name, bool second)
    {
        var graph = layers.Graph;
        var half = channels / 2;
        var (low, high) = (layers.Channels(x, 0, half), layers.Channels(x, half, channels));
        var (kept, changed) = second ? (low, high) : (high, low);
        var (from, to) = second ? (half, channels - half) : (channels - half, half);

        var hidden = layers.Conv(layers.Stack([kept, .. conditions]), name + "_0", from + width, channels, 3);
        hidden = layers.Relu(layers.LayerNorm(hidden, name + "_norm", channels));
        // Zero at first: every block starts as the identity.
        var both = graph.Name(layers.Conv(hidden, name + "_1", channels, 2 * to, 3, initial: Initial.Zero), Raw(name));
        var scale = SoftClamp(layers, layers.Channels(both, 0, to));
        var moved = layers.Add(layers.Multiply(changed, graph.Node("Exp", [scale])), layers.Channels(both, to, 2 * to));
        return new(second ? layers.Stack(kept, moved) : layers.Stack(moved, kept), layers.SumOfChannels(scale));
    }

    /// <summary>The channels in another, fixed order: those of a number drawn from the key.</summary>
    public static string Permute(OnnxGraph graph, string x, int channels, ulong key)
    {
        var order = Enumerable.Range(0, channels).OrderBy(i => Fae.Core.Random.hash(key, (ulong)i)).Select(i => (long)i).ToArray();
        return graph.Node("Gather", [x, graph.Constant([channels], order)], ("axis", 1));
    }

    /// <summary><c>Fae.Core.Coupling.softClamp</c>.</summary>
    private static string SoftClamp(GraphLayers layers, string s) =>
        layers.Scale(layers.Graph.Node("Atan", [layers.Scale(s, 1 / Fae.Core.Coupling.clamp)]), Fae.Core.Coupling.clamp * 2 / Math.PI);
}
