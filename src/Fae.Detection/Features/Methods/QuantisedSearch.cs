using Fae.Core;
using static Onnx.TensorProto.Types;

namespace Fae.Detection;

/// <summary>
/// The distance to the nearest entry of a memory bank, which a matrix product of whole numbers finds: vectors are rounded to bytes, each
/// entry to 7-bit numbers with a scale of its own (<c>Fae.Core.Quantisation</c>). The distance itself is that of the values as they are. It
/// takes less time than a product of floats and changes no AUROC (docs/method/experiments.md). ONNX Runtime computes what depends on the
/// bank alone when a session starts, and fuses the product into one QGemm.
/// </summary>
internal static class QuantisedSearch
{
    /// <summary>(M, d) vectors → (M, 1) distances to the nearest of (K, d) entries, <c>Fae.Core.MemoryBank.distanceByInt8</c>.</summary>
    public static string Nearest(OnnxGraph graph, string vectors, string bank)
    {
        var found = graph.Node("ArgMax", [Similarities(new Nodes(graph), graph, vectors, bank)], ("axis", 1), ("keepdims", 0));
        var differences = graph.Node("Sub", [vectors, graph.Node("Gather", [bank, found], ("axis", 0))]);
        var squares = graph.Node("ReduceSumSquare", [differences], ("axes", new[] { 1 }), ("keepdims", 1));
        return graph.Node("Sqrt", [squares]);
    }

    /// <summary>q·b − ‖b‖²/2 of the rounded vectors, (M, K): the larger, the nearer.</summary>
    private static string Similarities(Nodes nodes, OnnxGraph graph, string vectors, string bank)
    {
        var (scale, zero) = nodes.BytesFor(bank);
        var query = nodes.Dequantised(nodes.Of("QuantizeLinear", vectors, scale, zero), scale, zero);
        var scales = nodes.WeightScales(bank);
        var zeros = nodes.Cast(nodes.Times(scales, 0), DataType.Int8);
        var entries = nodes.Dequantised(graph.Node("QuantizeLinear", [bank, scales, zeros], ("axis", 0)), scales, zeros);
        var products = nodes.Of("Mul", scales, scale);
        var squares = graph.Node("ReduceSumSquare", [entries], ("axes", new[] { 1 }), ("keepdims", 0));
        var halves = nodes.Of("Round", nodes.Of("Div", nodes.Times(squares, -0.5f), products));
        var offsets = nodes.Dequantised(nodes.Cast(halves, DataType.Int32), products);
        return graph.Node("Gemm", [query, entries, offsets], ("transB", 1));
    }

    /// <summary>Short names for what the formula is made of.</summary>
    private readonly struct Nodes(OnnxGraph graph)
    {
        public string Of(string operation, params string[] inputs) => graph.Node(operation, inputs);

        public string Times(string value, float factor) => Of("Mul", value, graph.Constant([], factor));

        public string AtLeast(string value, float least) => Of("Max", value, graph.Constant([], least));

        public string Cast(string value, DataType type) => graph.Node("Cast", [value], ("to", (int)type));

        public string Dequantised(params string[] numbers) => graph.Node("DequantizeLinear", numbers, ("axis", 0));

        private string Ends(string operation, string bank) => graph.Node(operation, [bank], ("axes", new[] { 0, 1 }), ("keepdims", 0));

        /// <summary><c>Fae.Core.Quantisation.ofBank</c>: scale and zero point.</summary>
        public (string Scale, string ZeroPoint) BytesFor(string bank)
        {
            var low = Of("Min", Times(Ends("ReduceMin", bank), Quantisation.headroomOfBank), graph.Constant([], 0f));
            var high = AtLeast(Times(Ends("ReduceMax", bank), Quantisation.headroomOfBank), 0);
            var scale = AtLeast(Times(Of("Sub", high, low), 1f / byte.MaxValue), Quantisation.smallestScale);
            return (scale, Cast(Of("Round", Of("Div", Of("Neg", low), scale)), DataType.Uint8));
        }

        /// <summary><c>Fae.Core.Quantisation.ofWeights</c>: a scale for each entry.</summary>
        public string WeightScales(string bank)
        {
            var largest = graph.Node("ReduceMax", [Of("Abs", bank)], ("axes", new[] { 1 }), ("keepdims", 0));
            return AtLeast(Times(largest, 1f / Quantisation.largestWeight), Quantisation.smallestScale);
        }
    }
}
