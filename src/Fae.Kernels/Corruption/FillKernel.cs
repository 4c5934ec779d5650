using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Fae.Core;

namespace Fae.Kernels;

/// <summary>What is painted, a run of pixels of one row at a time: <c>Fae.Core.Fill.paint</c>, to float rounding.</summary>
internal ref struct FillKernel
{
    private const int Lanes = 16;
    private readonly Fill fill;
    private readonly ReadOnlySpan<float> clean;
    private readonly int height;
    private readonly int width;

    // What a patch is taken from: the image itself, or a picture of the bank.
    private readonly bool own;
    private readonly ReadOnlySpan<float> source;
    private readonly int sourceHeight;
    private readonly int sourceWidth;

    /// <summary>The texture's value, or where in the source's plane the pixel is taken from, for each pixel of the run.</summary>
    private readonly Span<float> texture;
    private readonly Span<int> places;

    /// <summary>Both scratch spans have room for a run and sixteen more.</summary>
    public FillKernel(
        Fill fill,
        IReadOnlyList<Image> bank,
        ReadOnlySpan<float> clean,
        int height,
        int width,
        Span<float> texture,
        Span<int> places
    )
    {
        this.fill = fill;
        this.clean = clean;
        this.height = height;
        this.width = width;
        this.texture = texture;
        this.places = places;
        var patch = fill as Fill.Patch;
        own = patch is null || patch.source < 0 || bank.Count == 0;
        var from = own ? null : bank[patch!.source % bank.Count];
        source = from is null ? clean : from.Pixels;
        sourceHeight = from?.Height ?? height;
        sourceWidth = from?.Width ?? width;
    }

    /// <summary>What all channels of the run that begins at (y, x) share.</summary>
    public readonly void Begin(int y, int x, int count)
    {
        switch (fill)
        {
            case Fill.Texture t:
                for (var i = 0; i < count; i += Lanes)
                {
                    var (u, v) = Local(t.pose, y, x + i);
                    Pattern(t.pattern, t.key, u / t.scale, v / t.scale).StoreUnsafe(ref MemoryMarshal.GetReference(texture[i..]));
                }
                break;
            case Fill.Patch patch when own:
                var dx = (int)MathF.Round((patch.pose.X - 0.5f) * width);
                var row = ImageModule.reflect(height, y + (int)MathF.Round((patch.pose.Y - 0.5f) * height)) * width;
                for (var i = 0; i < count; i++)
                    places[i] = row + ImageModule.reflect(width, x + i + dx);
                break;
            case Fill.Patch patch:
                BeginPatch(patch, y, x, count);
                break;
            case Fill.Plain or Fill.Shade:
                break;
            default:
                throw new UnreachableException($"unknown fill {fill}");
        }
    }

    /// <summary>Writes one channel of the run that was begun; values are in [0, 1].</summary>
    public readonly void Paint(int channel, int y, int x, Span<float> run)
    {
        switch (fill)
        {
            case Fill.Plain plain:
                run.Fill(Math.Clamp(plain.colour[channel % plain.colour.Length], 0f, 1f));
                break;
            case Fill.Shade shade:
                Line(clean.Slice(channel * height * width + y * width + x, run.Length), run, shade.gain, 0f, shade.bias);
                break;
            case Fill.Texture t:
                var low = t.low[channel % t.low.Length];
                Line(texture[..run.Length], run, t.high[channel % t.high.Length] - low, 0f, low);
                break;
            case Fill.Patch patch:
                var area = sourceHeight * sourceWidth;
                var plane = source.Slice(channel % (source.Length / area) * area, area);
                for (var i = 0; i < run.Length; i++)
                    run[i] = plane[places[i]];
                // A patch's contrast turns about the middle grey.
                if (patch.gain != 1f || patch.bias != 0f)
                    Line(run, run, patch.gain, 0.5f, 0.5f + patch.bias);
                break;
            default:
                throw new UnreachableException($"unknown fill {fill}");
        }
    }

    /// <summary>clamp(gain · (v − pivot) + offset).</summary>
    private static void Line(ReadOnlySpan<float> values, Span<float> run, float gain, float pivot, float offset)
    {
        for (var i = 0; i < run.Length; i++)
            run[i] = Math.Clamp(gain * (values[i] - pivot) + offset, 0f, 1f);
    }

    private readonly void BeginPatch(Fill.Patch patch, int y, int x, int count)
    {
        var scale = Math.Min(sourceHeight, sourceWidth) / patch.zoom;
        for (var i = 0; i < count; i += Lanes)
        {
            var (u, v) = Local(patch.pose, y, x + i);
            var sx = Vector512.ConvertToInt32(Vector512.Floor(u * scale + Vector512.Create(0.5f * sourceWidth)));
            var sy = Vector512.ConvertToInt32(Vector512.Floor(v * scale + Vector512.Create(0.5f * sourceHeight)));
            for (var lane = 0; lane < Math.Min(Lanes, count - i); lane++)
                places[i + lane] = ImageModule.reflect(sourceHeight, sy[lane]) * sourceWidth + ImageModule.reflect(sourceWidth, sx[lane]);
        }
    }

    /// <summary>Sixteen pixels from (y, x) on, in the pose's local coordinates.</summary>
    private readonly (Vector512<float> U, Vector512<float> V) Local(Pose pose, int y, int x)
    {
        float side = Math.Min(height, width);
        var dx = (Vector512<float>.Indices + Vector512.Create(x + 0.5f) - Vector512.Create(pose.X * width)) / side;
        var dy = (y + 0.5f - pose.Y * height) / side;
        return (dx * pose.A + Vector512.Create(pose.B * dy), dx * pose.C + Vector512.Create(pose.D * dy));
    }

    private static Vector512<float> Unit(Vector512<float> v) =>
        Vector512.Min(Vector512<float>.One, Vector512.Max(Vector512<float>.Zero, v));

    /// <summary><c>Fae.Core.Fill.pattern</c>.</summary>
    private static Vector512<float> Pattern(Pattern kind, ulong key, Vector512<float> u, Vector512<float> v)
    {
        var half = Vector512.Create(0.5f);
        if (kind.IsGrain)
            return ValueNoise(key, u, v);
        if (kind.IsStripes)
            return half + Vector512.Sin((u + ValueNoise(key, u * 0.3f, v * 0.3f)) * MathF.PI) * 0.5f;
        if (kind.IsSpots)
            return Unit((ValueNoise(key, u, v) - Vector512.Create(0.55f)) * 6f + half);
        if (!kind.IsClouds)
            throw new UnreachableException($"unknown pattern {kind}");

        var sum = Vector512<float>.Zero;
        var (weight, frequency) = (0.5f, 0.25f);
        for (var octave = 0UL; octave < 4; octave++)
        {
            sum += ValueNoise(key + octave, u * frequency, v * frequency) * weight;
            weight *= 0.5f;
            frequency *= 2f;
        }
        return Unit((sum / 0.9375f - half) * 1.6f + half);
    }

    /// <summary><c>Fae.Core.Lattice.noise</c>.</summary>
    public static Vector512<float> ValueNoise(ulong key, Vector512<float> u, Vector512<float> v)
    {
        var (fu, fv) = (Vector512.Floor(u), Vector512.Floor(v));
        var (iu, iv) = (Vector512.ConvertToInt32(fu), Vector512.ConvertToInt32(fv));
        var (nextU, nextV) = (iu + Vector512<int>.One, iv + Vector512<int>.One);
        var s = Smooth(u - fu);
        var t = Smooth(v - fv);
        var upperLeft = Lattice(key, iu, iv);
        var lowerLeft = Lattice(key, iu, nextV);
        var upper = upperLeft + s * (Lattice(key, nextU, iv) - upperLeft);
        var lower = lowerLeft + s * (Lattice(key, nextU, nextV) - lowerLeft);
        return upper + t * (lower - upper);
    }

    private static Vector512<float> Smooth(Vector512<float> s) => s * s * (Vector512.Create(3f) - s * 2f);

    private static Vector512<float> Lattice(ulong key, Vector512<int> iu, Vector512<int> iv)
    {
        var keys = Vector512.Create(key);
        var (u, v) = (iu.AsUInt32(), iv.AsUInt32());
        return RandomKernel.ToUnit(
            RandomKernel.Mix64(keys ^ (Vector512.WidenLower(u) | (Vector512.WidenLower(v) << 32))),
            RandomKernel.Mix64(keys ^ (Vector512.WidenUpper(u) | (Vector512.WidenUpper(v) << 32)))
        );
    }
}
