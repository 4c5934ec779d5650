using Fae.Core;

namespace Fae.Kernels;

/// <summary>A run of mask pixels in one row, and the number of the 8-connected component that it belongs to.</summary>
internal readonly record struct Run(int Row, int From, int To, int Component);

/// <summary>
/// The 8-connected components of a mask, as <c>Fae.Core.Metrics.components</c> finds them: runs of pixels joined where they touch, no
/// pixel twice.
/// </summary>
internal static class ComponentsKernel
{
    /// <summary>The runs of pixels at ½ and above that are not hidden, and how many pixels each component has.</summary>
    public static (List<Run> Runs, int[] Sizes) Of(Image mask, Image? hidden)
    {
        var found = new List<Run>();
        var parents = new List<int>();
        // Where the runs of the row above begin, and those of this row.
        var (above, row) = (0, 0);
        for (var y = 0; y < mask.Height; y++)
        {
            (above, row) = (row, found.Count);
            FindRuns(mask, hidden, y, found);
            for (var i = row; i < found.Count; i++)
            {
                parents.Add(i);
                // Runs of the row above that touch this one, corners included; both rows rise.
                while (above < row && found[above].To < found[i].From)
                    above++;
                for (var j = above; j < row && found[j].From <= found[i].To; j++)
                    Join(parents, i, j);
            }
        }
        return Number(found, parents);
    }

    private static void FindRuns(Image mask, Image? hidden, int y, List<Run> found)
    {
        var values = mask.Pixels.AsSpan(y * mask.Width, mask.Width);
        var hides = hidden is null ? default : hidden.Pixels.AsSpan(y * mask.Width, mask.Width);
        for (var x = 0; x < values.Length; x++)
        {
            if (!Inside(values, hides, x))
                continue;
            var from = x;
            while (x < values.Length && Inside(values, hides, x))
                x++;
            found.Add(new Run(y, from, x, -1));
        }
    }

    private static bool Inside(ReadOnlySpan<float> values, ReadOnlySpan<float> hides, int x) =>
        values[x] >= 0.5f && (hides.IsEmpty || !(hides[x] >= 0.5f));

    private static int Root(List<int> parents, int i)
    {
        while (parents[i] != i)
            i = parents[i] = parents[parents[i]];
        return i;
    }

    private static void Join(List<int> parents, int i, int j)
    {
        var (a, b) = (Root(parents, i), Root(parents, j));
        parents[Math.Max(a, b)] = Math.Min(a, b);
    }

    private static (List<Run> Runs, int[] Sizes) Number(List<Run> runs, List<int> parents)
    {
        var numbers = new Dictionary<int, int>();
        var sizes = new List<int>();
        for (var i = 0; i < runs.Count; i++)
        {
            var root = Root(parents, i);
            if (!numbers.TryGetValue(root, out var number))
            {
                numbers[root] = number = sizes.Count;
                sizes.Add(0);
            }
            sizes[number] += runs[i].To - runs[i].From;
            runs[i] = runs[i] with { Component = number };
        }
        return (runs, sizes.ToArray());
    }
}
