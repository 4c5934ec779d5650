using System.Numerics.Tensors;
using Fae.Core;

namespace Fae.Kernels;

/// <summary>
/// <c>Fae.Core.RegionRows</c> with runs that are joined where they touch: the time for a row is in proportion to its pixels and runs.
/// </summary>
/// <param name="threshold">Values at or above it belong to regions.</param>
/// <param name="longest">A region is cut after so many rows; 0: never.</param>
public sealed class RegionTracker(float threshold, int longest = 0)
{
    /// <summary>A run [From, To) of a row, and the number of its region or node.</summary>
    private readonly record struct Run(int From, int To, int Number);

    private List<StripRegion> open = [];
    private List<Run> above = [];

    /// <summary>Rows so far.</summary>
    public long Rows { get; private set; }

    /// <summary>The next rows of the heatmap, one plane; returns the regions that ended above their last, and the parts that were
    /// cut.</summary>
    public IReadOnlyList<StripRegion> Push(Image heatmap)
    {
        ArgumentNullException.ThrowIfNull(heatmap);
        var ended = new List<StripRegion>();
        for (var y = 0; y < heatmap.Height; y++)
            Next(heatmap.Pixels.AsSpan(y * heatmap.Width, heatmap.Width), ended);
        return ended;
    }

    /// <summary>The regions that were open at the end.</summary>
    public IReadOnlyList<StripRegion> Complete()
    {
        var last = open;
        (open, above) = ([], []);
        return last;
    }

    private void Next(ReadOnlySpan<float> row, List<StripRegion> ended)
    {
        if (open.Count > 0 || !(TensorPrimitives.Max(row) < threshold))
            Follow(row, ended);
        Rows++;
    }

    private void Follow(ReadOnlySpan<float> row, List<StripRegion> ended)
    {
        // The nodes that are joined: the open regions, then the runs of this row.
        var parents = Enumerable.Range(0, open.Count).ToList();
        var parts = open.ToList();
        var runs = FindRuns(row, parents, parts);
        JoinRuns(runs, parents);
        var (olds, heres) = (new StripRegion?[parents.Count], new StripRegion?[parents.Count]);
        for (var node = 0; node < parents.Count; node++)
        {
            var side = node < open.Count ? olds : heres;
            var root = Root(parents, node);
            side[root] = side[root] is { } part ? RegionRowsModule.join(part, parts[node]) : parts[node];
        }
        var (still, numbers) = (new List<StripRegion>(), new int[parents.Count]);
        for (var node = 0; node < parents.Count; node++)
        {
            numbers[node] = still.Count;
            switch (olds[node], heres[node])
            {
                case ({ } old, null):
                    ended.Add(old);
                    break;
                case ({ } old, { } here) when longest > 0 && old.Height >= longest:
                    ended.Add(new StripRegion(old.X, old.Y, old.Width, old.Height, old.Area, old.Peak, continues: true));
                    still.Add(here);
                    break;
                case ({ } old, { } here):
                    still.Add(RegionRowsModule.join(old, here));
                    break;
                case (null, { } here):
                    still.Add(here);
                    break;
            }
        }
        above = runs.Select(run => run with { Number = numbers[Root(parents, run.Number)] }).ToList();
        open = still;
    }

    private List<Run> FindRuns(ReadOnlySpan<float> row, List<int> parents, List<StripRegion> parts)
    {
        var runs = new List<Run>();
        for (var x = 0; x < row.Length; x++)
        {
            if (!(row[x] >= threshold))
                continue;
            var from = x;
            while (x < row.Length && row[x] >= threshold)
                x++;
            runs.Add(new Run(from, x, parents.Count));
            parents.Add(parents.Count);
            parts.Add(new StripRegion(from, Rows, x - from, 1, x - from, TensorPrimitives.Max(row[from..x]), continues: false));
        }
        return runs;
    }

    /// <summary>Joins what touches, corners included; the runs of both rows rise.</summary>
    private void JoinRuns(List<Run> runs, List<int> parents)
    {
        var first = 0;
        foreach (var run in runs)
        {
            while (first < above.Count && above[first].To < run.From)
                first++;
            for (var j = first; j < above.Count && above[j].From <= run.To; j++)
                parents[Root(parents, run.Number)] = Root(parents, above[j].Number);
        }
    }

    private static int Root(List<int> parents, int node)
    {
        while (parents[node] != node)
            node = parents[node] = parents[parents[node]];
        return node;
    }
}
