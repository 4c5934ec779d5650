using System.Globalization;
using System.Runtime.InteropServices;
using Google.Protobuf;
using Onnx;
using static Onnx.AttributeProto.Types;
using static Onnx.TensorProto.Types;

namespace Fae.Detection;

/// <summary>
/// Builds an ONNX model (onnx.proto, IR version 8, opset 17). Values have names; each node returns the name of its output.
/// </summary>
internal sealed class OnnxGraph
{
    public const int IrVersion = 8;
    public const int Opset = 17;
    private readonly GraphProto graph = new();
    private int backbones;

    /// <summary>An input. A size that may differ from run to run has a name; the others are numbers.</summary>
    public string Input(string name, DataType type, params object[] sizes)
    {
        graph.Input.Add(ValueInfo(name, type, sizes));
        return name;
    }

    /// <summary>Calls a value by the name of an output.</summary>
    public void Output(string name, DataType type, string value, params object[] sizes)
    {
        Add("Identity", [value], [name], []);
        graph.Output.Add(ValueInfo(name, type, sizes));
    }

    /// <summary>A constant array of numbers.</summary>
    public string Constant<T>(long[] shape, params T[] values)
        where T : unmanaged => Add(Tensor($"constant_{graph.Initializer.Count}", shape, values));

    /// <summary>An array of floats under its own name.</summary>
    public string Weight(NamedArray array) => Add(Tensor(array.Name, array.Shape, array.Values));

    /// <summary>Calls a value by another name, which it also has where the graph is a part of another.</summary>
    public string Name(string value, string name) => Add("Identity", [value], [name], []);

    /// <summary>The nodes and arrays, to be run by another engine than ONNX Runtime.</summary>
    internal GraphProto Proto => graph;

    /// <summary>The result of an operation. Attributes are numbers, lists of whole numbers, or texts.</summary>
    public string Node(string operation, IEnumerable<string> arguments, params (string Name, object Value)[] attributes) =>
        Add(operation, arguments, [$"{operation}_{graph.Node.Count}"], attributes);

    /// <summary>The <paramref name="count"/> largest values along the last axis, descending.</summary>
    public string Largest(string value, long count)
    {
        var name = $"TopK_{graph.Node.Count}";
        return Add("TopK", [value, Constant([1], count)], [name, name + "_places"], []);
    }

    /// <summary>The places of the <paramref name="count"/> largest values along the last axis, the largest first.</summary>
    public string LargestPlaces(string value, long count) => Largest(value, count) + "_places";

    /// <summary>The two halves of a batch.</summary>
    public (string First, string Second) Halves(string value)
    {
        var name = $"Split_{graph.Node.Count}";
        Add("Split", [value], [name, name + "_second"], [("axis", 0)]);
        return (name, name + "_second");
    }

    /// <summary>
    /// The outputs of a backbone for a value. Added again, for another value, it has names of its own and the same weights.
    /// </summary>
    public IReadOnlyList<string> Append(Backbone backbone, string image)
    {
        var suffix = backbones == 0 ? "" : $"_{backbones + 1}";
        var own = backbone.Graph.Node.SelectMany(node => node.Output).Append(Backbone.Input).ToHashSet();
        string Renamed(string name) => own.Contains(name) ? name + suffix : name;
        Add("Identity", [image], [Renamed(Backbone.Input)], []);
        foreach (var node in backbone.Graph.Node)
        {
            var copy = node.Clone();
            copy.Name += suffix;
            foreach (var names in new[] { copy.Input, copy.Output })
                for (var i = 0; i < names.Count; i++)
                    names[i] = Renamed(names[i]);
            graph.Node.Add(copy);
        }
        if (backbones == 0)
            graph.Initializer.Add(backbone.Graph.Initializer);
        backbones++;
        return [.. backbone.Stages.Select(Renamed)];
    }

    /// <summary>The model's bytes, little-endian as the format wants.</summary>
    public byte[] ToModel(string name, IReadOnlyDictionary<string, string>? metadata = null)
    {
        graph.Name = name;
        var version = typeof(OnnxGraph).Assembly.GetName().Version?.ToString(3) ?? "";
        var model = new ModelProto
        {
            IrVersion = IrVersion,
            ProducerName = "fae",
            ProducerVersion = version,
            Graph = graph,
        };
        model.OpsetImport.Add(new OperatorSetIdProto { Version = Opset });
        foreach (var (key, value) in metadata ?? new Dictionary<string, string>())
            model.MetadataProps.Add(new StringStringEntryProto { Key = key, Value = value });
        return model.ToByteArray();
    }

    /// <summary>An array of numbers, little-endian as the format wants.</summary>
    public static TensorProto Tensor<T>(string name, IEnumerable<long> shape, T[] values)
        where T : unmanaged
    {
        var tensor = new TensorProto
        {
            Name = name,
            DataType = (int)TypeOf<T>(),
            RawData = ByteString.CopyFrom(MemoryMarshal.AsBytes(values.AsSpan())),
        };
        tensor.Dims.Add(shape);
        return tensor;
    }

    private static DataType TypeOf<T>() =>
        typeof(T) == typeof(float) ? DataType.Float
        : typeof(T) == typeof(double) ? DataType.Double
        : typeof(T) == typeof(long) ? DataType.Int64
        : typeof(T) == typeof(int) ? DataType.Int32
        : typeof(T) == typeof(byte) ? DataType.Uint8
        : typeof(T) == typeof(sbyte) ? DataType.Int8
        : throw new ArgumentException($"an array cannot be of {typeof(T).Name}");

    private string Add(TensorProto tensor)
    {
        graph.Initializer.Add(tensor);
        return tensor.Name;
    }

    private string Add(string operation, IEnumerable<string> arguments, string[] results, (string Name, object Value)[] attributes)
    {
        var node = new NodeProto { OpType = operation };
        node.Input.Add(arguments);
        node.Output.Add(results);
        node.Attribute.Add(attributes.Select(attribute => Attribute(attribute.Name, attribute.Value)));
        graph.Node.Add(node);
        return results[0];
    }

    /// <summary>An attribute: a number, a list of whole numbers, or a text.</summary>
    public static AttributeProto Attribute(string name, object value)
    {
        var attribute = new AttributeProto { Name = name };
        switch (value)
        {
            case int number:
                (attribute.I, attribute.Type) = (number, AttributeType.Int);
                break;
            case double number:
                (attribute.F, attribute.Type) = ((float)number, AttributeType.Float);
                break;
            case string text:
                (attribute.S, attribute.Type) = (ByteString.CopyFromUtf8(text), AttributeType.String);
                break;
            case int[] numbers:
                attribute.Ints.Add(numbers.Select(number => (long)number));
                attribute.Type = AttributeType.Ints;
                break;
            default:
                throw new ArgumentException($"an attribute cannot be a {value.GetType().Name}", nameof(value));
        }
        return attribute;
    }

    /// <summary>A value of a model's interface.</summary>
    public static ValueInfoProto ValueInfo(string name, DataType type, object[] sizes)
    {
        var shape = new TensorShapeProto();
        foreach (var size in sizes)
            shape.Dim.Add(
                size is string named
                    ? new TensorShapeProto.Types.Dimension { DimParam = named }
                    : new() { DimValue = Convert.ToInt64(size, CultureInfo.InvariantCulture) }
            );
        return new()
        {
            Name = name,
            Type = new()
            {
                TensorType = new() { ElemType = (int)type, Shape = shape },
            },
        };
    }
}
