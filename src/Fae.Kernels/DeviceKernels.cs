using ILGPU;

namespace Fae.Kernels;

/// <summary>
/// The kernels of the accelerator, in C# that ILGPU compiles for a GPU or for its CPU accelerator. Images are planes one after another; a kernel's
/// index is a row, a column or a pixel over all planes. They say again what <c>Fae.Core</c> says; the laws of the specification run on them.
/// </summary>
internal static class DeviceKernels
{
    /// <summary>The mean over 2·reach + 1 pixels along each row, cut at the borders: a running sum, one thread a row.</summary>
    public static void MeanOfRows(Index1D row, ArrayView<float> source, ArrayView<float> destination, int width, int reach)
    {
        var start = (long)row.X * width;
        var sum = 0.0;
        for (var x = 0; x < IntrinsicMath.Min(reach, width); x++)
            sum += source[start + x];
        for (var x = 0; x < width; x++)
        {
            if (x + reach < width)
                sum += source[start + x + reach];
            if (x - reach - 1 >= 0)
                sum -= source[start + x - reach - 1];
            var count = IntrinsicMath.Min(width - 1, x + reach) - IntrinsicMath.Max(0, x - reach) + 1;
            destination[start + x] = (float)(sum / count);
        }
    }

    /// <summary>The same down each column: neighbouring threads read neighbouring pixels.</summary>
    public static void MeanOfColumns(Index1D column, ArrayView<float> source, ArrayView<float> destination, int height, int width, int reach)
    {
        var start = (long)(column.X / width) * height * width + column.X % width;
        var sum = 0.0;
        for (var y = 0; y < IntrinsicMath.Min(reach, height); y++)
            sum += source[start + (long)y * width];
        for (var y = 0; y < height; y++)
        {
            if (y + reach < height)
                sum += source[start + (long)(y + reach) * width];
            if (y - reach - 1 >= 0)
                sum -= source[start + (long)(y - reach - 1) * width];
            var count = IntrinsicMath.Min(height - 1, y + reach) - IntrinsicMath.Max(0, y - reach) + 1;
            destination[start + (long)y * width] = (float)(sum / count);
        }
    }

    /// <summary>a·b, pixel by pixel.</summary>
    public static void Product(Index1D i, ArrayView<float> a, ArrayView<float> b, ArrayView<float> product) => product[i] = a[i] * b[i];

    /// <summary>Squared difference, averaged over the channels.</summary>
    public static void Mse(Index1D i, ArrayView<float> x, ArrayView<float> r, ArrayView<float> map, int channels)
    {
        var sum = 0f;
        for (var c = 0; c < channels; c++)
        {
            var d = x[c * map.Length + i] - r[c * map.Length + i];
            sum += d * d;
        }
        map[i] = sum / channels;
    }

    /// <summary>|x − r| / (|x| + |r| + floor), averaged over the channels.</summary>
    public static void Relative(Index1D i, ArrayView<float> x, ArrayView<float> r, ArrayView<float> map, int channels, float floor)
    {
        var sum = 0f;
        for (var c = 0; c < channels; c++)
        {
            var a = x[c * map.Length + i];
            var b = r[c * map.Length + i];
            sum += IntrinsicMath.Abs(a - b) / (IntrinsicMath.Abs(a) + IntrinsicMath.Abs(b) + floor);
        }
        map[i] = sum / channels;
    }

    /// <summary>1 − SSIM from the five windowed means, averaged over the channels.</summary>
    public static void Ssim(Index1D i, SsimMeans means, ArrayView<float> map, int channels, float c1, float c2)
    {
        var sum = 0f;
        for (var c = 0; c < channels; c++)
        {
            var at = c * map.Length + i;
            var mx = means.X[at];
            var mr = means.R[at];
            var vx = means.SquareX[at] - mx * mx;
            var vr = means.SquareR[at] - mr * mr;
            var cxr = means.Cross[at] - mx * mr;
            var index = (2 * mx * mr + c1) * (2 * cxr + c2) / ((mx * mx + mr * mr + c1) * (vx + vr + c2));
            sum += IntrinsicMath.Max(0f, 1f - index);
        }
        map[i] = sum / channels;
    }

    /// <summary>The mean of the channels, as one plane.</summary>
    public static void MeanPlane(Index1D i, ArrayView<float> image, ArrayView<float> plane, int channels)
    {
        var sum = 0f;
        for (var c = 0; c < channels; c++)
            sum += image[c * plane.Length + i];
        plane[i] = sum / channels;
    }

    /// <summary>1 − GMS of two planes: Prewitt gradients, the border continued by its nearest pixel.</summary>
    public static void Gms(Index1D i, ArrayView<float> x, ArrayView<float> r, ArrayView<float> map, int height, int width, float constant)
    {
        var a = Gradient(i, x, height, width);
        var b = Gradient(i, r, height, width);
        map[i] = IntrinsicMath.Max(0f, 1f - (2 * a * b + constant) / (a * a + b * b + constant));
    }

    /// <summary>sum += weight · term.</summary>
    public static void AddWeighted(Index1D i, ArrayView<float> term, ArrayView<float> sum, float weight) => sum[i] += weight * term[i];

    private static float Gradient(int i, ArrayView<float> plane, int height, int width)
    {
        var y = i / width;
        var x = i % width;
        var above = (long)IntrinsicMath.Max(0, y - 1) * width;
        var here = (long)y * width;
        var below = (long)IntrinsicMath.Min(height - 1, y + 1) * width;
        var left = IntrinsicMath.Max(0, x - 1);
        var right = IntrinsicMath.Min(width - 1, x + 1);
        var gx = plane[above + right] + plane[here + right] + plane[below + right] - plane[above + left] - plane[here + left] - plane[below + left];
        var gy = plane[below + left] + plane[below + x] + plane[below + right] - plane[above + left] - plane[above + x] - plane[above + right];
        return System.MathF.Sqrt(gx * gx + gy * gy) / 3f;
    }

    /// <summary>The windowed means that SSIM is made of.</summary>
    public readonly struct SsimMeans(ArrayView<float> x, ArrayView<float> r, ArrayView<float> squareX, ArrayView<float> squareR, ArrayView<float> cross)
    {
        public readonly ArrayView<float> X = x;
        public readonly ArrayView<float> R = r;
        public readonly ArrayView<float> SquareX = squareX;
        public readonly ArrayView<float> SquareR = squareR;
        public readonly ArrayView<float> Cross = cross;
    }
}
