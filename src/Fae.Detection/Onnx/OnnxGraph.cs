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

    /// <summary>A constant array of floats, doubles or longs.</summary>
    public string Constant<T>(long[] shape, params T[] values)
        where T : unmanaged
    {
        var type = values switch
        {
            float[] => DataType.Float,
            double[] => DataType.Double,
            long[] => DataType.Int64,
            _ => throw new ArgumentException($"a constant cannot be of {typeof(T).Name}", nameof(values)),
        };
        return Add($"constant_{graph.Initializer.Count}", type, shape, MemoryMarshal.AsBytes(values.AsSpan()));
    }

    /// <summary>An array of floats under its own name.</summary>
    public string Weight(NamedArray array) => Add(array.Name, DataType.Float, array.Shape, MemoryMarshal.AsBytes(array.Values.AsSpan()));

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

    private string Add(string name, DataType type, long[] shape, ReadOnlySpan<byte> values)
    {
        var tensor = new TensorProto
        {
            Name = name,
            DataType = (int)type,
            RawData = ByteString.CopyFrom(values),
        };
        tensor.Dims.Add(shape);
        graph.Initializer.Add(tensor);
        return name;
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

    private static AttributeProto Attribute(string name, object value)
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
