using System.Numerics.Tensors;
using Fae.Core;

namespace Fae.Kernels;

/// <summary>
/// The image score of a strip, <c>Fae.Core.Scoring.score</c> without an ignore mask. Sum and maximum are exact. The mean of the largest
/// values and the median come from a histogram over the upper 21 bits of the values and are right to 1 part in 4,000.
/// </summary>
public sealed class ScoreRows
{
    private const int DroppedBits = 11;

    private readonly Scoring scoring;
    private readonly int width;
    private readonly RowBuffer held;
    private readonly long[] counts;
    private readonly double[] sums;
    private long count;
    private double sum;
    private float maximum = float.NegativeInfinity;

    /// <summary>For rows of so many pixels.</summary>
    /// <exception cref="ArgumentException">The border that does not count leaves nothing of a row.</exception>
    public ScoreRows(Scoring scoring, int width)
    {
        ArgumentNullException.ThrowIfNull(scoring);
        if (2 * scoring.Border >= width)
            throw new ArgumentException($"a border of {scoring.Border} leaves nothing of {width} pixels", nameof(width));
        (this.scoring, this.width) = (scoring, width);
        held = new RowBuffer(1, width);
        var buckets = scoring.Reduction.IsTop || scoring.MedianOffset is not null ? 1 << (32 - DroppedBits) : 0;
        (counts, sums) = (new long[buckets], new double[buckets]);
    }

    /// <summary>The next rows of the heatmap.</summary>
    public void Push(Image heatmap)
    {
        held.Append(heatmap);
        for (var row = Math.Max(held.First, scoring.Border); row < held.End - scoring.Border; row++)
            Count(held.Row(0, row)[scoring.Border..(width - scoring.Border)]);
        held.DropBefore(held.End - scoring.Border);
    }

    /// <summary>The score of all rows.</summary>
    /// <exception cref="InvalidOperationException">The border leaves nothing of so few rows.</exception>
    public float Complete()
    {
        if (count == 0)
            throw new InvalidOperationException($"a border of {scoring.Border} leaves nothing of {held.End} rows");
        var reduced =
            scoring.Reduction is Reduction.Top top ? Top(Math.Max(1, (long)Math.Ceiling((double)top.q * count)))
            : scoring.Reduction.IsMaximum ? maximum
            : (float)sum;
        return scoring.Normalise(reduced, Median);
    }

    private void Count(ReadOnlySpan<float> values)
    {
        count += values.Length;
        if (scoring.Reduction.IsMaximum)
            maximum = Math.Max(maximum, TensorPrimitives.Max(values));
        if (scoring.Reduction.IsSum)
            foreach (var value in values)
                sum += value;
        if (counts.Length == 0)
            return;
        foreach (var value in values)
        {
            var bucket = Bucket(value);
            counts[bucket]++;
            sums[bucket] += value;
        }
    }

    /// <summary>Larger values, larger buckets.</summary>
    private static int Bucket(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);
        return (int)(((bits & 0x8000_0000u) != 0 ? ~bits : bits | 0x8000_0000u) >> DroppedBits);
    }

    private float Top(long wanted)
    {
        var (left, total) = (wanted, 0.0);
        for (var bucket = counts.Length - 1; left > 0; bucket--)
        {
            if (counts[bucket] == 0)
                continue;
            var taken = Math.Min(left, counts[bucket]);
            total += sums[bucket] * taken / counts[bucket];
            left -= taken;
        }
        return (float)(total / wanted);
    }

    private float Median()
    {
        var left = count - count / 2;
        for (var bucket = counts.Length - 1; ; bucket--)
        {
            left -= counts[bucket];
            if (left <= 0)
                return (float)(sums[bucket] / counts[bucket]);
        }
    }
}
