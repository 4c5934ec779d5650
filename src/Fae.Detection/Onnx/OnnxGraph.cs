using System.Runtime.InteropServices;
using Google.Protobuf;

namespace Fae.Detection;

/// <summary>
/// Builds an ONNX model (onnx.proto, IR version 8, opset 17). Values have names; each node returns the name of its output.
/// </summary>
internal sealed class OnnxGraph
{
    /// <summary>Types of values, by the schema's numbers.</summary>
    public const int Float = 1,
        Byte = 2,
        Long = 7,
        Bool = 9,
        Double = 11;

    private const int IrVersion = 8;
    private const int Opset = 17;
    private readonly List<ByteString> nodes = [];
    private readonly List<ByteString> initializers = [];
    private readonly List<ByteString> inputs = [];
    private readonly List<ByteString> outputs = [];

    /// <summary>An input; its sizes have names, because they may differ from run to run, or are numbers.</summary>
    public string Input(string name, int type, params object[] sizes)
    {
        inputs.Add(ValueInfo(name, type, sizes));
        return name;
    }

    /// <summary>Calls a value by the name of an output.</summary>
    public void Output(string name, int type, string value, params object[] sizes)
    {
        nodes.Add(NodeOf("Identity", [value], [name], []));
        outputs.Add(ValueInfo(name, type, sizes));
    }

    /// <summary>A constant array of floats, doubles or longs.</summary>
    public string Constant<T>(long[] shape, params T[] values)
        where T : unmanaged
    {
        var type = values switch
        {
            float[] => Float,
            double[] => Double,
            long[] => Long,
            _ => throw new ArgumentException($"a constant cannot be of {typeof(T).Name}", nameof(values)),
        };
        var name = $"constant_{initializers.Count}";
        initializers.Add(
            WireMessage.Of(tensor =>
            {
                foreach (var n in shape)
                    tensor.Number(1, n);
                tensor.Number(2, type);
                tensor.Text(8, name);
                tensor.Bytes(9, ByteString.CopyFrom(MemoryMarshal.AsBytes(values.AsSpan())));
            })
        );
        return name;
    }

    /// <summary>The result of an operation. Attributes are whole numbers, lists of them, or texts.</summary>
    public string Node(string operation, IEnumerable<string> arguments, params (string Name, object Value)[] attributes)
    {
        var name = $"{operation}_{nodes.Count}";
        nodes.Add(NodeOf(operation, arguments, [name], attributes));
        return name;
    }

    /// <summary>The <paramref name="count"/> largest values along the last axis, descending.</summary>
    public string Largest(string value, long count)
    {
        var name = $"TopK_{nodes.Count}";
        nodes.Add(NodeOf("TopK", [value, Constant([1], count)], [name, name + "_places"], []));
        return name;
    }

    /// <summary>The model's bytes, little-endian as the format wants.</summary>
    public byte[] ToModel(string name, IReadOnlyDictionary<string, string>? metadata = null) =>
        WireMessage
            .Of(model =>
            {
                model.Number(1, IrVersion);
                model.Text(2, "fae");
                model.Text(3, typeof(OnnxGraph).Assembly.GetName().Version?.ToString(3) ?? "");
                model.Bytes(
                    7,
                    WireMessage.Of(graph =>
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
                    })
                );
                model.Bytes(8, WireMessage.Of(opset => opset.Number(2, Opset)));
                foreach (var (key, value) in metadata ?? new Dictionary<string, string>())
                    model.Bytes(
                        14,
                        WireMessage.Of(entry =>
                        {
                            entry.Text(1, key);
                            entry.Text(2, value);
                        })
                    );
            })
            .ToByteArray();

    private static ByteString NodeOf(
        string operation,
        IEnumerable<string> arguments,
        string[] results,
        (string Name, object Value)[] attributes
    ) =>
        WireMessage.Of(node =>
        {
            foreach (var argument in arguments)
                node.Text(1, argument);
            foreach (var result in results)
                node.Text(2, result);
            node.Text(4, operation);
            foreach (var (name, value) in attributes)
                node.Bytes(5, Attribute(name, value));
        });

    private static ByteString Attribute(string name, object value) =>
        WireMessage.Of(attribute =>
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

    private static ByteString ValueInfo(string name, int type, object[] sizes) =>
        WireMessage.Of(info =>
        {
            info.Text(1, name);
            info.Bytes(
                2,
                WireMessage.Of(kind =>
                    kind.Bytes(
                        1,
                        WireMessage.Of(tensor =>
                        {
                            tensor.Number(1, type);
                            tensor.Bytes(
                                2,
                                WireMessage.Of(shape =>
                                {
                                    foreach (var size in sizes)
                                        shape.Bytes(
                                            1,
                                            WireMessage.Of(dimension =>
                                            {
                                                if (size is string named)
                                                    dimension.Text(2, named);
                                                else
                                                    dimension.Number(
                                                        1,
                                                        Convert.ToInt64(size, System.Globalization.CultureInfo.InvariantCulture)
                                                    );
                                            })
                                        );
                                })
                            );
                        })
                    )
                )
            );
        });
}
