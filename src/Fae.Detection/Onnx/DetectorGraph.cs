using System.Globalization;
using Fae.Core;
using static Onnx.TensorProto.Types;

namespace Fae.Detection;

/// <summary>
/// A whole detector as one ONNX graph. Input: a batch of camera pictures in bytes. Outputs: scores, p-values, verdicts, heatmaps and
/// reconstructions. It contains resizing, illumination correction, network, views, difference, mean filter, reduction and calibration.
/// </summary>
internal sealed partial class DetectorGraph
{
    /// <summary>The names of its input and outputs.</summary>
    public const string Images = "images",
        Score = "score",
        PValue = "p_value",
        Anomalous = "anomalous",
        Heatmap = "heatmap",
        Reconstruction = "reconstruction";

    private readonly OnnxGraph graph = new();
    private readonly ModelCard card;
    private readonly IReadOnlyList<NamedArray> weights;
    private readonly (int Height, int Width) size;

    /// <summary>Planes of the network's output: the reconstruction's, and the anomaly maps of networks that predict some.</summary>
    private readonly int planes;

    private DetectorGraph(ModelCard card, IReadOnlyList<NamedArray> weights, (int Height, int Width) size)
    {
        this.card = card;
        this.weights = weights;
        this.size = size;
        planes = card.Channels + NetworkGeometry.anomalyMaps(card.Config.Network);
    }

    /// <summary>
    /// The model's bytes; <paramref name="camera"/> is the shape of the pictures, for models that look at them in windows, whose number
    /// depends on it.
    /// </summary>
    /// <exception cref="System.IO.InvalidDataException">The weights do not fit the configuration.</exception>
    /// <exception cref="NotSupportedException">Such a model cannot be exported; the message says why.</exception>
    public static byte[] Of(ModelCard card, IReadOnlyList<NamedArray> weights, (int Height, int Width)? camera)
    {
        if (card.Config.Image.Tile > 0 && camera is null)
            throw new NotSupportedException("it looks at pictures in windows, whose number depends on the pictures' shape");
        var (height, width) = InputGeometry.preparedShape(card.Config, (camera?.Height ?? 0, camera?.Width ?? 0));
        return new DetectorGraph(card, weights, (height, width)).Build(camera);
    }

    private byte[] Build((int Height, int Width)? camera)
    {
        var (height, width) = size;
        object[] shape = ["batch", camera?.Height ?? (object)"height", camera?.Width ?? (object)"width", card.Channels];
        var x = CorrectIllumination(
            Visible(Resized(graph.Input(Images, TakesBytes(card.Config) ? DataType.Uint8 : DataType.Float, shape)))
        );
        var output = InWindows(x);
        var r = planes == card.Channels ? output : Slice(output, [0], [card.Channels], [1]);
        var scoring = card.Calibration.Scoring;
        var heatmap = Filtered(scoring, x, r, output);
        var score = Scored(heatmap);
        graph.Output(Score, DataType.Float, Node("Squeeze", score, Whole(1)), "batch");
        graph.Output(PValue, DataType.Float, Node("Squeeze", Share(score), Whole(1)), "batch");
        graph.Output(
            Anomalous,
            DataType.Bool,
            Node("Squeeze", Node("Greater", score, Number(card.Calibration.ImageThreshold)), Whole(1)),
            "batch"
        );
        graph.Output(Heatmap, DataType.Float, heatmap, "batch", 1, height, width);
        graph.Output(Reconstruction, DataType.Float, r, "batch", card.Channels, height, width);
        return graph.ToModel("FaeDetector", Metadata());
    }

    private Dictionary<string, string> Metadata()
    {
        static string Text(IFormattable number) => number.ToString(null, CultureInfo.InvariantCulture);
        var calibration = card.Calibration;
        return new Dictionary<string, string>
        {
            ["fae.image_threshold"] = Text(calibration.ImageThreshold),
            ["fae.false_alarm"] = Text(calibration.FalseAlarm),
            ["fae.pixel_threshold"] = Text(calibration.PixelThreshold),
            ["fae.scoring"] = ScoringSearch.Describe(calibration.Scoring),
            ["fae.size"] = $"{size.Height}x{size.Width}",
            ["fae.channels"] = Text(card.Channels),
            ["fae.order"] = card.Channels == 1 ? "grey" : "RGB",
            ["fae.layout"] = "NHWC",
            ["fae.type"] = TakesBytes(card.Config) ? "uint8" : "float32",
            ["fae.fingerprint"] = card.Fingerprint,
            ["fae.version"] = typeof(DetectorGraph).Assembly.GetName().Version?.ToString(3) ?? "",
            ["fae.range"] = $"{Text(Range(card.Config).Low)}-{Text(Range(card.Config).High)}",
        };
    }

    /// <summary>Whether the pictures that a graph takes are bytes; else they are floats of the values that the pictures have.</summary>
    public static bool TakesBytes(Config config)
    {
        ArgumentNullException.ThrowIfNull(config);
        return IsOfBytes(config) && config.Image.Values.Range is null;
    }

    /// <summary>The values of those pictures that become 0 and 1.</summary>
    public static (float Low, float High) Range(Config config)
    {
        ArgumentNullException.ThrowIfNull(config);
        var (low, high) = ValueRange.ofPicture(config.Image.Values, IsOfBytes(config) ? ValueKind.Byte : ValueKind.Other);
        return (low, high);
    }

    private static bool IsOfBytes(Config config) => config.Image.Values.Bits is null or { Value: 8 };

    private string Node(string operation, params string[] arguments) => graph.Node(operation, arguments);

    private string Number(float value) => graph.Constant([], value);

    private string Exact(double value) => graph.Constant([], value);

    private string Whole(params long[] values) => graph.Constant([values.Length], values);

    private string As(DataType type, string value) => graph.Node("Cast", [value], ("to", (int)type));

    private string Slice(string value, long[] from, long[] to, long[] axes, long step = 1) =>
        Node("Slice", value, Whole(from), Whole(to), Whole(axes), Whole(axes.Select(_ => step).ToArray()));

    /// <summary>G_k^n: rows and columns one after the other; windows are cut at the border.</summary>
    private string Mean(string value, int filter, int passes)
    {
        string Along(string line, int height, int width) =>
            graph.Node(
                "AveragePool",
                [line],
                ("kernel_shape", new[] { height, width }),
                ("pads", new[] { height / 2, width / 2, height / 2, width / 2 }),
                ("count_include_pad", 0)
            );
        for (var pass = 0; pass < passes && filter > 1; pass++)
            value = Along(Along(value, filter, 1), 1, filter);
        return value;
    }
}
