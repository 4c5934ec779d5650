using ILGPU;

namespace Fae.Gpu;

/// <summary>
/// Training samples from <see cref="RecipeEncoder"/>, one thread per pixel. Equal to <c>Fae.Core.Plan.render</c>, <c>Warp.apply</c> and
/// <c>Noise.field</c> up to float rounding. Sines and logarithms are computed here, because the hardware's are not accurate enough.
/// </summary>
internal static partial class SampleKernels
{
    public const int Ellipse = 0,
        Curve = 1,
        Box = 2,
        Cells = 3,
        Cloud = 4;
    public const int Plain = 0,
        Shade = 1,
        Texture = 2,
        OwnPatch = 3,
        Patch = 4;
    private const int Grain = 0,
        Clouds = 1,
        Stripes = 2;
    private const float UnitOf24Bits = 5.9604645e-8f;

    /// <summary>The clean pictures: the window of each, moved and with its brightness changed.</summary>
    public static void SeeClean(Index1D i, ArrayView<float> atlas, ArrayView<int> code, ArrayView<float> clean, int channels, int side)
    {
        var area = side * side;
        var sample = code.Read<SampleCode>(code[i.X / area]);
        var y = sample.Top + i.X % area / side;
        var x = sample.Left + i.X % side;
        var isBrightnessChanged = sample.Gain != 1f || sample.Offset != 0f;
        for (var c = 0; c < channels; c++)
        {
            var value = Seen(atlas, sample, sample.Plane + c * sample.PlaneStride, y, x);
            if (isBrightnessChanged)
                value = Unit(sample.Gain * value + sample.Offset);
            clean[(long)(i.X / area * channels + c) * area + i.X % area] = value;
        }
    }

    /// <summary>The corrupted pictures and their masks, −1 under the ignore mask; each occlusion over those before it.</summary>
    public static void Corrupt(
        Index1D i,
        ArrayView<float> atlas,
        ArrayView<int> code,
        ArrayView<float> clean,
        ArrayView<float> corrupted,
        ArrayView<float> mask,
        int channels,
        int side
    )
    {
        var area = side * side;
        var at = code[i.X / area];
        var sample = code.Read<SampleCode>(at);
        var own = (long)(i.X / area) * channels * area;
        var pixel = i.X % area;
        var y = pixel / side;
        var x = pixel % side;
        for (var c = 0; c < channels; c++)
            corrupted[own + c * area + pixel] = clean[own + c * area + pixel];
        var touched = 0f;
        at += RecipeLayout.Words<SampleCode>();
        for (var number = 0; number < sample.Occlusions; number++)
        {
            var occlusion = code.Read<OcclusionCode>(at);
            var m = Cover(code, at + RecipeLayout.Words<OcclusionCode>(), occlusion, side, x + 0.5f, y + 0.5f);
            if (m > 0f)
            {
                var opacity = occlusion.Opacity;
                for (var c = 0; c < channels; c++)
                {
                    var paint = Paint(atlas, code, occlusion.Fill, clean, own, c, side, y, x);
                    corrupted[own + c * area + pixel] = (1f - opacity * m) * corrupted[own + c * area + pixel] + opacity * m * paint;
                }
                touched = IntrinsicMath.Max(touched, IntrinsicMath.Max(0.5f, opacity) * m);
            }
            at += occlusion.Length;
        }
        if (sample.IgnoredPlane >= 0 && Seen(atlas, sample, sample.IgnoredPlane, sample.Top + y, sample.Left + x) >= 0.5f)
            touched = -1f;
        mask[i] = touched;
    }

    /// <summary>
    /// Adds ε, two values a thread (Box–Muller), to the corrupted pictures, and to the clean ones if <paramref name="toBoth"/> is 1.
    /// </summary>
    public static void AddNoise(Index1D i, ArrayView<int> code, ArrayView<float> corrupted, ArrayView<float> clean, int volume, int toBoth)
    {
        var pairs = (volume + 1) / 2;
        var sample = code.Read<SampleCode>(code[i.X / pairs]);
        var pair = i.X % pairs;
        var word = Hash(Word(sample.NoiseKey), (ulong)pair);
        var radius = sample.Sigma * MathF.Sqrt(-2f * Logarithm(1f - (word >> 40) * UnitOf24Bits));
        var turns = (word & 0xFFFFFFUL) * UnitOf24Bits;
        var first = (long)(i.X / pairs) * volume + 2 * pair;
        var cosine = radius * Cosine(turns);
        var sine = radius * Cosine(turns - 0.25f);
        corrupted[first] += cosine;
        if (toBoth != 0)
            clean[first] += cosine;
        if (2 * pair + 1 >= volume)
            return;
        corrupted[first + 1] += sine;
        if (toBoth != 0)
            clean[first + 1] += sine;
    }

    /// <summary>
    /// A pixel of the neighbourhood, which is rotated and shifted, or not; <paramref name="plane"/> is where its first pixel lies.
    /// </summary>
    private static float Seen(ArrayView<float> atlas, SampleCode sample, int plane, int y, int x)
    {
        if (sample.IsPixelExact != 0)
            return atlas[plane + y * sample.RowStride + x * sample.ColumnStride];
        var centre = 0.5f * (sample.Context - 1);
        var dx = x - centre - sample.ShiftX;
        var dy = y - centre - sample.ShiftY;
        var u = sample.Cosine * dx + sample.Sine * dy + centre;
        var v = sample.Cosine * dy - sample.Sine * dx + centre;
        var u0 = MathF.Floor(u);
        var v0 = MathF.Floor(v);
        var left = plane + Reflect(sample.Context, (int)u0) * sample.ColumnStride;
        var right = plane + Reflect(sample.Context, (int)u0 + 1) * sample.ColumnStride;
        var top = Reflect(sample.Context, (int)v0) * sample.RowStride;
        var bottom = Reflect(sample.Context, (int)v0 + 1) * sample.RowStride;
        var upper = (1 - (u - u0)) * atlas[top + left] + (u - u0) * atlas[top + right];
        var lower = (1 - (u - u0)) * atlas[bottom + left] + (u - u0) * atlas[bottom + right];
        return (1 - (v - v0)) * upper + (v - v0) * lower;
    }

    private static ulong Hash(ulong key, ulong index) => Mix64(Mix64(key + index * 0x9E3779B97F4A7C15UL) + key);

    private static ulong Mix64(ulong word)
    {
        var z = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return z ^ (z >> 31);
    }

    private static float Unit(float value) => IntrinsicMath.Max(0f, IntrinsicMath.Min(1f, value));

    /// <summary><c>Fae.Core.Image.reflect</c>.</summary>
    private static int Reflect(int n, int i)
    {
        if (i >= 0 && i < n)
            return i;
        var j = (i % (2 * n) + 2 * n) % (2 * n);
        return j < n ? j : 2 * n - 1 - j;
    }

    /// <summary>cos 2πt, by the series of the sine over a quarter of a turn; to 1e-7.</summary>
    private static float Cosine(float turns)
    {
        var t = IntrinsicMath.Abs(turns - MathF.Floor(turns + 0.5f));
        // From the nearer zero of the cosine, a quarter of a turn away.
        var r = (0.25f - t) * 6.2831853f;
        var q = r * r;
        return r * (1f - q / 6f * (1f - q / 20f * (1f - q / 42f * (1f - q / 72f * (1f - q / 110f * (1f - q / 156f))))));
    }

    /// <summary>ln u of a positive number: its exponent, and the series of artanh over a mantissa near 1.</summary>
    internal static float Logarithm(float u)
    {
        var bits = Interop.FloatAsInt(u);
        var exponent = (int)(bits >> 23) - 127;
        var mantissa = Interop.IntAsFloat((bits & 0x7FFFFFu) | 0x3F800000u);
        if (mantissa > 1.4142135f)
        {
            mantissa *= 0.5f;
            exponent++;
        }
        var s = (mantissa - 1f) / (mantissa + 1f);
        var q = s * s;
        return exponent * 0.69314718f + 2f * s * (1f + q * (1f / 3f + q * (1f / 5f + q * (1f / 7f + q / 9f))));
    }

    /// <summary>e^v for v in [−87, 87], outside of it the value at the end: 2ⁿ·e^rest with |rest| ≤ ln 2 / 2.</summary>
    internal static float Exponential(float v)
    {
        v = IntrinsicMath.Clamp(v, -87f, 87f);
        var turns = v * 1.44269504f;
        var n = (int)(turns < 0f ? turns - 0.5f : turns + 0.5f);
        // ln 2 in two parts, so that n times the first is exact.
        var rest = v - n * 0.693359375f - n * -2.12194440e-4f;
        var series = 1f + rest * (1f + rest * (0.5f + rest * (1f / 6f + rest * (1f / 24f + rest * (1f / 120f + rest / 720f)))));
        return series * Interop.IntAsFloat((uint)(n + 127) << 23);
    }

    private static ulong Word(KeyCode key) => Both(key.Low, key.High);

    /// <summary>Two words as one. ILGPU 1.5 widens (uint)low with its sign where it is a local: the mask takes it off again.</summary>
    private static ulong Both(int low, int high) => ((ulong)low & 0xFFFFFFFFUL) | ((ulong)high << 32);
}
