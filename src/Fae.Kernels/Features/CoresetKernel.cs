using System.Numerics;
using System.Runtime.InteropServices;

namespace Fae.Kernels;

/// <summary>
/// Greedy farthest points, in vectors and over threads: <c>Fae.Core.MemoryBank.coreset</c>. By the triangle inequality a new centre is
/// nearer to a point than the point's own centre only if the two centres are less than two such distances apart; other points are not
/// looked at.
/// </summary>
public static class CoresetKernel
{
    /// <summary>Points whose distances one thread updates at a time.</summary>
    private const int Block = 2048;

    /// <summary>Squared, and a little more than 4, so that no rounding leaves out a point that is nearer.</summary>
    private const float TwiceAsFar = 4.01f;

    /// <summary>
    /// Indices of the chosen points in the order of choice; the first <paramref name="given"/> points are chosen first.
    /// <paramref name="points"/> holds vectors of <paramref name="dimensions"/> values, one after the other; <paramref name="progress"/>
    /// gets the number of chosen points.
    /// </summary>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public static int[] Choose(
        float[] points,
        int dimensions,
        int given,
        int count,
        Action<int>? progress = null,
        CancellationToken stop = default
    )
    {
        ArgumentNullException.ThrowIfNull(points);
        ArgumentOutOfRangeException.ThrowIfLessThan(dimensions, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(given, 1);
        var total = points.Length / dimensions;
        var distances = new float[total];
        var centres = new int[total];
        Array.Fill(distances, float.PositiveInfinity);
        var blocks = (total + Block - 1) / Block;
        var farthest = new (float Distance, int Index)[blocks];
        var chosen = new int[Math.Min(count, total)];
        var apart = new float[chosen.Length];
        var next = 0;
        for (var i = 0; i < chosen.Length; i++)
        {
            stop.ThrowIfCancellationRequested();
            chosen[i] = next;
            for (var before = 0; before < i; before++)
                apart[before] = SquaredDistance(Point(chosen[before]), Point(next));
            Parallel.For(0, blocks, block => farthest[block] = Update(block, i));
            next = next + 1 < given ? next + 1 : Best(farthest);
            progress?.Invoke(i + 1);
        }
        return chosen;

        ReadOnlySpan<float> Point(int index) => points.AsSpan(index * dimensions, dimensions);

        // Updates the distances of a block of points by a new centre; the farthest of them, of equals the first.
        (float Distance, int Index) Update(int block, int number)
        {
            var centre = chosen[number];
            var from = Point(centre);
            var end = Math.Min(total, (block + 1) * Block);
            var best = (Distance: float.NegativeInfinity, Index: -1);
            for (var i = block * Block; i < end; i++)
            {
                // A chosen point is not chosen again, though others may have its place.
                if (i == centre)
                    distances[i] = float.NegativeInfinity;
                else if (!(apart[centres[i]] >= TwiceAsFar * distances[i]))
                {
                    var distance = SquaredDistance(Point(i), from);
                    if (distance < distances[i])
                        (distances[i], centres[i]) = (distance, number);
                }
                if (best.Index < 0 || distances[i] > best.Distance)
                    best = (distances[i], i);
            }
            return best;
        }
    }

    private static int Best((float Distance, int Index)[] farthest)
    {
        var best = farthest[0];
        foreach (var candidate in farthest)
            if (candidate.Distance > best.Distance)
                best = candidate;
        return best.Index;
    }

    /// <summary>‖a − b‖². Four sums, so that no addition waits for the one before it.</summary>
    internal static float SquaredDistance(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(b.Length, a.Length);
        ref var x = ref MemoryMarshal.GetReference(a);
        ref var y = ref MemoryMarshal.GetReference(b);
        var (s0, s1, s2, s3) = (Vector<float>.Zero, Vector<float>.Zero, Vector<float>.Zero, Vector<float>.Zero);
        var width = Vector<float>.Count;
        var i = 0;
        for (; i <= a.Length - 4 * width; i += 4 * width)
        {
            s0 = Add(s0, ref x, ref y, i);
            s1 = Add(s1, ref x, ref y, i + width);
            s2 = Add(s2, ref x, ref y, i + 2 * width);
            s3 = Add(s3, ref x, ref y, i + 3 * width);
        }
        for (; i <= a.Length - width; i += width)
            s0 = Add(s0, ref x, ref y, i);
        var rest = Vector.Sum(s0 + s1 + (s2 + s3));
        for (; i < a.Length; i++)
            rest += (a[i] - b[i]) * (a[i] - b[i]);
        return rest;
    }

    private static Vector<float> Add(Vector<float> sum, ref float x, ref float y, int at)
    {
        var away = Vector.LoadUnsafe(ref x, (nuint)at) - Vector.LoadUnsafe(ref y, (nuint)at);
        return Vector.FusedMultiplyAdd(away, away, sum);
    }
}
