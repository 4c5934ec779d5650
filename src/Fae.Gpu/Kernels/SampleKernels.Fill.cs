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
        var kind = code.Read<FillCode>(fill);
        var body = fill + RecipeLayout.Words<FillCode>();
        if (kind.Kind == Plain)
            return code.Read<float>(body + channel % kind.Detail);
        var plane = own + channel * side * side;
        if (kind.Kind == Shade)
        {
            var shade = code.Read<ShadeCode>(body);
            return Unit(shade.Gain * clean[plane + y * side + x] + shade.Bias);
        }
        if (kind.Kind == OwnPatch)
        {
            var shifted = code.Read<OwnPatchCode>(body);
            return Changed(clean[plane + Reflect(side, y + shifted.ShiftY) * side + Reflect(side, x + shifted.ShiftX)], shifted.Shade);
        }
        var pose = code.Read<PoseCode>(body);
        var dx = (x + 0.5f - pose.X) / side;
        var dy = (y + 0.5f - pose.Y) / side;
        var u = pose.A * dx + pose.B * dy;
        var v = pose.C * dx + pose.D * dy;
        if (kind.Kind == Texture)
        {
            var texture = code.Read<TextureCode>(body);
            var colours = body + RecipeLayout.Words<TextureCode>();
            var low = code.Read<float>(colours + channel % texture.Lows);
            var high = code.Read<float>(colours + texture.Lows + channel % texture.Highs);
            return Unit(low + Pattern(kind.Detail, Word(texture.Key), u / texture.Scale, v / texture.Scale) * (high - low));
        }
        var patch = code.Read<PatchCode>(body);
        var row = Reflect(patch.Height, (int)MathF.Floor(v * patch.Zoom + 0.5f * patch.Height));
        var column = Reflect(patch.Width, (int)MathF.Floor(u * patch.Zoom + 0.5f * patch.Width));
        return Changed(atlas[patch.Plane + (channel % patch.Channels * patch.Height + row) * patch.Width + column], patch.Shade);
    }

    /// <summary>A patch's contrast turns about the middle grey; unchanged, it keeps its bits.</summary>
    private static float Changed(float value, ShadeCode shade) =>
        shade.Gain == 1f && shade.Bias == 0f ? value : Unit(shade.Gain * (value - 0.5f) + (0.5f + shade.Bias));

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
