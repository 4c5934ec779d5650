using System;
using System.Numerics;

namespace Fae.Kernels;

/// <summary>
/// G_k^n of equation (2) in time independent of k: running sums along the rows, running sums of whole rows down the columns.
/// Sums are kept in double precision, so that what is subtracted is exactly what was added and no drift remains.
/// </summary>
public static class MeanFilterKernel
{
    /// <summary>Filters one plane of height × width, <paramref name="passes"/> times, with a window of odd size cut at the borders.</summary>
    /// <exception cref="ArgumentException">An even or non-positive size, negative passes, or spans of another length.</exception>
    public static void Apply(ReadOnlySpan<float> source, Span<float> destination, int height, int width, int size, int passes)
    {
        Check(size, passes);
        if (source.Length != height * width || destination.Length != height * width)
            throw new ArgumentException($"a plane of {height}×{width} needs {height * width} values", nameof(source));

        source.CopyTo(destination);
        if (size == 1)
            return;

        var rows = new float[height * width];
        var sums = new double[width];
        for (var pass = 0; pass < passes; pass++)
        {
            for (var y = 0; y < height; y++)
                FilterRow(destination.Slice(y * width, width), rows.AsSpan(y * width, width), size / 2);
            FilterColumns(rows, destination, sums, height, width, size / 2);
        }
    }

    internal static void Check(int size, int passes)
    {
        if (size < 1 || size % 2 == 0)
            throw new ArgumentException($"the mean filter's size must be odd and positive, not {size}", nameof(size));
        if (passes < 0)
            throw new ArgumentException($"the mean filter cannot be applied {passes} times", nameof(passes));
    }

    private static void FilterRow(ReadOnlySpan<float> source, Span<float> destination, int reach)
    {
        var width = source.Length;
        double sum = 0;
        for (var x = 0; x < Math.Min(reach, width); x++)
            sum += source[x];

        // The left border, the middle (both ends inside: one division a row), the right border.
        for (var x = 0; x < width; x++)
        {
            if (x + reach < width)
                sum += source[x + reach];
            if (x - reach - 1 >= 0)
                sum -= source[x - reach - 1];
            var count = Math.Min(width - 1, x + reach) - Math.Max(0, x - reach) + 1;
            destination[x] = (float)(sum / count);
        }
    }

    private static void FilterColumns(ReadOnlySpan<float> source, Span<float> destination, Span<double> sums, int height, int width, int reach)
    {
        sums.Clear();
        for (var y = 0; y < Math.Min(reach, height); y++)
            Accumulate(sums, source.Slice(y * width, width), 1);

        for (var y = 0; y < height; y++)
        {
            if (y + reach < height)
                Accumulate(sums, source.Slice((y + reach) * width, width), 1);
            if (y - reach - 1 >= 0)
                Accumulate(sums, source.Slice((y - reach - 1) * width, width), -1);
            var scale = 1.0 / (Math.Min(height - 1, y + reach) - Math.Max(0, y - reach) + 1);
            Scale(sums, destination.Slice(y * width, width), scale);
        }
    }

    private static void Accumulate(Span<double> sums, ReadOnlySpan<float> row, double sign)
    {
        var x = 0;
        var factor = new Vector<double>(sign);
        for (; x <= row.Length - Vector<float>.Count; x += Vector<float>.Count)
        {
            Vector.Widen(new Vector<float>(row[x..]), out var low, out var high);
            (new Vector<double>(sums[x..]) + low * factor).CopyTo(sums[x..]);
            (new Vector<double>(sums[(x + Vector<double>.Count)..]) + high * factor).CopyTo(sums[(x + Vector<double>.Count)..]);
        }
        for (; x < row.Length; x++)
            sums[x] += sign * row[x];
    }

    private static void Scale(ReadOnlySpan<double> sums, Span<float> row, double scale)
    {
        var x = 0;
        for (; x <= row.Length - Vector<float>.Count; x += Vector<float>.Count)
        {
            var low = new Vector<double>(sums[x..]) * scale;
            var high = new Vector<double>(sums[(x + Vector<double>.Count)..]) * scale;
            Vector.Narrow(low, high).CopyTo(row[x..]);
        }
        for (; x < row.Length; x++)
            row[x] = (float)(sums[x] * scale);
    }
}
