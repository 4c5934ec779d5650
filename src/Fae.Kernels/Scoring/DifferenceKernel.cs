using System.Buffers;
using System.Diagnostics;
using System.Numerics;
using System.Numerics.Tensors;
using Fae.Core;
using Vector = System.Numerics.Vector;

namespace Fae.Kernels;

/// <summary>
/// The difference maps D of equation (2), in vectors and over threads: the same numbers as <c>Fae.Core.Difference</c>, to float rounding.
/// </summary>
public static partial class DifferenceKernel
{
    /// <summary>Rows of one band.</summary>
    private const int BandRows = 16;

    /// <summary>
    /// Writes the map of a measure between an image of channels × height × width and the answer to it, of as many planes or more, into
    /// one plane. Its buffers are rented.
    /// </summary>
    public static void Map(
        Measure measure,
        ReadOnlyMemory<float> x,
        ReadOnlyMemory<float> r,
        Memory<float> map,
        int channels,
        int height,
        int width
    )
    {
        switch (measure)
        {
            case Measure.Weighted weighted:
                Sum(weighted, x, r, map, channels, height, width);
                break;
            case Measure.Geometric geometric:
                GeometricMean(
                    geometric,
                    map.Span,
                    (part, into) => Map(part, x, r, into.AsMemory(0, height * width), channels, height, width)
                );
                break;
            case Measure.Smoothed smoothed:
                Map(smoothed.Item3, x, r, map, channels, height, width);
                MeanFilterKernel.Apply(map, map, height, width, smoothed.filterSize, smoothed.passes);
                break;
            case { IsMse: true }:
                EachRow(height, width, (from, count) => Mse(x.Span, r.Span, map.Span, channels, from, count));
                break;
            case { IsRelative: true }:
                EachRow(height, width, (from, count) => Relative(x.Span, r.Span, map.Span, channels, from, count));
                break;
            case { IsSsim: true }:
                Ssim(x, r, map, channels, height, width);
                break;
            case { IsGms: true }:
                Gms(x, r, map, channels, height, width);
                break;
            case { IsMultiGms: true }:
                MultiGms(x, r, map, channels, height, width);
                break;
            case Measure.AnomalyMap own:
                r.Slice((channels + own.number - 1) * map.Length, map.Length).CopyTo(map);
                break;
            default:
                throw new UnreachableException($"unknown measure {measure}");
        }
    }

    /// <summary>
    /// The weighted geometric mean of maps, each written by <paramref name="write"/> into an array at least as long as
    /// <paramref name="map"/>.
    /// </summary>
    internal static void GeometricMean(Measure.Geometric geometric, Span<float> map, Action<Measure, float[]> write)
    {
        var rented = ArrayPool<float>.Shared.Rent(map.Length);
        var part = rented.AsSpan(0, map.Length);
        map.Clear();
        foreach (var (weight, measure) in geometric.terms)
        {
            write(measure, rented);
            TensorPrimitives.Max(part, Difference.smallest, part);
            TensorPrimitives.Log(part, part);
            TensorPrimitives.MultiplyAdd(part, weight, map, map);
        }
        TensorPrimitives.Exp(map, map);
        ArrayPool<float>.Shared.Return(rented);
    }

    /// <summary>Sums over the channels become means; of one channel they are.</summary>
    private static void ToMean(Span<float> sums, int channels)
    {
        if (channels > 1)
            TensorPrimitives.Divide(sums, channels, sums);
    }

    private static void EachRow(int height, int width, Action<int, int> body) =>
        ParallelBands.ForEach(height, BandRows, (long)height * width, (first, last) => body(first * width, (last - first) * width));

    private static void Sum(
        Measure.Weighted weighted,
        ReadOnlyMemory<float> x,
        ReadOnlyMemory<float> r,
        Memory<float> map,
        int channels,
        int height,
        int width
    )
    {
        map.Span.Clear();
        var rented = ArrayPool<float>.Shared.Rent(map.Length);
        var term = rented.AsMemory(0, map.Length);
        foreach (var (weight, measure) in weighted.terms)
        {
            Map(measure, x, r, term, channels, height, width);
            TensorPrimitives.MultiplyAdd(term.Span, weight, map.Span, map.Span);
        }
        ArrayPool<float>.Shared.Return(rented);
    }

    private static void Mse(ReadOnlySpan<float> x, ReadOnlySpan<float> r, Span<float> map, int channels, int from, int count)
    {
        var area = map.Length;
        map = map.Slice(from, count);
        map.Clear();
        for (var c = 0; c < channels; c++)
        {
            var a = x.Slice(c * area + from, count);
            var b = r.Slice(c * area + from, count);
            var i = 0;
            for (; i <= count - Vector<float>.Count; i += Vector<float>.Count)
            {
                var d = new Vector<float>(a[i..]) - new Vector<float>(b[i..]);
                (new Vector<float>(map[i..]) + d * d).CopyTo(map[i..]);
            }
            for (; i < count; i++)
                map[i] += (a[i] - b[i]) * (a[i] - b[i]);
        }
        ToMean(map, channels);
    }

    private static void Relative(ReadOnlySpan<float> x, ReadOnlySpan<float> r, Span<float> map, int channels, int from, int count)
    {
        var area = map.Length;
        var floor = new Vector<float>(Difference.relativeFloor);
        map = map.Slice(from, count);
        map.Clear();
        for (var c = 0; c < channels; c++)
        {
            var a = x.Slice(c * area + from, count);
            var b = r.Slice(c * area + from, count);
            var i = 0;
            for (; i <= count - Vector<float>.Count; i += Vector<float>.Count)
            {
                var va = new Vector<float>(a[i..]);
                var vb = new Vector<float>(b[i..]);
                (new Vector<float>(map[i..]) + Vector.Abs(va - vb) / (Vector.Abs(va) + Vector.Abs(vb) + floor)).CopyTo(map[i..]);
            }
            for (; i < count; i++)
                map[i] += Math.Abs(a[i] - b[i]) / (Math.Abs(a[i]) + Math.Abs(b[i]) + Difference.relativeFloor);
        }
        ToMean(map, channels);
    }

    /// <summary>Four means make it: of x, of r, of x·r, and of x² + r², whose two variances only ever occur as their sum.</summary>
    private static void Ssim(ReadOnlyMemory<float> x, ReadOnlyMemory<float> r, Memory<float> map, int channels, int height, int width)
    {
        var area = map.Length;
        var rented = ArrayPool<float>.Shared.Rent(4 * area);
        var meanX = rented.AsMemory(0, area);
        var meanR = rented.AsMemory(area, area);
        var squares = rented.AsMemory(2 * area, area);
        var cross = rented.AsMemory(3 * area, area);
        map.Span.Clear();
        for (var c = 0; c < channels; c++)
        {
            var a = x.Slice(c * area, area);
            var b = r.Slice(c * area, area);
            EachRow(
                height,
                width,
                (from, count) =>
                    Products(
                        a.Span.Slice(from, count),
                        b.Span.Slice(from, count),
                        squares.Span.Slice(from, count),
                        cross.Span.Slice(from, count)
                    )
            );
            Mean(a, meanX);
            Mean(b, meanR);
            Mean(squares, squares);
            Mean(cross, cross);
            EachRow(
                height,
                width,
                (from, count) =>
                    Dissimilarity(
                        meanX.Span.Slice(from, count),
                        meanR.Span.Slice(from, count),
                        squares.Span.Slice(from, count),
                        cross.Span.Slice(from, count),
                        map.Span.Slice(from, count)
                    )
            );
        }
        ToMean(map.Span, channels);
        ArrayPool<float>.Shared.Return(rented);

        void Mean(ReadOnlyMemory<float> source, Memory<float> mean) =>
            MeanFilterKernel.Apply(source, mean, height, width, Difference.ssimWindow, 1);
    }

    private static void Products(ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> squares, Span<float> cross)
    {
        var i = 0;
        for (; i <= a.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            var va = new Vector<float>(a[i..]);
            var vb = new Vector<float>(b[i..]);
            (va * va + vb * vb).CopyTo(squares[i..]);
            (va * vb).CopyTo(cross[i..]);
        }
        for (; i < a.Length; i++)
        {
            squares[i] = a[i] * a[i] + b[i] * b[i];
            cross[i] = a[i] * b[i];
        }
    }

    /// <summary>Adds 1 − SSIM to the map.</summary>
    private static void Dissimilarity(
        ReadOnlySpan<float> meanX,
        ReadOnlySpan<float> meanR,
        ReadOnlySpan<float> squares,
        ReadOnlySpan<float> cross,
        Span<float> map
    )
    {
        var i = 0;
        for (; i <= map.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            var mx = new Vector<float>(meanX[i..]);
            var mr = new Vector<float>(meanR[i..]);
            var product = mx * mr;
            var square = mx * mx + mr * mr;
            var index =
                (2 * product + new Vector<float>(Difference.ssimC1))
                * (2 * (new Vector<float>(cross[i..]) - product) + new Vector<float>(Difference.ssimC2))
                / (
                    (square + new Vector<float>(Difference.ssimC1))
                    * (new Vector<float>(squares[i..]) - square + new Vector<float>(Difference.ssimC2))
                );
            (new Vector<float>(map[i..]) + Vector.Max(Vector<float>.Zero, Vector<float>.One - index)).CopyTo(map[i..]);
        }
        for (; i < map.Length; i++)
        {
            var product = meanX[i] * meanR[i];
            var square = meanX[i] * meanX[i] + meanR[i] * meanR[i];
            var index =
                (2 * product + Difference.ssimC1)
                * (2 * (cross[i] - product) + Difference.ssimC2)
                / ((square + Difference.ssimC1) * (squares[i] - square + Difference.ssimC2));
            map[i] += Math.Max(0f, 1f - index);
        }
    }

    /// <summary>Writes 1 − GMS of two rows of gradients.</summary>
    private static void Dissimilarity(ReadOnlySpan<float> gradientX, ReadOnlySpan<float> gradientR, Span<float> map)
    {
        var constant = new Vector<float>(Difference.gmsConstant);
        var i = 0;
        for (; i <= map.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            var a = new Vector<float>(gradientX[i..]);
            var b = new Vector<float>(gradientR[i..]);
            Vector.Max(Vector<float>.Zero, Vector<float>.One - (2 * a * b + constant) / (a * a + b * b + constant)).CopyTo(map[i..]);
        }
        for (; i < map.Length; i++)
        {
            var (a, b) = (gradientX[i], gradientR[i]);
            map[i] = Math.Max(0f, 1f - (2 * a * b + Difference.gmsConstant) / (a * a + b * b + Difference.gmsConstant));
        }
    }
}
