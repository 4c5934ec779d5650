using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Fae.Kernels;

/// <summary>
/// G_k^n of equation (2) in time independent of k. Filtering along rows and down columns commute, so all n passes along a band of sixteen
/// rows run while it is in cache, and then all n down a strip of sixteen columns: the plane goes through memory twice, whatever n is. A
/// band is laid out with its sixteen lines side by side, so that one running sum serves all of them. Sums are kept in double precision,
/// so that what is subtracted is exactly what was added and no drift remains.
/// </summary>
public static class MeanFilterKernel
{
    /// <summary>Lines filtered side by side: one cache line of floats.</summary>
    private const int Lanes = 16;

    /// <summary>
    /// Filters one plane of height × width, <paramref name="passes"/> times, with a window of odd size cut at the borders.
    /// </summary>
    /// <remarks>Allocates only for splitting the work over threads. Source and destination may be the same memory.</remarks>
    /// <exception cref="ArgumentException">An even or non-positive size, negative passes, or memory of another length.</exception>
    public static void Apply(ReadOnlyMemory<float> source, Memory<float> destination, int height, int width, int size, int passes)
    {
        Check(size, passes);
        if (source.Length != height * width || destination.Length != height * width)
            throw new ArgumentException($"a plane of {height}×{width} needs {height * width} values", nameof(source));

        if (size == 1 || passes == 0)
        {
            source.CopyTo(destination);
            return;
        }
        ParallelBands.ForEach(
            height,
            Lanes,
            source.Length,
            (first, last) => Rows(source.Span, destination.Span, width, first, last, size / 2, passes)
        );
        ParallelBands.ForEach(
            width,
            Lanes,
            source.Length,
            (first, last) => Columns(destination.Span, height, width, first, last, size / 2, passes)
        );
    }

    internal static void Check(int size, int passes)
    {
        if (size < 1 || size % 2 == 0)
            throw new ArgumentException($"the mean filter's size must be odd and positive, not {size}", nameof(size));
        if (passes < 0)
            throw new ArgumentException($"the mean filter cannot be applied {passes} times", nameof(passes));
    }

    /// <summary>All passes along the rows [first, last).</summary>
    private static void Rows(ReadOnlySpan<float> source, Span<float> destination, int width, int first, int last, int reach, int passes)
    {
        var rented = ArrayPool<float>.Shared.Rent(2 * Lanes * width);
        var line = rented.AsSpan(0, Lanes * width);
        var spare = rented.AsSpan(Lanes * width, Lanes * width);
        for (var top = first; top < last; top += Lanes)
        {
            var rows = Math.Min(Lanes, last - top);
            if (rows < Lanes)
                line.Clear();
            Transpose.Apply(source[(top * width)..], width, rows, width, line, Lanes);
            var filtered = Filter(line, spare, width, reach, passes);
            Transpose.Apply(filtered, Lanes, width, rows, destination[(top * width)..], width);
        }
        ArrayPool<float>.Shared.Return(rented);
    }

    /// <summary>All passes down the columns [first, last), in place.</summary>
    private static void Columns(Span<float> plane, int height, int width, int first, int last, int reach, int passes)
    {
        var rented = ArrayPool<float>.Shared.Rent(2 * Lanes * height);
        var line = rented.AsSpan(0, Lanes * height);
        var spare = rented.AsSpan(Lanes * height, Lanes * height);
        for (var left = first; left < last; left += Lanes)
        {
            var columns = Math.Min(Lanes, last - left);
            if (columns < Lanes)
                line.Clear();
            for (var y = 0; y < height; y++)
                plane.Slice(y * width + left, columns).CopyTo(line[(y * Lanes)..]);
            var filtered = Filter(line, spare, height, reach, passes);
            for (var y = 0; y < height; y++)
                filtered.Slice(y * Lanes, columns).CopyTo(plane[(y * width + left)..]);
        }
        ArrayPool<float>.Shared.Return(rented);
    }

    /// <summary>
    /// Filters sixteen interleaved lines, <paramref name="passes"/> times; returns that one of the two buffers where the result is.
    /// </summary>
    private static Span<float> Filter(Span<float> line, Span<float> spare, int length, int reach, int passes)
    {
        for (var pass = 0; pass < passes; pass++)
        {
            Pass(line, spare, length, reach);
            var filtered = spare;
            spare = line;
            line = filtered;
        }
        return line;
    }

    /// <summary>One pass: the left border, the middle (both ends of the window inside, one scale), the right border.</summary>
    private static void Pass(ReadOnlySpan<float> from, Span<float> to, int length, int reach)
    {
        var sums = default(Sums);
        for (var i = 0; i < Math.Min(reach, length); i++)
            sums.Add(from, i);

        var middle = Math.Min(reach + 1, length);
        var right = Math.Max(middle, length - reach);
        for (var i = 0; i < middle; i++)
        {
            if (i + reach < length)
                sums.Add(from, i + reach);
            sums.Store(to, i, 1.0 / (Math.Min(length - 1, i + reach) + 1));
        }
        var scale = Vector256.Create(1.0 / (2 * reach + 1));
        for (var i = middle; i < right; i++)
        {
            sums.Move(from, i + reach, i - reach - 1);
            sums.Store(to, i, scale);
        }
        for (var i = right; i < length; i++)
        {
            sums.Remove(from, i - reach - 1);
            sums.Store(to, i, 1.0 / (length - i + reach));
        }
    }

    /// <summary>The running sums of sixteen lines.</summary>
    private struct Sums
    {
        private Vector256<double> a,
            b,
            c,
            d;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Add(ReadOnlySpan<float> line, int at)
        {
            a += Wide(line, at, 0);
            b += Wide(line, at, 4);
            c += Wide(line, at, 8);
            d += Wide(line, at, 12);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Remove(ReadOnlySpan<float> line, int at)
        {
            a -= Wide(line, at, 0);
            b -= Wide(line, at, 4);
            c -= Wide(line, at, 8);
            d -= Wide(line, at, 12);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Move(ReadOnlySpan<float> line, int enters, int leaves)
        {
            a += Wide(line, enters, 0) - Wide(line, leaves, 0);
            b += Wide(line, enters, 4) - Wide(line, leaves, 4);
            c += Wide(line, enters, 8) - Wide(line, leaves, 8);
            d += Wide(line, enters, 12) - Wide(line, leaves, 12);
        }

        public readonly void Store(Span<float> line, int at, double scale) => Store(line, at, Vector256.Create(scale));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void Store(Span<float> line, int at, Vector256<double> scale)
        {
            ref var place = ref MemoryMarshal.GetReference(line.Slice(at * Lanes, Lanes));
            Vector256.Narrow(a * scale, b * scale).StoreUnsafe(ref place);
            Vector256.Narrow(c * scale, d * scale).StoreUnsafe(ref place, 8);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static Vector256<double> Wide(ReadOnlySpan<float> line, int at, int lane)
        {
            var four = Vector128.LoadUnsafe(ref MemoryMarshal.GetReference(line.Slice(at * Lanes, Lanes)), (nuint)lane);
            if (Avx.IsSupported)
                return Avx.ConvertToVector256Double(four);
            var (low, high) = Vector128.Widen(four);
            return Vector256.Create(low, high);
        }
    }
}
