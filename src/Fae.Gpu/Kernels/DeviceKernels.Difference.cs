using ILGPU;

namespace Fae.Gpu;

/// <summary>Kernels of the difference maps, equation (2): one thread per pixel.</summary>
internal static partial class DeviceKernels
{
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

    /// <summary>
    /// 1 − SSIM from the five windowed means, one after the other in <paramref name="means"/>: x, r, x², r², x·r; averaged over the
    /// channels.
    /// </summary>
    public static void Ssim(Index1D i, ArrayView<float> means, ArrayView<float> map, int channels, float c1, float c2)
    {
        var volume = channels * map.Length;
        var sum = 0f;
        for (var c = 0; c < channels; c++)
        {
            var at = c * map.Length + i;
            var mx = means[at];
            var mr = means[volume + at];
            var vx = means[2 * volume + at] - mx * mx;
            var vr = means[3 * volume + at] - mr * mr;
            var cxr = means[4 * volume + at] - mx * mr;
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

    /// <summary>The mean of each two by two pixels of a plane of this width.</summary>
    public static void Halve(Index1D i, ArrayView<float> plane, ArrayView<float> half, int width)
    {
        var at = (long)(i.X / (width / 2)) * 2 * width + i.X % (width / 2) * 2;
        half[i] = 0.25f * (plane[at] + plane[at + 1] + plane[at + width] + plane[at + width + 1]);
    }

    /// <summary>sum += weight · a downscaled map, upsampled to the full size.</summary>
    public static void AddSpread(Index1D i, ArrayView<float> map, ArrayView<float> sum, int height, int width, int halvings, float weight)
    {
        var y = IntrinsicMath.Min((height >> halvings) - 1, i.X / width >> halvings);
        var x = IntrinsicMath.Min((width >> halvings) - 1, i.X % width >> halvings);
        sum[i] += weight * map[(long)y * (width >> halvings) + x];
    }

    /// <summary>sum += weight · term.</summary>
    public static void AddWeighted(Index1D i, ArrayView<float> term, ArrayView<float> sum, float weight) => sum[i] += weight * term[i];

    /// <summary>sum += weight · ln max(term, smallest).</summary>
    public static void AddLogarithm(Index1D i, ArrayView<float> term, ArrayView<float> sum, float weight, float smallest) =>
        sum[i] += weight * SampleKernels.Logarithm(IntrinsicMath.Max(smallest, term[i]));

    /// <summary>plane ← exp(plane).</summary>
    public static void Exponential(Index1D i, ArrayView<float> plane) => plane[i] = SampleKernels.Exponential(plane[i]);

    /// <summary>x̃ ← (1 − αm)·x̃ + αm·t, and what was touched ← max(touched, max(α, ½)·m): one occlusion laid over a picture.</summary>
    public static void Composite(
        Index1D i,
        ArrayView<float> pixels,
        ArrayView<float> mask,
        ArrayView<float> paint,
        ArrayView<float> touched,
        int channels,
        float opacity
    )
    {
        var m = mask[i];
        var weight = opacity * m;
        if (weight <= 0f)
            return;
        for (var c = 0; c < channels; c++)
        {
            var at = c * mask.Length + i;
            pixels[at] = (1f - weight) * pixels[at] + weight * paint[at];
        }
        touched[i] = IntrinsicMath.Max(touched[i], IntrinsicMath.Max(0.5f, opacity) * m);
    }

    private static float Gradient(int i, ArrayView<float> plane, int height, int width)
    {
        var y = i / width;
        var x = i % width;
        var above = (long)IntrinsicMath.Max(0, y - 1) * width;
        var here = (long)y * width;
        var below = (long)IntrinsicMath.Min(height - 1, y + 1) * width;
        var left = IntrinsicMath.Max(0, x - 1);
        var right = IntrinsicMath.Min(width - 1, x + 1);
        var gx =
            plane[above + right]
            + plane[here + right]
            + plane[below + right]
            - plane[above + left]
            - plane[here + left]
            - plane[below + left];
        var gy =
            plane[below + left] + plane[below + x] + plane[below + right] - plane[above + left] - plane[above + x] - plane[above + right];
        return System.MathF.Sqrt(gx * gx + gy * gy) / 3f;
    }
}
