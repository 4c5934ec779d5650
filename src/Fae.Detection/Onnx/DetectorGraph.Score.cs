using System.Diagnostics;
using Fae.Core;
using Fae.Kernels;
using static Onnx.TensorProto.Types;

namespace Fae.Detection;

/// <summary>From the heatmap to the image score and its p-value.</summary>
internal sealed partial class DetectorGraph
{
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
