using System.Buffers;
using System.Numerics;
using System.Numerics.Tensors;
using Fae.Core;
using Vector = System.Numerics.Vector;

namespace Fae.Kernels;

/// <summary>Gradient magnitude similarity, at one scale and at several.</summary>
public static partial class DifferenceKernel
{
    private static void Gms(ReadOnlyMemory<float> x, ReadOnlyMemory<float> r, Memory<float> map, int channels, int height, int width)
    {
        var area = map.Length;
        var rented = ArrayPool<float>.Shared.Rent(2 * area);
        var greyX = rented.AsMemory(0, area);
        var greyR = rented.AsMemory(area, area);
        EachRow(
            height,
            width,
            (from, count) =>
            {
                MeanPlane(x.Span, greyX.Span, channels, from, count);
                MeanPlane(r.Span, greyR.Span, channels, from, count);
            }
        );
        ParallelBands.ForEach(
            height,
            BandRows,
            area,
            (first, last) =>
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
            }
        );
        ArrayPool<float>.Shared.Return(rented);
    }

    /// <summary>1 − GMS of the grey planes at every scale, averaged at each pixel.</summary>
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

    /// <summary>Halves a plane in place: each value is written after its sources were read.</summary>
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
            TensorPrimitives.Add(image.Slice(c * area + from, count), plane, plane);
        ToMean(plane, channels);
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
            var gx =
                aboveRight + new Vector<float>(here[(x + 1)..]) + belowRight - aboveLeft - new Vector<float>(here[(x - 1)..]) - belowLeft;
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
