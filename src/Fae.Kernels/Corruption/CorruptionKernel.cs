using System.Buffers;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Fae.Core;

namespace Fae.Kernels;

/// <summary>Plans on pixels: the same images and masks as <c>Fae.Core.Plan.render</c>, to float rounding.</summary>
public static class CorruptionKernel
{
    private const int Lanes = 16;

    /// <summary>
    /// Writes x̃ (channels × height × width) and its mask M (height × width): for each occlusion x̃ ← (1 − αm)·x̃ + αm·t.
    /// </summary>
    /// <exception cref="ArgumentException">A span is of another length.</exception>
    public static void Render(
        IReadOnlyList<Image> bank,
        ReadOnlySpan<float> clean,
        int height,
        int width,
        IEnumerable<Occlusion> plan,
        Span<float> corrupted,
        Span<float> mask
    )
    {
        ArgumentNullException.ThrowIfNull(bank);
        ArgumentNullException.ThrowIfNull(plan);
        var area = height * width;
        if (clean.Length == 0 || clean.Length % area != 0 || corrupted.Length != clean.Length || mask.Length != area)
            throw new ArgumentException(
                $"{clean.Length} values, {corrupted.Length} corrupted ones and a mask of {mask.Length} do not make a "
                    + $"picture of {height}×{width}",
                nameof(clean)
            );

        clean.CopyTo(corrupted);
        mask.Clear();
        // Two rows of floats and one of places, each with room for whole vectors.
        var floats = ArrayPool<float>.Shared.Rent(2 * (width + Lanes));
        var places = ArrayPool<int>.Shared.Rent(width + Lanes);
        foreach (var occlusion in plan)
        {
            if (occlusion.Opacity <= 0)
                continue;
            using var shape = new ShapeMask(occlusion.Shape, occlusion.Softness, height, width);
            var fill = new FillKernel(occlusion.Fill, bank, clean, height, width, floats.AsSpan(width + Lanes), places);
            for (var row = 0; row < shape.Rows; row++)
            {
                var m = shape.Row(row, out var start);
                if (m.IsEmpty)
                    continue;
                var (y, x) = (shape.Top + row, shape.Left + start);
                var paint = floats.AsSpan(0, m.Length);
                fill.Begin(y, x, m.Length);
                for (var at = y * width + x; at < clean.Length; at += area)
                {
                    fill.Paint(at / area, y, x, paint);
                    Blend(corrupted.Slice(at, m.Length), paint, m, occlusion.Opacity);
                }
                Touch(mask.Slice(y * width + x, m.Length), m, Math.Max(0.5f, occlusion.Opacity));
            }
        }
        ArrayPool<float>.Shared.Return(floats);
        ArrayPool<int>.Shared.Return(places);
    }

    /// <summary>Pixels with m = 0 keep their bits.</summary>
    private static void Blend(Span<float> pixels, ReadOnlySpan<float> paint, ReadOnlySpan<float> mask, float opacity)
    {
        var i = 0;
        ref var p = ref MemoryMarshal.GetReference(pixels);
        ref var t = ref MemoryMarshal.GetReference(paint);
        ref var m = ref MemoryMarshal.GetReference(mask);
        for (; i <= pixels.Length - Lanes; i += Lanes)
        {
            var at = (nuint)i;
            var before = Vector512.LoadUnsafe(ref p, at);
            var covered = Vector512.LoadUnsafe(ref m, at);
            var weight = covered * opacity;
            var after = (Vector512<float>.One - weight) * before + weight * Vector512.LoadUnsafe(ref t, at);
            Vector512.ConditionalSelect(Vector512.GreaterThan(covered, Vector512<float>.Zero), after, before).StoreUnsafe(ref p, at);
        }
        for (; i < pixels.Length; i++)
        {
            var weight = opacity * mask[i];
            if (mask[i] > 0)
                pixels[i] = (1f - weight) * pixels[i] + weight * paint[i];
        }
    }

    private static void Touch(Span<float> touched, ReadOnlySpan<float> mask, float counted)
    {
        for (var i = 0; i < touched.Length; i++)
            touched[i] = Math.Max(touched[i], counted * mask[i]);
    }
}
