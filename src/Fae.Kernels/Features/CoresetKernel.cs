using System.Numerics;

namespace Fae.Kernels;

/// <summary>Greedy farthest points, in vectors and over threads: <c>Fae.Core.MemoryBank.coreset</c>.</summary>
public static class CoresetKernel
{
    /// <summary>Points whose distances one thread updates at a time.</summary>
    private const int Block = 2048;

    /// <summary>
    /// Indices of the chosen points in the order of choice, the first being <paramref name="first"/>. <paramref name="points"/> holds
    /// vectors of <paramref name="dimensions"/> values, one after the other; <paramref name="progress"/> gets the number of chosen points.
    /// </summary>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public static int[] Choose(
        float[] points,
        int dimensions,
        int first,
        int count,
        Action<int>? progress = null,
        CancellationToken stop = default
    )
    {
        ArgumentNullException.ThrowIfNull(points);
        ArgumentOutOfRangeException.ThrowIfLessThan(dimensions, 1);
        var total = points.Length / dimensions;
        var distances = new float[total];
        Array.Fill(distances, float.PositiveInfinity);
        var blocks = (total + Block - 1) / Block;
        var farthest = new (float Distance, int Index)[blocks];
        var chosen = new int[Math.Min(count, total)];
        var next = first;
        for (var i = 0; i < chosen.Length; i++)
        {
            stop.ThrowIfCancellationRequested();
            chosen[i] = next;
            var centre = next;
            Parallel.For(0, blocks, block => farthest[block] = Update(points, dimensions, distances, centre, block));
            next = Best(farthest);
            progress?.Invoke(i + 1);
        }
        return chosen;
    }

    /// <summary>Updates the distances of a block of points by a new centre; the farthest of them, of equals the first.</summary>
    private static (float Distance, int Index) Update(float[] points, int dimensions, float[] distances, int centre, int block)
    {
        var from = points.AsSpan(centre * dimensions, dimensions);
        var end = Math.Min(distances.Length, (block + 1) * Block);
        var best = (Distance: float.NegativeInfinity, Index: -1);
        for (var i = block * Block; i < end; i++)
        {
            // A chosen point is not chosen again, though others may have its place.
            distances[i] =
                i == centre
                    ? float.NegativeInfinity
                    : Math.Min(distances[i], SquaredDistance(points.AsSpan(i * dimensions, dimensions), from));
            if (best.Index < 0 || distances[i] > best.Distance)
                best = (distances[i], i);
        }
        return best;
    }

    private static int Best((float Distance, int Index)[] farthest)
    {
        var best = farthest[0];
        foreach (var candidate in farthest)
            if (candidate.Distance > best.Distance)
                best = candidate;
        return best.Index;
    }

    /// <summary>‖a − b‖².</summary>
    internal static float SquaredDistance(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        var sum = Vector<float>.Zero;
        var i = 0;
        for (; i <= a.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            var away = new Vector<float>(a[i..]) - new Vector<float>(b[i..]);
            sum += away * away;
        }
        var rest = Vector.Sum(sum);
        for (; i < a.Length; i++)
            rest += (a[i] - b[i]) * (a[i] - b[i]);
        return rest;
    }
}
