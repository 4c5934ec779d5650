using Fae.Core;

namespace Fae.Detection;

/// <summary>The network's answers: in windows of large pictures, and in several views.</summary>
internal sealed partial class DetectorGraph
{
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
}
