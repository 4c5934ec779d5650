using Fae.Core;

namespace Fae.Kernels;

/// <summary>Crops, flips, turns and warps: <c>Fae.Core.Image</c> and <c>Fae.Core.Warp</c> on spans, without an image in between.</summary>
public static class WarpKernel
{
    /// <summary>Writes what a view shows of each plane of the source.</summary>
    /// <exception cref="ArgumentException">The destination does not hold channels × height × width.</exception>
    public static void Copy(ReadOnlySpan<float> source, int channels, StridedView view, Span<float> destination)
    {
        if (destination.Length != channels * view.Height * view.Width)
            throw new ArgumentException(
                $"a view of {channels}×{view.Height}×{view.Width} does not fill {destination.Length} values",
                nameof(destination)
            );

        var plane = source.Length / channels;
        for (var c = 0; c < channels; c++)
        for (var y = 0; y < view.Height; y++)
        {
            var start = c * plane + view.Offset + y * view.StrideY;
            var row = destination.Slice((c * view.Height + y) * view.Width, view.Width);
            if (view.StrideX == 1)
                source.Slice(start, row.Length).CopyTo(row);
            else
                for (var x = 0; x < row.Length; x++)
                    row[x] = source[start + x * view.StrideX];
        }
    }

    /// <summary>
    /// Writes the window of rows × columns at (top, left) of the picture rotated about its centre by an angle in radians and shifted by
    /// pixels: bilinear, mirrored at the borders.
    /// </summary>
    /// <exception cref="ArgumentException">A span is of another length.</exception>
    public static void Warp(
        ReadOnlySpan<float> source,
        int channels,
        int height,
        int width,
        float angle,
        float shiftX,
        float shiftY,
        Span<float> destination,
        int top,
        int left,
        int rows,
        int columns
    )
    {
        if (source.Length != channels * height * width || destination.Length != channels * rows * columns)
            throw new ArgumentException(
                $"{channels}×{height}×{width} values were to be warped to {channels}×{rows}×{columns}",
                nameof(destination)
            );

        var (sine, cosine) = (MathF.Sin(angle), MathF.Cos(angle));
        var (cx, cy) = (0.5f * (width - 1), 0.5f * (height - 1));
        for (var y = 0; y < rows; y++)
        {
            var dy = top + y - cy - shiftY;
            for (var x = 0; x < columns; x++)
            {
                var dx = left + x - cx - shiftX;
                var u = cosine * dx + sine * dy + cx;
                var v = cosine * dy - sine * dx + cy;
                var (u0, v0) = (MathF.Floor(u), MathF.Floor(v));
                var (s, t) = (u - u0, v - v0);
                var (x0, x1) = (ImageModule.reflect(width, (int)u0), ImageModule.reflect(width, (int)u0 + 1));
                var (y0, y1) = (ImageModule.reflect(height, (int)v0) * width, ImageModule.reflect(height, (int)v0 + 1) * width);
                for (var c = 0; c < channels; c++)
                {
                    var plane = source.Slice(c * height * width, height * width);
                    var upper = (1 - s) * plane[y0 + x0] + s * plane[y0 + x1];
                    var lower = (1 - s) * plane[y1 + x0] + s * plane[y1 + x1];
                    destination[(c * rows + y) * columns + x] = (1 - t) * upper + t * lower;
                }
            }
        }
    }
}
