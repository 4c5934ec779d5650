using ILGPU;

namespace Fae.Gpu;

/// <summary>The fill of an occlusion at one pixel, as <c>Fae.Core.Fill</c>.</summary>
internal static partial class SampleKernels
{
    /// <summary>What an occlusion paints on a channel of a pixel.</summary>
    private static float Paint(
        ArrayView<float> atlas,
        ArrayView<int> code,
        int fill,
        ArrayView<float> clean,
        long own,
        int channel,
        int side,
        int y,
        int x
    )
    {
        var kind = code[fill];
        if (kind == Plain)
            return Real(code, fill + 2 + channel % code[fill + 1]);
        if (kind == Shade)
            return Unit(Real(code, fill + 2) * clean[own + channel * side * side + y * side + x] + Real(code, fill + 3));
        if (kind == OwnPatch)
            return Changed(
                clean[own + channel * side * side + Reflect(side, y + code[fill + 3]) * side + Reflect(side, x + code[fill + 2])],
                Real(code, fill + 4),
                Real(code, fill + 5)
            );
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
        return Changed(
            atlas[code[fill + 11] + (channel % code[fill + 14] * height + row) * width + column],
            Real(code, fill + 9),
            Real(code, fill + 10)
        );
    }

    /// <summary>A patch's contrast turns about the middle grey; unchanged, it keeps its bits.</summary>
    private static float Changed(float value, float gain, float bias) =>
        gain == 1f && bias == 0f ? value : Unit(gain * (value - 0.5f) + (0.5f + bias));

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
}
