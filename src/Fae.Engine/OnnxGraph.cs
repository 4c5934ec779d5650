using System;
using System.Collections.Generic;
using System.IO;
using System.Runtime.InteropServices;
using Google.Protobuf;

namespace Fae.Engine;

/// <summary>
/// A graph in the making, written as an ONNX model (onnx.proto, IR version 8, opset 17): values are named, and each operation names its result.
/// </summary>
internal sealed class OnnxGraph
{
    private const int IrVersion = 8;
    private const int Opset = 17;
    private const int Float = 1;
    private const int Int64 = 7;
    private readonly List<byte[]> nodes = [];
    private readonly List<byte[]> initializers = [];
    private readonly List<byte[]> inputs = [];
    private readonly List<byte[]> outputs = [];

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
    public string Constant(long[] shape, float[] values) => Constant(shape, Float, MemoryMarshal.AsBytes(values.AsSpan()));

    /// <summary>A constant list of whole numbers.</summary>
    public string Constant(params long[] values) => Constant([values.Length], Int64, MemoryMarshal.AsBytes(values.AsSpan()));

    /// <summary>The result of an operation. Attributes are whole numbers, lists of them, or texts.</summary>
    public string Node(string operation, IEnumerable<string> arguments, params (string Name, object Value)[] attributes)
    {
        var name = $"{operation}_{nodes.Count}";
        nodes.Add(NodeOf(operation, arguments, name, attributes));
        return name;
    }

    /// <summary>The model's bytes, little-endian as the format wants.</summary>
    public byte[] ToModel(string name) => Message(model =>
    {
        Number(model, 1, IrVersion);
        Text(model, 2, "fae");
        Bytes(model, 7, Message(graph =>
        {
            foreach (var node in nodes)
                Bytes(graph, 1, node);
            Text(graph, 2, name);
            foreach (var initializer in initializers)
                Bytes(graph, 5, initializer);
            foreach (var input in inputs)
                Bytes(graph, 11, input);
            foreach (var output in outputs)
                Bytes(graph, 12, output);
        }));
        Bytes(model, 8, Message(opset => Number(opset, 2, Opset)));
    });

    private string Constant(long[] shape, int type, ReadOnlySpan<byte> raw)
    {
        var name = $"constant_{initializers.Count}";
        var data = raw.ToArray();
        initializers.Add(Message(tensor =>
        {
            foreach (var n in shape)
                Number(tensor, 1, n);
            Number(tensor, 2, type);
            Text(tensor, 8, name);
            Bytes(tensor, 9, data);
        }));
        return name;
    }

    private static byte[] NodeOf(string operation, IEnumerable<string> arguments, string result, (string Name, object Value)[] attributes) => Message(node =>
    {
        foreach (var argument in arguments)
            Text(node, 1, argument);
        Text(node, 2, result);
        Text(node, 4, operation);
        foreach (var (name, value) in attributes)
            Bytes(node, 5, Attribute(name, value));
    });

    private static byte[] Attribute(string name, object value) => Message(attribute =>
    {
        Text(attribute, 1, name);
        switch (value)
        {
            case int number:
                Number(attribute, 3, number);
                Number(attribute, 20, 2);
                break;
            case string text:
                Text(attribute, 4, text);
                Number(attribute, 20, 3);
                break;
            case int[] numbers:
                foreach (var number in numbers)
                    Number(attribute, 8, number);
                Number(attribute, 20, 7);
                break;
            default:
                throw new ArgumentException($"an attribute cannot be a {value.GetType().Name}", nameof(value));
        }
    });

    private static byte[] ValueInfo(string name, object[] sizes) => Message(info =>
    {
        Text(info, 1, name);
        Bytes(info, 2, Message(type => Bytes(type, 1, Message(tensor =>
        {
            Number(tensor, 1, Float);
            Bytes(tensor, 2, Message(shape =>
            {
                foreach (var size in sizes)
                    Bytes(shape, 1, Message(dimension =>
                    {
                        if (size is string named)
                            Text(dimension, 2, named);
                        else
                            Number(dimension, 1, Convert.ToInt64(size, System.Globalization.CultureInfo.InvariantCulture));
                    }));
            }));
        }))));
    });

    private static void Number(CodedOutputStream message, int field, long value)
    {
        message.WriteTag(field, WireFormat.WireType.Varint);
        message.WriteInt64(value);
    }

    private static void Text(CodedOutputStream message, int field, string value)
    {
        message.WriteTag(field, WireFormat.WireType.LengthDelimited);
        message.WriteString(value);
    }

    private static void Bytes(CodedOutputStream message, int field, byte[] value)
    {
        message.WriteTag(field, WireFormat.WireType.LengthDelimited);
        message.WriteBytes(UnsafeByteOperations.UnsafeWrap(value));
    }

    private static byte[] Message(Action<CodedOutputStream> write)
    {
        using var memory = new MemoryStream();
        using (var output = new CodedOutputStream(memory, leaveOpen: true))
            write(output);
        return memory.ToArray();
    }
}
