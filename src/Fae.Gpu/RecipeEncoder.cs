using System.Diagnostics;
using Fae.Core;
using Fae.Kernels;

namespace Fae.Gpu;

/// <summary>
/// Encodes recipes as integers for <see cref="SampleKernels"/>; floats keep their bits. First the offset of each sample, then the samples.
/// Pictures are offsets into an atlas, the concatenation of all planes of all pictures.
/// </summary>
internal sealed class RecipeEncoder(
    IReadOnlyDictionary<Image, int> atlas,
    IReadOnlyList<Image> pictures,
    IReadOnlyList<Image> bank,
    Image? ignored,
    int side
)
{
    /// <summary>The numbers of a batch.</summary>
    public int[] Of(IReadOnlyList<SampleRecipe> recipes)
    {
        var code = new List<int>(new int[recipes.Count]);
        for (var i = 0; i < recipes.Count; i++)
        {
            code[i] = code.Count;
            Sample(code, recipes[i]);
        }
        return [.. code];
    }

    private void Sample(List<int> code, SampleRecipe recipe)
    {
        var picture = pictures[recipe.Picture];
        var context = recipe.Context;
        code.AddRange([
            atlas[picture] + context.Offset,
            picture.Area,
            context.StrideY,
            context.StrideX,
            context.Height,
            recipe.Top,
            recipe.Left,
            recipe.IsPixelExact ? 1 : 0,
        ]);
        Floats(code, MathF.Cos(recipe.Angle), MathF.Sin(recipe.Angle), recipe.ShiftX, recipe.ShiftY, recipe.Gain, recipe.Offset);
        code.Add(ignored is null ? -1 : atlas[ignored] + context.Offset);
        Floats(code, recipe.Sigma);
        Key(code, recipe.Key);
        var laid = recipe.Plan.Where(occlusion => occlusion.Opacity > 0).ToList();
        code.Add(laid.Count);
        foreach (var occlusion in laid)
        {
            var start = code.Count;
            // Length and offset of the fill, filled in below.
            code.AddRange([0, 0]);
            Occluded(code, occlusion);
            code[start + 1] = code.Count;
            Filled(code, occlusion.Fill);
            code[start] = code.Count - start;
        }
    }

    private void Occluded(List<int> code, Occlusion occlusion)
    {
        var (shape, pose) = (occlusion.Shape, ShapeModule.pose(occlusion.Shape));
        var ramp = Math.Max(1f, occlusion.Softness * side);
        var (x, y) = (pose.X * side, pose.Y * side);
        var margin = ShapeModule.reach(shape) * side + 0.5f * ramp + 1f;
        Floats(code, occlusion.Opacity, ramp, x, y, pose.A, pose.B, pose.C, pose.D, x - margin, y - margin, x + margin, y + margin);
        switch (shape)
        {
            case Shape.Ellipse ellipse:
                code.AddRange([SampleKernels.Ellipse, ellipse.waves.Length]);
                Floats(code, ellipse.radiusX, ellipse.radiusY);
                foreach (var wave in ellipse.waves)
                    Floats(code, wave.FreqX, wave.FreqY, wave.Phase / (2f * MathF.PI), wave.PushX, wave.PushY);
                break;
            case Shape.Curve curve:
                code.AddRange([SampleKernels.Curve, curve.knots.Length]);
                foreach (var knot in curve.knots)
                    Floats(code, knot.AtX, knot.AtY, knot.Width);
                break;
            case Shape.Box box:
                code.AddRange([SampleKernels.Box, 0]);
                Floats(code, box.halfX, box.halfY);
                break;
            case Shape.Cells cells:
                code.AddRange([SampleKernels.Cells, cells.count, cells.sets, cells.which]);
                Key(code, cells.key);
                break;
            case Shape.Cloud cloud:
                code.AddRange([SampleKernels.Cloud, 0]);
                Floats(code, cloud.scale, cloud.level);
                Key(code, cloud.key);
                break;
            default:
                throw new UnreachableException($"unknown shape {shape}");
        }
    }

    private void Filled(List<int> code, Fill fill)
    {
        switch (fill)
        {
            case Fill.Plain plain:
                code.AddRange([SampleKernels.Plain, plain.colour.Length]);
                Floats(code, Array.ConvertAll(plain.colour, value => Math.Clamp(value, 0f, 1f)));
                break;
            case Fill.Shade shade:
                code.AddRange([SampleKernels.Shade, 0]);
                Floats(code, shade.gain, shade.bias);
                break;
            case Fill.Texture texture:
                code.AddRange([SampleKernels.Texture, texture.pattern.Tag]);
                Posed(code, texture.pose);
                Floats(code, texture.scale);
                Key(code, texture.key);
                code.AddRange([texture.low.Length, texture.high.Length]);
                Floats(code, texture.low);
                Floats(code, texture.high);
                break;
            case Fill.Patch patch when patch.source < 0 || bank.Count == 0:
                code.AddRange([
                    SampleKernels.OwnPatch,
                    0,
                    (int)MathF.Round((patch.pose.X - 0.5f) * side),
                    (int)MathF.Round((patch.pose.Y - 0.5f) * side),
                ]);
                Floats(code, patch.gain, patch.bias);
                break;
            case Fill.Patch patch:
                var from = bank[patch.source % bank.Count];
                code.AddRange([SampleKernels.Patch, 0]);
                Posed(code, patch.pose);
                Floats(code, Math.Min(from.Height, from.Width) / patch.zoom, patch.gain, patch.bias);
                code.AddRange([atlas[from], from.Height, from.Width, from.Channels]);
                break;
            default:
                throw new UnreachableException($"unknown fill {fill}");
        }
    }

    private void Posed(List<int> code, Pose pose) => Floats(code, pose.X * side, pose.Y * side, pose.A, pose.B, pose.C, pose.D);

    private static void Floats(List<int> code, params float[] values) => code.AddRange(values.Select(BitConverter.SingleToInt32Bits));

    private static void Key(List<int> code, ulong key) => code.AddRange([(int)(uint)key, (int)(uint)(key >> 32)]);
}
