using Fae.Core;

namespace Fae.Detection;

/// <summary>The difference maps D of equation (2) as ONNX nodes.</summary>
internal sealed partial class DetectorGraph
{
    /// <summary>The heatmap, as <c>Fae.Core.Scoring.heatmap</c>.</summary>
    private string Filtered(Scoring scoring, string x, string r, string output)
    {
        string Map(Measure measure) => Mean(Difference(measure, x, r, output), scoring.FilterSize, scoring.FilterPasses);
        if (scoring.Measure is not Measure.Geometric geometric)
            return Map(scoring.Measure);
        string Logarithm(string map) => Node("Log", Node("Max", map, Number(Core.Difference.smallest)));
        var sum = geometric
            .terms.Select(term => Node("Mul", Logarithm(Map(term.Item2)), Number(term.Item1)))
            .Aggregate((a, b) => Node("Add", a, b));
        return Node("Exp", sum);
    }

    /// <summary>D(x, r), as in <c>Fae.Core.Difference</c>: one plane. <paramref name="output"/> is the network's whole output.</summary>
    private string Difference(Measure measure, string x, string r, string output) =>
        measure switch
        {
            Measure.Weighted weighted => weighted
                .terms.Select(term => Node("Mul", Difference(term.Item2, x, r, output), Number(term.Item1)))
                .Aggregate((sum, term) => Node("Add", sum, term)),
            Measure.Smoothed smoothed => Mean(Difference(smoothed.Item3, x, r, output), smoothed.filterSize, smoothed.passes),
            { IsMse: true } => MeanPlane(Squared(Node("Sub", x, r))),
            { IsRelative: true } => MeanPlane(
                Node(
                    "Div",
                    Node("Abs", Node("Sub", x, r)),
                    Node("Add", Node("Add", Node("Abs", x), Node("Abs", r)), Number(Core.Difference.relativeFloor))
                )
            ),
            { IsSsim: true } => Ssim(x, r),
            { IsGms: true } => Gms(MeanPlane(x), MeanPlane(r)),
            { IsMultiGms: true } => MultiGms(MeanPlane(x), MeanPlane(r)),
            Measure.AnomalyMap own => Slice(output, [card.Channels + own.number - 1], [card.Channels + own.number], [1]),
            _ => throw new NotSupportedException($"there is no graph for the measure '{Core.Difference.name(measure)}'"),
        };

    private string MeanPlane(string value) =>
        card.Channels == 1 ? value : graph.Node("ReduceMean", [value], ("axes", new[] { 1 }), ("keepdims", 1));

    private string Squared(string value) => Node("Mul", value, value);

    private string Ssim(string x, string r)
    {
        string Window(string value) => Mean(value, Core.Difference.ssimWindow, 1);
        string Twice(string value) => Node("Mul", value, Number(2));
        string And(string value, float constant) => Node("Add", value, Number(constant));
        var (mx, mr) = (Window(x), Window(r));
        var product = Node("Mul", mx, mr);
        var squares = Node("Add", Squared(mx), Squared(mr));
        var cross = Node("Sub", Window(Node("Mul", x, r)), product);
        var variances = Node("Sub", Window(Node("Add", Squared(x), Squared(r))), squares);
        var (c1, c2) = (Core.Difference.ssimC1, Core.Difference.ssimC2);
        var index = Node(
            "Div",
            Node("Mul", And(Twice(product), c1), And(Twice(cross), c2)),
            Node("Mul", And(squares, c1), And(variances, c2))
        );
        return MeanPlane(Node("Max", Node("Sub", Number(1), index), Number(0)));
    }

    private string Gradient(string plane)
    {
        float[] prewitt = [-1, 0, 1, -1, 0, 1, -1, 0, 1, -1, -1, -1, 0, 0, 0, 1, 1, 1];
        var continued = graph.Node("Pad", [plane, Whole(0, 0, 1, 1, 0, 0, 1, 1)], ("mode", "edge"));
        var slopes = graph.Node("Conv", [continued, graph.Constant([2, 1, 3, 3], prewitt)], ("kernel_shape", new[] { 3, 3 }));
        var squares = graph.Node("ReduceSum", [Squared(slopes), Whole(1)], ("keepdims", 1));
        return Node("Div", Node("Sqrt", squares), Number(3));
    }

    private string Gms(string x, string r)
    {
        var (a, b) = (Gradient(x), Gradient(r));
        var constant = Number(Core.Difference.gmsConstant);
        var both = Node("Add", Node("Mul", Node("Mul", a, b), Number(2)), constant);
        var squares = Node("Add", Node("Add", Squared(a), Squared(b)), constant);
        return Node("Max", Node("Sub", Number(1), Node("Div", both, squares)), Number(0));
    }

    private string MultiGms(string x, string r)
    {
        string Halved(string value) => graph.Node("AveragePool", [value], ("kernel_shape", new[] { 2, 2 }), ("strides", new[] { 2, 2 }));
        string Whole(int length, int scale) =>
            graph.Constant([length], Enumerable.Range(0, length).Select(i => (long)Math.Min((length >> scale) - 1, i >> scale)).ToArray());
        string Spread(string value, int scale) =>
            graph.Node(
                "Gather",
                [graph.Node("Gather", [value, Whole(size.Height, scale)], ("axis", 2)), Whole(size.Width, scale)],
                ("axis", 3)
            );
        var scales = Core.Difference.scales(size.Height, size.Width);
        var sum = Gms(x, r);
        for (var scale = 1; scale < scales; scale++)
        {
            (x, r) = (Halved(x), Halved(r));
            sum = Node("Add", sum, Spread(Gms(x, r), scale));
        }
        return Node("Mul", sum, Number(1f / scales));
    }
}
