using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using Google.Protobuf;

namespace Fae.Detection;

/// <summary>
/// A graph in the making, written as an ONNX model (onnx.proto, IR version 8, opset 17): values are named, and each operation names its result.
/// </summary>
internal sealed class OnnxGraph
{
    private const int IrVersion = 8;
    private const int Opset = 17;
    private const int Float = 1;
    private readonly List<ByteString> nodes = [];
    private readonly List<ByteString> initializers = [];
    private readonly List<ByteString> inputs = [];
    private readonly List<ByteString> outputs = [];

    /// <summary>An input of 32-bit floats; its sizes have names, because they may differ from run to run, or are numbers.</summary>
    public string Input(string name, params object[] sizes)
    {
        inputs.Add(ValueInfo(name, sizes));
        return name;
    }

    /// <summary>Calls a value by the name of an output.</summary>
    public void Output(string name, string value, params object[] sizes)
    {
        nodes.Add(NodeOf("Identity", [value], name, []));
        outputs.Add(ValueInfo(name, sizes));
    }

    /// <summary>A constant.</summary>
    public string Constant(long[] shape, float[] values)
    {
        var name = $"constant_{initializers.Count}";
        initializers.Add(WireMessage.Of(tensor =>
        {
            foreach (var n in shape)
                tensor.Number(1, n);
            tensor.Number(2, Float);
            tensor.Text(8, name);
            tensor.Bytes(9, ByteString.CopyFrom(MemoryMarshal.AsBytes(values.AsSpan())));
        }));
        return name;
    }

    /// <summary>The result of an operation. Attributes are whole numbers, lists of them, or texts.</summary>
    public string Node(string operation, IEnumerable<string> arguments, params (string Name, object Value)[] attributes)
    {
        var name = $"{operation}_{nodes.Count}";
        nodes.Add(NodeOf(operation, arguments, name, attributes));
        return name;
    }

    /// <summary>The model's bytes, little-endian as the format wants.</summary>
    public byte[] ToModel(string name) => WireMessage.Of(model =>
    {
        model.Number(1, IrVersion);
        model.Text(2, "fae");
        model.Bytes(7, WireMessage.Of(graph =>
        {
            foreach (var node in nodes)
                graph.Bytes(1, node);
            graph.Text(2, name);
            foreach (var initializer in initializers)
                graph.Bytes(5, initializer);
            foreach (var input in inputs)
                graph.Bytes(11, input);
            foreach (var output in outputs)
                graph.Bytes(12, output);
        }));
        model.Bytes(8, WireMessage.Of(opset => opset.Number(2, Opset)));
    }).ToByteArray();

    private static ByteString NodeOf(string operation, IEnumerable<string> arguments, string result, (string Name, object Value)[] attributes) => WireMessage.Of(node =>
    {
        foreach (var argument in arguments)
            node.Text(1, argument);
        node.Text(2, result);
        node.Text(4, operation);
        foreach (var (name, value) in attributes)
            node.Bytes(5, Attribute(name, value));
    });

    private static ByteString Attribute(string name, object value) => WireMessage.Of(attribute =>
    {
        attribute.Text(1, name);
        switch (value)
        {
            case int number:
                attribute.Number(3, number);
                attribute.Number(20, 2);
                break;
            case string text:
                attribute.Text(4, text);
                attribute.Number(20, 3);
                break;
            case int[] numbers:
                foreach (var number in numbers)
                    attribute.Number(8, number);
                attribute.Number(20, 7);
                break;
            default:
                throw new ArgumentException($"an attribute cannot be a {value.GetType().Name}", nameof(value));
        }
    });

    private static ByteString ValueInfo(string name, object[] sizes) => WireMessage.Of(info =>
    {
        info.Text(1, name);
        info.Bytes(2, WireMessage.Of(type => type.Bytes(1, WireMessage.Of(tensor =>
        {
            tensor.Number(1, Float);
            tensor.Bytes(2, WireMessage.Of(shape =>
            {
                foreach (var size in sizes)
                    shape.Bytes(1, WireMessage.Of(dimension =>
                    {
                        if (size is string named)
                            dimension.Text(2, named);
                        else
                            dimension.Number(1, Convert.ToInt64(size, System.Globalization.CultureInfo.InvariantCulture));
                    }));
            }));
        }))));
    });
}
