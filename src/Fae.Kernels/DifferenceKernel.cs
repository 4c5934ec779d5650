using System;
using Fae.Core;

namespace Fae.Kernels;

/// <summary>The difference maps D of equation (2) on spans: the same numbers as <c>Fae.Core.Difference</c>, to float rounding.</summary>
public static class DifferenceKernel
{
    /// <summary>Writes the map of a measure between two images of channels × height × width into one plane.</summary>
    public static void Map(Measure measure, ReadOnlySpan<float> x, ReadOnlySpan<float> r, Span<float> map, int channels, int height, int width)
    {
        if (measure is Measure.Weighted weighted)
            Sum(weighted, x, r, map, channels, height, width);
        else if (measure.IsMse)
            Mse(x, r, map, channels);
        else if (measure.IsRelative)
            Relative(x, r, map, channels);
        else if (measure.IsSsim)
            Ssim(x, r, map, channels, height, width);
        else
            Gms(x, r, map, channels, height, width);
    }

    private static void Sum(Measure.Weighted weighted, ReadOnlySpan<float> x, ReadOnlySpan<float> r, Span<float> map, int channels, int height, int width)
    {
        map.Clear();
        var term = new float[map.Length];
        foreach (var (weight, measure) in weighted.Item)
        {
            Map(measure, x, r, term, channels, height, width);
            for (var i = 0; i < map.Length; i++)
                map[i] += weight * term[i];
        }
    }

    private static void Mse(ReadOnlySpan<float> x, ReadOnlySpan<float> r, Span<float> map, int channels)
    {
        map.Clear();
        for (var c = 0; c < channels; c++)
        {
            var a = x.Slice(c * map.Length, map.Length);
            var b = r.Slice(c * map.Length, map.Length);
            for (var i = 0; i < map.Length; i++)
                map[i] += (a[i] - b[i]) * (a[i] - b[i]);
        }
        Divide(map, channels);
    }

    private static void Relative(ReadOnlySpan<float> x, ReadOnlySpan<float> r, Span<float> map, int channels)
    {
        map.Clear();
        for (var c = 0; c < channels; c++)
        {
            var a = x.Slice(c * map.Length, map.Length);
            var b = r.Slice(c * map.Length, map.Length);
            for (var i = 0; i < map.Length; i++)
                map[i] += Math.Abs(a[i] - b[i]) / (Math.Abs(a[i]) + Math.Abs(b[i]) + Difference.relativeFloor);
        }
        Divide(map, channels);
    }

    private static void Ssim(ReadOnlySpan<float> x, ReadOnlySpan<float> r, Span<float> map, int channels, int height, int width)
    {
        var area = map.Length;
        var buffers = new float[6 * area];
        var meanX = buffers.AsSpan(0, area);
        var meanR = buffers.AsSpan(area, area);
        var squareX = buffers.AsSpan(2 * area, area);
        var squareR = buffers.AsSpan(3 * area, area);
        var cross = buffers.AsSpan(4 * area, area);
        var product = buffers.AsSpan(5 * area, area);
        map.Clear();
        for (var c = 0; c < channels; c++)
        {
            var a = x.Slice(c * area, area);
            var b = r.Slice(c * area, area);
            Mean(a, meanX, height, width);
            Mean(b, meanR, height, width);
            MeanOfProduct(a, a, product, squareX, height, width);
            MeanOfProduct(b, b, product, squareR, height, width);
            MeanOfProduct(a, b, product, cross, height, width);
            for (var i = 0; i < area; i++)
            {
                var mx = meanX[i];
                var mr = meanR[i];
                var vx = squareX[i] - mx * mx;
                var vr = squareR[i] - mr * mr;
                var cxr = cross[i] - mx * mr;
                var index = (2 * mx * mr + Difference.ssimC1) * (2 * cxr + Difference.ssimC2)
                    / ((mx * mx + mr * mr + Difference.ssimC1) * (vx + vr + Difference.ssimC2));
                map[i] += Math.Max(0f, 1f - index);
            }
        }
        Divide(map, channels);
    }

    private static void Mean(ReadOnlySpan<float> source, Span<float> mean, int height, int width) =>
        MeanFilterKernel.Apply(source, mean, height, width, Difference.ssimWindow, 1);

    private static void MeanOfProduct(ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> product, Span<float> mean, int height, int width)
    {
        for (var i = 0; i < product.Length; i++)
            product[i] = a[i] * b[i];
        Mean(product, mean, height, width);
    }

    private static void Gms(ReadOnlySpan<float> x, ReadOnlySpan<float> r, Span<float> map, int channels, int height, int width)
    {
        var area = map.Length;
        var buffers = new float[3 * area];
        var gradientX = buffers.AsSpan(0, area);
        var gradientR = buffers.AsSpan(area, area);
        Gradient(x, gradientX, buffers.AsSpan(2 * area, area), channels, height, width);
        Gradient(r, gradientR, buffers.AsSpan(2 * area, area), channels, height, width);
        for (var i = 0; i < area; i++)
        {
            var a = gradientX[i];
            var b = gradientR[i];
            map[i] = Math.Max(0f, 1f - (2 * a * b + Difference.gmsConstant) / (a * a + b * b + Difference.gmsConstant));
        }
    }

    private static void Gradient(ReadOnlySpan<float> image, Span<float> gradient, Span<float> plane, int channels, int height, int width)
    {
        plane.Clear();
        for (var c = 0; c < channels; c++)
            for (var i = 0; i < plane.Length; i++)
                plane[i] += image[c * plane.Length + i];
        Divide(plane, channels);

        for (var y = 0; y < height; y++)
        {
            var above = plane.Slice(Math.Max(0, y - 1) * width, width);
            var here = plane.Slice(y * width, width);
            var below = plane.Slice(Math.Min(height - 1, y + 1) * width, width);
            for (var x = 0; x < width; x++)
            {
                var left = Math.Max(0, x - 1);
                var right = Math.Min(width - 1, x + 1);
                var gx = above[right] + here[right] + below[right] - above[left] - here[left] - below[left];
                var gy = below[left] + below[x] + below[right] - above[left] - above[x] - above[right];
                gradient[y * width + x] = MathF.Sqrt(gx * gx + gy * gy) / 3f;
            }
        }
    }

    private static void Divide(Span<float> values, int channels)
    {
        if (channels == 1)
            return;
        for (var i = 0; i < values.Length; i++)
            values[i] /= channels;
    }
}
