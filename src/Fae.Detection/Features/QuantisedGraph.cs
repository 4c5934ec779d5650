using System.Runtime.InteropServices;
using Fae.Core;
using Onnx;

namespace Fae.Detection;

/// <summary>Adds quantised weights and activations to a graph.</summary>
internal sealed class QuantisedGraph(GraphProto graph)
{
    /// <summary>What a value that was rounded to bytes is called.</summary>
    public static string Dequantised(string value) => value + ".dequantised";

    /// <summary>Adds a node as it is.</summary>
    public void Add(NodeProto node) => graph.Node.Add(node);

    /// <summary>A value to bytes and back.</summary>
    public void AddRounding(string value, ByteScale by)
    {
        var scale = Array(value + ".scale", [], new[] { by.Scale });
        var zero = Array(value + ".zero_point", [], new[] { by.ZeroPoint });
        Node("QuantizeLinear", [value, scale, zero], value + ".bytes");
        Node("DequantizeLinear", [value + ".bytes", scale, zero], Dequantised(value));
    }

    /// <summary>
    /// The weights of a convolution as 7-bit numbers with a scale for each filter, its bias in 32 bits by the scale of the products.
    /// </summary>
    public void AddWeights(NodeProto convolution, IReadOnlyDictionary<string, TensorProto> weights, float input)
    {
        var (kernel, bias) = (weights[convolution.Input[1]], weights[convolution.Input[2]]);
        var values = MemoryMarshal.Cast<byte, float>(kernel.RawData.Span);
        var filters = (int)kernel.Dims[0];
        var each = values.Length / filters;
        var (numbers, scales) = (new sbyte[values.Length], new float[filters]);
        for (var f = 0; f < filters; f++)
        {
            var (scale, quantised) = Quantisation.ofWeights(values.Slice(f * each, each).ToArray());
            scales[f] = scale;
            quantised.CopyTo(numbers, f * each);
        }
        var products = scales.Select(scale => scale * input).ToArray();
        var offsets = MemoryMarshal
            .Cast<byte, float>(bias.RawData.Span)
            .ToArray()
            .Zip(products, (value, scale) => (int)Math.Clamp(Math.Round((double)value / scale), int.MinValue, int.MaxValue))
            .ToArray();
        convolution.Input[1] = Whole(kernel.Name, kernel.Dims, numbers, scales);
        convolution.Input[2] = Whole(bias.Name, bias.Dims, offsets, products);
    }

    /// <summary>The arrays that the nodes read and that are not there yet.</summary>
    public void AddOthers(IEnumerable<TensorProto> arrays)
    {
        var read = graph.Node.SelectMany(node => node.Input).ToHashSet();
        graph.Initializer.Add(arrays.Where(array => read.Contains(array.Name)));
    }

    private string Whole<T>(string of, IEnumerable<long> shape, T[] numbers, float[] scales)
        where T : unmanaged
    {
        var whole = Array(of + ".integers", shape, numbers);
        var scale = Array(of + ".scales", [scales.Length], scales);
        var zeros = Array(of + ".zero_points", [scales.Length], new T[scales.Length]);
        Node("DequantizeLinear", [whole, scale, zeros], Dequantised(of), OnnxGraph.Attribute("axis", 0));
        return Dequantised(of);
    }

    private string Array<T>(string array, IEnumerable<long> shape, T[] values)
        where T : unmanaged
    {
        graph.Initializer.Add(OnnxGraph.Tensor(array, shape, values));
        return array;
    }

    private void Node(string operation, IEnumerable<string> inputs, string output, params AttributeProto[] attributes)
    {
        var node = new NodeProto { OpType = operation, Name = output };
        node.Input.Add(inputs);
        node.Output.Add(output);
        node.Attribute.Add(attributes);
        graph.Node.Add(node);
    }
}
