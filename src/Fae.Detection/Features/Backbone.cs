using Fae.Core;
using Google.Protobuf;
using Microsoft.ML.OnnxRuntime;
using Onnx;

namespace Fae.Detection;

/// <summary>
/// A frozen convolutional network up to its last used stage, as an ONNX model: input (N, 3, H, W), RGB in [0, 1], of any size; outputs are
/// the stages. The user's normalisation is a part of it. Batch normalisation is folded into the convolutions.
/// </summary>
public sealed class Backbone
{
    /// <summary>The name of the input.</summary>
    internal const string Input = "backbone_image";

    /// <summary>Largest file that is read, in bytes: the limit of a protocol-buffer message is 2 GB.</summary>
    private const long LargestFile = 1L << 30;

    /// <summary>The entry of the model's metadata that <see cref="UnitLength"/> is kept as.</summary>
    private const string UnitLengthKey = "unit_length";

    private readonly ModelProto model;

    private Backbone(ModelProto model, byte[] bytes)
    {
        this.model = model;
        Bytes = bytes;
        Channels = model.Graph.Output.Select(ChannelsOf).ToList();
    }

    /// <summary>The ONNX model.</summary>
    public byte[] Bytes { get; }

    /// <summary>Channels of each stage.</summary>
    public IReadOnlyList<int> Channels { get; }

    /// <summary>Channels of all stages together.</summary>
    public int Dimensions => Channels.Sum();

    /// <summary>The names of the stages in the graph, in order.</summary>
    internal IReadOnlyList<string> Stages => model.Graph.Output.Select(output => output.Name).ToList();

    /// <summary>Whether patch embeddings have the vectors of each stage at unit length.</summary>
    internal bool UnitLength => model.MetadataProps.Any(entry => entry.Key == UnitLengthKey);

    internal ModelProto Model => model;

    internal GraphProto Graph => model.Graph;

    /// <summary>The backbone of a model whose configuration asks for one.</summary>
    /// <exception cref="InvalidDataException">There is none.</exception>
    internal static Backbone Required(Backbone? backbone) =>
        backbone ?? throw new InvalidDataException("it lacks the backbone that its configuration asks for");

    /// <summary>A backbone that <see cref="Cut"/> made.</summary>
    /// <exception cref="InvalidDataException">It is damaged.</exception>
    public static Backbone Of(byte[] bytes) => new(Parse(bytes), bytes);

    /// <summary>Reads an ONNX file and keeps what its stages need.</summary>
    /// <exception cref="InvalidDataException">
    /// It is no ONNX model, lacks a tap, has an unknown operation, or does not run on pictures of three channels.
    /// </exception>
    public static Backbone Read(string path, FeatureSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        if (new FileInfo(path).Length > LargestFile)
            throw new InvalidDataException($"it is larger than {LargestFile >> 20} MB");
        return Cut(File.ReadAllBytes(path), settings);
    }

    /// <summary>Keeps what the stages of an ONNX model need.</summary>
    /// <exception cref="InvalidDataException">
    /// It is no ONNX model, lacks a tap, has an unknown operation, or does not run on pictures of three channels.
    /// </exception>
    public static Backbone Cut(byte[] bytes, FeatureSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        var source = Parse(bytes).Graph;
        var (nodes, weights, taps) = BackboneCut.Take(source, settings.Stages.Select(stage => Tap(settings, stage)).ToList());
        var graph = new GraphProto { Name = "backbone" };
        BackboneCut.AddNormalisation(graph, settings, BackboneCut.ImageOf(nodes, weights));
        BackboneCut.AddFolded(graph, nodes, weights, taps);
        graph.Input.Add(OnnxGraph.ValueInfo(Input, TensorProto.Types.DataType.Float, ["batch", 3, "height", "width"]));
        foreach (var tap in taps)
            graph.Output.Add(
                OnnxGraph.ValueInfo(BackboneCut.NameOf(tap), TensorProto.Types.DataType.Float, ["batch", "channels", "rows", "columns"])
            );
        var model = new ModelProto
        {
            IrVersion = OnnxGraph.IrVersion,
            ProducerName = "fae",
            Graph = graph,
        };
        model.OpsetImport.Add(new OperatorSetIdProto { Version = OnnxGraph.Opset });
        if (settings.UnitLength)
            model.MetadataProps.Add(new StringStringEntryProto { Key = UnitLengthKey, Value = "1" });
        // Its outputs say how many channels they have, so that nobody has to run it for that again.
        foreach (var (output, channels) in graph.Output.Zip(Measure(model)))
            output.Type.TensorType.Shape.Dim[1] = new TensorShapeProto.Types.Dimension { DimValue = channels };
        return new Backbone(model, model.ToByteArray());
    }

    /// <summary>The same with convolutions in eight bits, by the ranges of its activations on prepared good pictures.</summary>
    /// <param name="channels">Of the pictures, 1 or 3.</param>
    /// <param name="scales">At which the pictures are seen, in (0, 1].</param>
    /// <param name="pictures">At least one.</param>
    public Backbone Quantised(int channels, IReadOnlyList<float> scales, IReadOnlyList<Image> pictures) =>
        BackboneQuantiser.Quantise(this, channels, scales, pictures);

    private static int ChannelsOf(ValueInfoProto stage) =>
        stage.Type?.TensorType?.Shape?.Dim is [_, { DimValue: > 0 and <= int.MaxValue and var channels }, ..]
            ? (int)channels
            : throw new InvalidDataException($"its backbone does not say how many channels the stage {stage.Name} has");

    /// <summary>The channels of the stages, seen by running it on a small picture.</summary>
    /// <exception cref="InvalidDataException">It does not run on pictures of three channels, or a stage is no map.</exception>
    private static List<int> Measure(ModelProto model)
    {
        var stages = model.Graph.Output.Select(output => output.Name).ToList();
        const int height = 64,
            width = 96;
        try
        {
            using var session = OnnxSession.Of(model.ToByteArray());
            using var input = OrtValue.CreateTensorValueFromMemory(new float[3 * height * width], [1, 3, height, width]);
            return session.Run(Input, input, stages, outputs => stages.Zip(outputs, ChannelsOf).ToList());
        }
        catch (OnnxRuntimeException e)
        {
            throw new InvalidDataException($"it does not run on a picture of three channels: {e.Message.Split('\n')[0]}");
        }
    }

    private static int ChannelsOf(string stage, OrtValue output) =>
        output.GetTensorTypeAndShape().Shape is [1, > 0 and var channels, > 1, > 1]
            ? (int)channels
            : throw new InvalidDataException($"its stage {stage} is no map of features");

    private static string Tap(FeatureSettings settings, int stage) =>
        stage >= 1 && stage <= settings.Taps.Length
            ? settings.Taps[stage - 1]
            : throw new InvalidDataException($"stage {stage} has no tap: features.taps names {settings.Taps.Length}");

    private static ModelProto Parse(byte[] bytes)
    {
        try
        {
            var model = ModelProto.Parser.ParseFrom(bytes);
            return model.Graph is { Node.Count: > 0 } ? model : throw new InvalidDataException("it is no ONNX model");
        }
        catch (InvalidProtocolBufferException)
        {
            throw new InvalidDataException("it is no ONNX model, or a part of one");
        }
    }
}
