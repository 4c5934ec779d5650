using System;
using ILGPU;

namespace Fae.Kernels;

/// <summary>
/// Training samples from <see cref="RecipeCode"/>, a pixel a thread: <c>Fae.Core.Plan.render</c>, <c>Warp.apply</c> and <c>Noise.field</c> once more, to float rounding. Sines and
/// logarithms are computed here: what the hardware has for them is coarse.
/// </summary>
internal static class SampleKernels
{
    public const int Ellipse = 0, Curve = 1, Box = 2, Cells = 3, Cloud = 4;
    public const int Plain = 0, Shade = 1, Texture = 2, OwnPatch = 3, Patch = 4;
    private const int Light = 12, Ignored = 14, Sigma = 15, NoiseKey = 16, Occlusions = 18;
    private const int Centre = 4, Bounds = 10, Kind = 14, Body = 16;
    private const int Grain = 0, Clouds = 1, Stripes = 2;
    private const float UnitOf24Bits = 5.9604645e-8f;

    /// <summary>The clean pictures: the window of each, moved and relit.</summary>
    public static void SeeClean(Index1D i, ArrayView<float> atlas, ArrayView<int> code, ArrayView<float> clean, int channels, int side)
    {
        var area = side * side;
        var at = code[i.X / area];
        var y = code[at + 5] + i.X % area / side;
        var x = code[at + 6] + i.X % side;
        var relit = Real(code, at + Light) != 1f || Real(code, at + Light + 1) != 0f;
        for (var c = 0; c < channels; c++)
        {
            var value = Seen(atlas, code, at, code[at] + c * code[at + 1], y, x);
            if (relit)
                value = Unit(Real(code, at + Light) * value + Real(code, at + Light + 1));
            clean[(long)(i.X / area * channels + c) * area + i.X % area] = value;
        }
    }

    /// <summary>The corrupted pictures and what was touched, −1 where nobody shall look; each occlusion over those before it.</summary>
    public static void Corrupt(Index1D i, ArrayView<float> atlas, ArrayView<int> code, ArrayView<float> clean, ArrayView<float> corrupted, ArrayView<float> mask, int channels, int side)
    {
        var area = side * side;
        var at = code[i.X / area];
        var own = (long)(i.X / area) * channels * area;
        var pixel = i.X % area;
        var y = pixel / side;
        var x = pixel % side;
        for (var c = 0; c < channels; c++)
            corrupted[own + c * area + pixel] = clean[own + c * area + pixel];
        var touched = 0f;
        var occlusion = at + Occlusions + 1;
        for (var number = 0; number < code[at + Occlusions]; number++)
        {
            var m = Cover(code, occlusion, side, x + 0.5f, y + 0.5f);
            if (m > 0f)
            {
                var opacity = Real(code, occlusion + 2);
                var fill = code[occlusion + 1];
                for (var c = 0; c < channels; c++)
                {
                    var paint = Paint(atlas, code, fill, clean, own, c, side, y, x);
                    corrupted[own + c * area + pixel] = (1f - opacity * m) * corrupted[own + c * area + pixel] + opacity * m * paint;
                }
                touched = IntrinsicMath.Max(touched, IntrinsicMath.Max(0.5f, opacity) * m);
            }
            occlusion += code[occlusion];
        }
        if (code[at + Ignored] >= 0 && Seen(atlas, code, at, code[at + Ignored], code[at + 5] + y, code[at + 6] + x) >= 0.5f)
            touched = -1f;
        mask[i] = touched;
    }

    /// <summary>Adds ε, two values a thread (Box and Muller), to the corrupted pictures, and to the clean ones if asked.</summary>
    public static void AddNoise(Index1D i, ArrayView<int> code, ArrayView<float> corrupted, ArrayView<float> clean, int volume, int toBoth)
    {
        var pairs = (volume + 1) / 2;
        var at = code[i.X / pairs];
        var pair = i.X % pairs;
        var word = Hash(Word(code, at + NoiseKey), (ulong)pair);
        var radius = Real(code, at + Sigma) * MathF.Sqrt(-2f * Logarithm(1f - (word >> 40) * UnitOf24Bits));
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

    /// <summary>A pixel of the neighbourhood, which is rotated and shifted, or not; <paramref name="plane"/> is where its first pixel lies.</summary>
    private static float Seen(ArrayView<float> atlas, ArrayView<int> code, int at, int plane, int y, int x)
    {
        var hood = code[at + 4];
        if (code[at + 7] != 0)
            return atlas[plane + y * code[at + 2] + x * code[at + 3]];
        var centre = 0.5f * (hood - 1);
        var dx = x - centre - Real(code, at + 10);
        var dy = y - centre - Real(code, at + 11);
        var u = Real(code, at + 8) * dx + Real(code, at + 9) * dy + centre;
        var v = Real(code, at + 8) * dy - Real(code, at + 9) * dx + centre;
        var u0 = MathF.Floor(u);
        var v0 = MathF.Floor(v);
        var left = plane + Reflect(hood, (int)u0) * code[at + 3];
        var right = plane + Reflect(hood, (int)u0 + 1) * code[at + 3];
        var top = Reflect(hood, (int)v0) * code[at + 2];
        var bottom = Reflect(hood, (int)v0 + 1) * code[at + 2];
        var upper = (1 - (u - u0)) * atlas[top + left] + (u - u0) * atlas[top + right];
        var lower = (1 - (u - u0)) * atlas[bottom + left] + (u - u0) * atlas[bottom + right];
        return (1 - (v - v0)) * upper + (v - v0) * lower;
    }

    /// <summary>m of an occlusion's shape at a place in pixels.</summary>
    private static float Cover(ArrayView<int> code, int at, int side, float x, float y)
    {
        if (x < Real(code, at + Bounds) || y < Real(code, at + Bounds + 1) || x > Real(code, at + Bounds + 2) || y > Real(code, at + Bounds + 3))
            return 0f;
        var dx = (x - Real(code, at + Centre)) / side;
        var dy = (y - Real(code, at + Centre + 1)) / side;
        var u = Real(code, at + 6) * dx + Real(code, at + 7) * dy;
        var v = Real(code, at + 8) * dx + Real(code, at + 9) * dy;
        var kind = code[at + Kind];
        float depth;
        if (kind == Ellipse)
            depth = InEllipse(code, at, u, v);
        else if (kind == Curve)
            depth = InCurve(code, at, u, v);
        else if (kind == Box)
            depth = IntrinsicMath.Min(Real(code, at + Body) - IntrinsicMath.Abs(u), Real(code, at + Body + 1) - IntrinsicMath.Abs(v));
        else if (kind == Cells)
            depth = InCells(code, at, u, v);
        else
        {
            var scale = Real(code, at + Body);
            depth = 0.5f * scale * (ValueNoise(Word(code, at + Body + 2), u / scale, v / scale) - Real(code, at + Body + 1));
        }
        return Unit(0.5f + depth * side / Real(code, at + 3));
    }

    private static float InEllipse(ArrayView<int> code, int at, float u, float v)
    {
        var pushedU = u;
        var pushedV = v;
        for (var wave = 0; wave < code[at + Kind + 1]; wave++)
        {
            var of = at + Body + 2 + 5 * wave;
            var swing = Cosine(u * Real(code, of) + v * Real(code, of + 1) + Real(code, of + 2));
            pushedU += swing * Real(code, of + 3);
            pushedV += swing * Real(code, of + 4);
        }
        var radiusX = Real(code, at + Body);
        var radiusY = Real(code, at + Body + 1);
        var a = pushedU / radiusX;
        var b = pushedV / radiusY;
        var q = MathF.Sqrt(a * a + b * b);
        if (q < 1e-6f)
            return IntrinsicMath.Min(radiusX, radiusY);
        var gx = a / radiusX;
        var gy = b / radiusY;
        return (1f - q) * q / MathF.Sqrt(gx * gx + gy * gy);
    }

    /// <summary>The deepest of the strokes between two knots.</summary>
    private static float InCurve(ArrayView<int> code, int at, float u, float v)
    {
        var deepest = -1e9f;
        for (var knot = 1; knot < code[at + Kind + 1]; knot++)
        {
            var p = at + Body + 3 * (knot - 1);
            var ex = Real(code, p + 3) - Real(code, p);
            var ey = Real(code, p + 4) - Real(code, p + 1);
            var fromX = u - Real(code, p);
            var fromY = v - Real(code, p + 1);
            var length = ex * ex + ey * ey;
            var t = length == 0f ? 0f : Unit((fromX * ex + fromY * ey) / length);
            var dx = fromX - t * ex;
            var dy = fromY - t * ey;
            var width = t * (Real(code, p + 5) - Real(code, p + 2)) + Real(code, p + 2);
            deepest = IntrinsicMath.Max(deepest, width * 0.5f - MathF.Sqrt(dx * dx + dy * dy));
        }
        return deepest;
    }

    private static float InCells(ArrayView<int> code, int at, float u, float v)
    {
        var count = code[at + Kind + 1];
        var x = (u + 0.5f) * count;
        var y = (v + 0.5f) * count;
        var column = (int)MathF.Floor(x);
        var row = (int)MathF.Floor(y);
        var inside = Chosen(code, at, column, row);
        var s = x - MathF.Floor(x);
        var t = y - MathF.Floor(y);
        var nearest = 1f;
        if (Chosen(code, at, column - 1, row) != inside)
            nearest = IntrinsicMath.Min(nearest, s);
        if (Chosen(code, at, column + 1, row) != inside)
            nearest = IntrinsicMath.Min(nearest, 1f - s);
        if (Chosen(code, at, column, row - 1) != inside)
            nearest = IntrinsicMath.Min(nearest, t);
        if (Chosen(code, at, column, row + 1) != inside)
            nearest = IntrinsicMath.Min(nearest, 1f - t);
        return (inside != 0 ? nearest : -nearest) / count;
    }

    /// <summary>1 if the cell belongs to the set.</summary>
    private static int Chosen(ArrayView<int> code, int at, int column, int row)
    {
        return (int)(Hash(Word(code, at + Body + 2), Both(column, row)) % (ulong)code[at + Body]) == code[at + Body + 1] ? 1 : 0;
    }

    /// <summary>What an occlusion paints on a channel of a pixel.</summary>
    private static float Paint(ArrayView<float> atlas, ArrayView<int> code, int fill, ArrayView<float> clean, long own, int channel, int side, int y, int x)
    {
        var kind = code[fill];
        if (kind == Plain)
            return Real(code, fill + 2 + channel % code[fill + 1]);
        if (kind == Shade)
            return Unit(Real(code, fill + 2) * clean[own + channel * side * side + y * side + x] + Real(code, fill + 3));
        if (kind == OwnPatch)
            return Changed(clean[own + channel * side * side + Reflect(side, y + code[fill + 3]) * side + Reflect(side, x + code[fill + 2])], Real(code, fill + 4), Real(code, fill + 5));
        var dx = (x + 0.5f - Real(code, fill + 2)) / side;
        var dy = (y + 0.5f - Real(code, fill + 3)) / side;
        var u = Real(code, fill + 4) * dx + Real(code, fill + 5) * dy;
        var v = Real(code, fill + 6) * dx + Real(code, fill + 7) * dy;
        if (kind == Texture)
        {
            var scale = Real(code, fill + 8);
            var low = Real(code, fill + 13 + channel % code[fill + 11]);
            var high = Real(code, fill + 13 + code[fill + 11] + channel % code[fill + 12]);
            return Unit(low + Pattern(code[fill + 1], Word(code, fill + 9), u / scale, v / scale) * (high - low));
        }
        var height = code[fill + 12];
        var width = code[fill + 13];
        var row = Reflect(height, (int)MathF.Floor(v * Real(code, fill + 8) + 0.5f * height));
        var column = Reflect(width, (int)MathF.Floor(u * Real(code, fill + 8) + 0.5f * width));
        return Changed(atlas[code[fill + 11] + (channel % code[fill + 14] * height + row) * width + column], Real(code, fill + 9), Real(code, fill + 10));
    }

    /// <summary>A patch's contrast turns about the middle grey; unchanged, it keeps its bits.</summary>
    private static float Changed(float value, float gain, float bias) => gain == 1f && bias == 0f ? value : Unit(gain * (value - 0.5f) + (0.5f + bias));

    private static float Pattern(int kind, ulong key, float u, float v)
    {
        if (kind == Clouds)
        {
            var sum = 0f;
            var weight = 0.5f;
            var frequency = 0.25f;
            for (var octave = 0; octave < 4; octave++)
            {
                sum += weight * ValueNoise(key + (ulong)octave, frequency * u, frequency * v);
                weight *= 0.5f;
                frequency *= 2f;
            }
            return Unit((sum / 0.9375f - 0.5f) * 1.6f + 0.5f);
        }
        if (kind == Stripes)
            return 0.5f + 0.5f * Cosine(0.5f * (u + ValueNoise(key, 0.3f * u, 0.3f * v)) - 0.25f);
        var noise = ValueNoise(key, u, v);
        return kind == Grain ? noise : Unit((noise - 0.55f) * 6f + 0.5f);
    }

    /// <summary><c>Fae.Core.Lattice.noise</c>.</summary>
    private static float ValueNoise(ulong key, float u, float v)
    {
        var fu = MathF.Floor(u);
        var fv = MathF.Floor(v);
        var s = u - fu;
        var t = v - fv;
        s = s * s * (3f - 2f * s);
        t = t * t * (3f - 2f * t);
        var upperLeft = Lattice(key, (int)fu, (int)fv);
        var lowerLeft = Lattice(key, (int)fu, (int)fv + 1);
        var upper = upperLeft + s * (Lattice(key, (int)fu + 1, (int)fv) - upperLeft);
        var lower = lowerLeft + s * (Lattice(key, (int)fu + 1, (int)fv + 1) - lowerLeft);
        return upper + t * (lower - upper);
    }

    private static float Lattice(ulong key, int u, int v) => (Mix64(key ^ Both(u, v)) >> 40) * UnitOf24Bits;

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
    private static float Logarithm(float u)
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

    private static float Real(ArrayView<int> code, int at) => Interop.IntAsFloat((uint)code[at]);

    private static ulong Word(ArrayView<int> code, int at) => Both(code[at], code[at + 1]);

    /// <summary>Two words as one. ILGPU 1.5 widens (uint)low with its sign where it is a local: the mask takes it off again.</summary>
    private static ulong Both(int low, int high) => ((ulong)low & 0xFFFFFFFFUL) | ((ulong)high << 32);
}
