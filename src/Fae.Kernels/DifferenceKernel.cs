using System;
using System.Buffers;
using System.Numerics;
using Fae.Core;
using Vector = System.Numerics.Vector;

namespace Fae.Kernels;

/// <summary>The difference maps D of equation (2), in vectors and over threads: the same numbers as <c>Fae.Core.Difference</c>, to float rounding.</summary>
public static class DifferenceKernel
{
    /// <summary>Rows of one band.</summary>
    private const int BandRows = 16;

    /// <summary>
    /// Writes the map of a measure between an image of channels × height × width and the answer to it, of as many planes or more, into one plane. Its
    /// buffers are rented.
    /// </summary>
    public static void Map(Measure measure, ReadOnlyMemory<float> x, ReadOnlyMemory<float> r, Memory<float> map, int channels, int height, int width)
    {
        if (measure is Measure.Weighted weighted)
            Sum(weighted, x, r, map, channels, height, width);
        else if (measure.IsMse)
            EachRow(height, width, (from, count) => Mse(x.Span, r.Span, map.Span, channels, from, count));
        else if (measure.IsRelative)
            EachRow(height, width, (from, count) => Relative(x.Span, r.Span, map.Span, channels, from, count));
        else if (measure.IsSsim)
            Ssim(x, r, map, channels, height, width);
        else if (measure.IsMultiGms)
            MultiGms(x, r, map, channels, height, width);
        else if (measure.IsOwn)
            r.Slice(channels * map.Length, map.Length).CopyTo(map);
        else
            Gms(x, r, map, channels, height, width);
    }

    private static void EachRow(int height, int width, Action<int, int> body) =>
        Bands.Each(height, BandRows, (long)height * width, (first, last) => body(first * width, (last - first) * width));

    private static void Sum(Measure.Weighted weighted, ReadOnlyMemory<float> x, ReadOnlyMemory<float> r, Memory<float> map, int channels, int height, int width)
    {
        map.Span.Clear();
        var rented = ArrayPool<float>.Shared.Rent(map.Length);
        var term = rented.AsMemory(0, map.Length);
        foreach (var (weight, measure) in weighted.Item)
        {
            Map(measure, x, r, term, channels, height, width);
            Loops.AddScaled(term.Span, weight, map.Span);
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
        Loops.Divide(map, channels);
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
        Loops.Divide(map, channels);
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
            EachRow(height, width, (from, count) =>
                Products(a.Span.Slice(from, count), b.Span.Slice(from, count), squares.Span.Slice(from, count), cross.Span.Slice(from, count)));
            Mean(a, meanX);
            Mean(b, meanR);
            Mean(squares, squares);
            Mean(cross, cross);
            EachRow(height, width, (from, count) => Dissimilarity(
                meanX.Span.Slice(from, count), meanR.Span.Slice(from, count), squares.Span.Slice(from, count), cross.Span.Slice(from, count), map.Span.Slice(from, count)));
        }
        Loops.Divide(map.Span, channels);
        ArrayPool<float>.Shared.Return(rented);

        void Mean(ReadOnlyMemory<float> source, Memory<float> mean) => MeanFilterKernel.Apply(source, mean, height, width, Difference.ssimWindow, 1);
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
    private static void Dissimilarity(ReadOnlySpan<float> meanX, ReadOnlySpan<float> meanR, ReadOnlySpan<float> squares, ReadOnlySpan<float> cross, Span<float> map)
    {
        var i = 0;
        for (; i <= map.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            var mx = new Vector<float>(meanX[i..]);
            var mr = new Vector<float>(meanR[i..]);
            var product = mx * mr;
            var square = mx * mx + mr * mr;
            var index = (2 * product + new Vector<float>(Difference.ssimC1)) * (2 * (new Vector<float>(cross[i..]) - product) + new Vector<float>(Difference.ssimC2))
                / ((square + new Vector<float>(Difference.ssimC1)) * (new Vector<float>(squares[i..]) - square + new Vector<float>(Difference.ssimC2)));
            (new Vector<float>(map[i..]) + Vector.Max(Vector<float>.Zero, Vector<float>.One - index)).CopyTo(map[i..]);
        }
        for (; i < map.Length; i++)
        {
            var product = meanX[i] * meanR[i];
            var square = meanX[i] * meanX[i] + meanR[i] * meanR[i];
            var index = (2 * product + Difference.ssimC1) * (2 * (cross[i] - product) + Difference.ssimC2)
                / ((square + Difference.ssimC1) * (squares[i] - square + Difference.ssimC2));
            map[i] += Math.Max(0f, 1f - index);
        }
    }

    private static void Gms(ReadOnlyMemory<float> x, ReadOnlyMemory<float> r, Memory<float> map, int channels, int height, int width)
    {
        var area = map.Length;
        var rented = ArrayPool<float>.Shared.Rent(2 * area);
        var greyX = rented.AsMemory(0, area);
        var greyR = rented.AsMemory(area, area);
        EachRow(height, width, (from, count) =>
        {
            MeanPlane(x.Span, greyX.Span, channels, from, count);
            MeanPlane(r.Span, greyR.Span, channels, from, count);
        });
        Bands.Each(height, BandRows, area, (first, last) =>
        {
            var gradients = ArrayPool<float>.Shared.Rent(2 * width);
            var a = gradients.AsSpan(0, width);
            var b = gradients.AsSpan(width, width);
            for (var y = first; y < last; y++)
            {
                Gradient(greyX.Span, a, y, height, width);
                Gradient(greyR.Span, b, y, height, width);
                Dissimilarity(a, b, map.Span.Slice(y * width, width));
            }
            ArrayPool<float>.Shared.Return(gradients);
        });
        ArrayPool<float>.Shared.Return(rented);
    }

    /// <summary>1 − GMS of the grey planes at every size, each pixel the mean of what it belongs to.</summary>
    private static void MultiGms(ReadOnlyMemory<float> x, ReadOnlyMemory<float> r, Memory<float> map, int channels, int height, int width)
    {
        var area = map.Length;
        var scales = Difference.scales(height, width);
        var rented = ArrayPool<float>.Shared.Rent(3 * area);
        var (greyX, greyR, scaled) = (rented.AsMemory(0, area), rented.AsMemory(area, area), rented.AsMemory(2 * area, area));
        MeanPlane(x.Span, greyX.Span, channels, 0, area);
        MeanPlane(r.Span, greyR.Span, channels, 0, area);
        map.Span.Clear();
        for (var (scale, h, w) = (0, height, width); scale < scales; scale++, h /= 2, w /= 2)
        {
            Gms(greyX[..(h * w)], greyR[..(h * w)], scaled[..(h * w)], 1, h, w);
            var sum = map.Span;
            var values = scaled.Span;
            for (var y = 0; y < height; y++)
                for (var column = 0; column < width; column++)
                    sum[y * width + column] += values[Math.Min(h - 1, y >> scale) * w + Math.Min(w - 1, column >> scale)] / scales;
            Halve(greyX.Span, h, w);
            Halve(greyR.Span, h, w);
        }
        ArrayPool<float>.Shared.Return(rented);
    }

    /// <summary>A plane half as large, in its own place: each value is written after all that it is made of were read.</summary>
    private static void Halve(Span<float> plane, int height, int width)
    {
        for (var y = 0; y < height / 2; y++)
            for (var x = 0; x < width / 2; x++)
            {
                var at = 2 * y * width + 2 * x;
                plane[y * (width / 2) + x] = 0.25f * (plane[at] + plane[at + 1] + plane[at + width] + plane[at + width + 1]);
            }
    }

    private static void MeanPlane(ReadOnlySpan<float> image, Span<float> plane, int channels, int from, int count)
    {
        var area = plane.Length;
        plane = plane.Slice(from, count);
        image.Slice(from, count).CopyTo(plane);
        for (var c = 1; c < channels; c++)
            Loops.AddScaled(image.Slice(c * area + from, count), 1, plane);
        Loops.Divide(plane, channels);
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

    /// <summary>Prewitt's gradient along row <paramref name="y"/>; the border is continued by its nearest pixel.</summary>
    private static void Gradient(ReadOnlySpan<float> plane, Span<float> gradient, int y, int height, int width)
    {
        var above = plane.Slice(Math.Max(0, y - 1) * width, width);
        var here = plane.Slice(y * width, width);
        var below = plane.Slice(Math.Min(height - 1, y + 1) * width, width);
        var x = 1;
        At(above, here, below, gradient, 0);
        for (; x < width - Vector<float>.Count; x += Vector<float>.Count)
        {
            var (aboveLeft, aboveRight) = (new Vector<float>(above[(x - 1)..]), new Vector<float>(above[(x + 1)..]));
            var (belowLeft, belowRight) = (new Vector<float>(below[(x - 1)..]), new Vector<float>(below[(x + 1)..]));
            var gx = aboveRight + new Vector<float>(here[(x + 1)..]) + belowRight - aboveLeft - new Vector<float>(here[(x - 1)..]) - belowLeft;
            var gy = belowLeft + new Vector<float>(below[x..]) + belowRight - aboveLeft - new Vector<float>(above[x..]) - aboveRight;
            (Vector.SquareRoot(gx * gx + gy * gy) / new Vector<float>(3f)).CopyTo(gradient[x..]);
        }
        for (; x < width; x++)
            At(above, here, below, gradient, x);
    }

    private static void At(ReadOnlySpan<float> above, ReadOnlySpan<float> here, ReadOnlySpan<float> below, Span<float> gradient, int x)
    {
        var left = Math.Max(0, x - 1);
        var right = Math.Min(here.Length - 1, x + 1);
        var gx = above[right] + here[right] + below[right] - above[left] - here[left] - below[left];
        var gy = below[left] + below[x] + below[right] - above[left] - above[x] - above[right];
        gradient[x] = MathF.Sqrt(gx * gx + gy * gy) / 3f;
    }
}
