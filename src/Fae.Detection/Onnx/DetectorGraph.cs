using System.Diagnostics;
using System.Globalization;
using Fae.Core;
using Fae.Kernels;
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

    /// <summary>(N, H, W, C) values → (N, C, height, width) in [0, 1], by Lanczos' windows.</summary>
    private string Resized(string images)
    {
        var floats = graph.Node("Transpose", [As(DataType.Float, images)], ("perm", new[] { 0, 3, 1, 2 }));
        var lengths = Node("Shape", floats);
        var tall = Node("MatMul", Taps(lengths, 2, size.Height), floats);
        var resized = Node("MatMul", tall, graph.Node("Transpose", [Taps(lengths, 3, size.Width)], ("perm", new[] { 1, 0 })));
        var (low, high) = Range(card.Config);
        var levelled = low == 0 ? resized : Node("Sub", resized, Number(low));
        return Node("Clip", Node("Mul", levelled, Number(1f / (high - low))), Number(0), Number(1));
    }

    /// <summary>As <c>Fae.Core.IgnoreMask.fill</c>: what the ignore mask hides is the mean of what is visible.</summary>
    private string Visible(string x)
    {
        if (card.Ignore is not { } mask)
            return x;
        var seen = Array.ConvertAll(mask.Pixels, value => IgnoreMask.hides(value) ? 0f : 1f);
        var weights = graph.Constant([1, 1, mask.Height, mask.Width], seen);
        var kept = Node("Mul", x, weights);
        var sum = graph.Node("ReduceSum", [kept, Whole(2, 3)], ("keepdims", 1));
        var hidden = graph.Constant([1, 1, mask.Height, mask.Width], Array.ConvertAll(seen, value => 1 - value));
        return Node("Add", kept, Node("Mul", Node("Div", sum, Number(Math.Max(1, seen.Sum()))), hidden));
    }

    /// <summary>
    /// (count, length): what each place of the resized line takes of each pixel of the picture's, as <c>Fae.Core.Resample.taps</c> says.
    /// </summary>
    private string Taps(string lengths, long axis, int count)
    {
        var length = As(DataType.Double, Node("Squeeze", Slice(lengths, [axis], [axis + 1], [0]), Whole(0)));
        var scale = Node("Div", length, Exact(count));
        var middles = graph.Constant([count, 1], Enumerable.Range(0, count).Select(i => i + 0.5).ToArray());
        var centres = Node("Sub", Node("Mul", middles, scale), Exact(0.5));
        var away = Node("Div", Node("Sub", Node("Range", Exact(0), length, Exact(1)), centres), Node("Max", scale, Exact(1)));
        var inside = Node("Less", Node("Abs", away), Exact(Resample.lobes));
        var windowed = Node("Mul", Sinc(away), Sinc(Node("Div", away, Exact(Resample.lobes))));
        var taken = Node("Where", inside, windowed, Exact(0));
        return As(DataType.Float, Node("Div", taken, graph.Node("ReduceSum", [taken, Whole(1)], ("keepdims", 1))));
    }

    private string Sinc(string x)
    {
        var angle = Node("Mul", x, Exact(Math.PI));
        return Node("Where", Node("Less", Node("Abs", x), Exact(1e-12)), Exact(1), Node("Div", Node("Sin", angle), angle));
    }

    /// <summary>As <c>Fae.Core.Illumination.correct</c>.</summary>
    private string CorrectIllumination(string x)
    {
        var sigma = card.Config.Image.IlluminationSigma;
        if (sigma <= 0)
            return x;
        var blurred = Mean(x, Core.Illumination.filterSize(sigma), 3);
        return Node("Min", Number(1), Node("Div", Node("Mul", x, Number(0.5f)), Node("Add", blurred, Number(Core.Illumination.floor))));
    }

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

    /// <summary>f̄(x): whole, or in tiles, blended as in <c>Fae.Core.Tiles</c>.</summary>
    private string InWindows(string x)
    {
        if (InputGeometry.tiling(card.Config)?.Value is not { } tiling || size == (tiling.Side, tiling.Side))
            return InViews(x);
        var windows = (
            from down in Tiles.shares(tiling, size.Height)
            from along in Tiles.shares(tiling, size.Width)
            select (Top: down.Item1, Left: along.Item1, Down: down.Item2, Along: along.Item2)
        ).ToList();
        var side = (long)tiling.Side;
        var seen = windows.Select(window => Slice(x, [window.Top, window.Left], [window.Top + side, window.Left + side], [2, 3]));
        var answers = Apart(InViews(graph.Node("Concat", seen, ("axis", 0))), windows.Count, side, side);
        return windows
            .Zip(
                answers,
                (window, answer) =>
                {
                    var share = graph.Constant(
                        [1, 1, side, side],
                        (from down in window.Down from along in window.Along select down * along).ToArray()
                    );
                    long[] around = [0, 0, window.Top, window.Left, 0, 0, size.Height - window.Top - side, size.Width - window.Left - side];
                    return Node("Pad", Node("Mul", answer, share), Whole(around));
                }
            )
            .Aggregate((sum, part) => Node("Add", sum, part));
    }

    /// <summary>The parts of a batch that several were joined to.</summary>
    private IEnumerable<string> Apart(string joined, int parts, long height, long width)
    {
        var stacked = Node("Reshape", joined, Whole(parts, -1, planes, height, width));
        return Enumerable.Range(0, parts).Select(i => graph.Node("Gather", [stacked, graph.Constant([], (long)i)], ("axis", 0)));
    }

    /// <summary>The mean of the network's outputs over all views, transformed back.</summary>
    private string InViews(string x)
    {
        var views = InputGeometry.views(card.Config).ToList();
        string Answer(string value) => NetworkGraph.Append(graph, value, card.Config.Network, card.Channels, weights, card.Backbone);
        if (views is [{ Flip: false, Turns: 0 }])
            return Answer(x);
        var (height, width) = InputGeometry.seenShape(card.Config);
        var seen = views.Select(view => Turned(view.Flip ? Flipped(x, 3) : x, view.Turns));
        var answers = Apart(Answer(graph.Node("Concat", seen, ("axis", 0))), views.Count, height, width);
        var back = views.Zip(
            answers,
            (view, answer) =>
            {
                var upright = Turned(answer, (4 - view.Turns) % 4);
                return view.Flip ? Flipped(upright, 3) : upright;
            }
        );
        return Node("Mul", back.Aggregate((sum, answer) => Node("Add", sum, answer)), Number(1f / views.Count));
    }

    private string Flipped(string value, long axis) => Slice(value, [-1], [long.MinValue + 1], [axis], -1);

    /// <summary>Turned by quarters against the clock.</summary>
    private string Turned(string value, int turns)
    {
        for (var i = 0; i < turns; i++)
            value = Flipped(graph.Node("Transpose", [value], ("perm", new[] { 0, 1, 3, 2 })), 2);
        return value;
    }

    /// <summary>(N, 1): the image score, as <c>Fae.Core.Scoring.score</c>.</summary>
    private string Scored(string heatmap)
    {
        var scoring = card.Calibration.Scoring;
        var counted = Array.ConvertAll(
            ScoringModule.countedIndices(scoring.Border, card.Ignore.ToOption(), size.Height, size.Width),
            i => (long)i
        );
        var flat = graph.Node("Flatten", [heatmap], ("axis", 1));
        var values = counted.Length == size.Height * size.Width ? flat : graph.Node("Gather", [flat, Whole(counted)], ("axis", 1));
        var reduced = scoring.Reduction switch
        {
            Reduction.Top top => graph.Node(
                "ReduceMean",
                [graph.Largest(values, Math.Max(1, (long)Math.Ceiling((double)top.q * counted.Length)))],
                ("axes", new[] { 1 }),
                ("keepdims", 1)
            ),
            { IsSum: true } => graph.Node("ReduceSum", [values, Whole(1)], ("keepdims", 1)),
            { IsMaximum: true } => graph.Node("ReduceMax", [values], ("axes", new[] { 1 }), ("keepdims", 1)),
            _ => throw new UnreachableException($"unknown reduction {scoring.Reduction}"),
        };
        if (scoring.MedianOffset is not { } offset)
            return reduced;
        var upper = counted.Length - counted.Length / 2;
        var median = Slice(graph.Largest(values, upper), [upper - 1], [upper], [1]);
        return Node("Div", reduced, Node("Add", median, Number(offset)));
    }

    /// <summary>(N, 1): the conformal p-value, as <c>Fae.Core.Conformal.pValue</c>.</summary>
    private string Share(string score)
    {
        var heldOut = card.Calibration.HeldOut;
        var above = Node("GreaterOrEqual", graph.Constant([1, heldOut.Length], heldOut), score);
        var count = graph.Node("ReduceSum", [As(DataType.Float, above), Whole(1)], ("keepdims", 1));
        return Node("Mul", Node("Add", count, Number(1)), Number(1f / (heldOut.Length + 1)));
    }
}
