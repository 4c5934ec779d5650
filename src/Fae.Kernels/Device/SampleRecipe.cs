using System;
using System.Collections.Generic;
using System.Linq;
using Fae.Core;

namespace Fae.Kernels;

/// <summary>
/// A training sample before a pixel is touched: which picture, seen how (the neighbourhood of the window, turned; the window's first row and column in it; rotated by an angle in radians
/// and shifted by pixels, or not), its light, the plan of its corruption, and its noise. A few hundred bytes.
/// </summary>
public sealed record SampleRecipe(int Picture, MoveKernel.View Hood, int Top, int Left, bool KeepsGrid, float Angle, float ShiftX, float ShiftY, float Gain, float Offset, IReadOnlyList<Occlusion> Plan, float Sigma, ulong Key);

/// <summary>A source that can say what its samples are made of, so that another machine can make them.</summary>
public interface IRecipeSource : ISampleSource
{
    /// <summary>The good pictures by number; null where they do not all stay in memory.</summary>
    IReadOnlyList<Image>? Pictures { get; }

    /// <summary>The pictures that patches are taken from.</summary>
    IReadOnlyList<Image> Bank { get; }

    /// <summary>1 where training shall not look, of the pictures' size; null where it may look everywhere.</summary>
    Image? Ignored { get; }

    /// <summary>Whether the target has the input's noise.</summary>
    bool NoiseKept { get; }

    /// <summary>What <see cref="ISampleSource.Fill"/> makes sample <paramref name="index"/> of step <paramref name="step"/> of.</summary>
    SampleRecipe Recipe(int step, int index);
}

/// <summary>
/// Recipes as whole numbers, floats by their bits, for <see cref="SampleKernels"/>: first where each sample begins, then the samples. Pictures are places in an atlas: all of them, plane
/// after plane, one picture after the other.
/// </summary>
internal sealed class RecipeCode(IReadOnlyDictionary<Image, int> atlas, IReadOnlyList<Image> pictures, IReadOnlyList<Image> bank, Image? ignored, int side)
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
        var hood = recipe.Hood;
        code.AddRange([atlas[picture] + hood.Offset, picture.Area, hood.StrideY, hood.StrideX, hood.Height, recipe.Top, recipe.Left, recipe.KeepsGrid ? 1 : 0]);
        Floats(code, MathF.Cos(recipe.Angle), MathF.Sin(recipe.Angle), recipe.ShiftX, recipe.ShiftY, recipe.Gain, recipe.Offset);
        code.Add(ignored is null ? -1 : atlas[ignored] + hood.Offset);
        Floats(code, recipe.Sigma);
        Key(code, recipe.Key);
        var laid = recipe.Plan.Where(occlusion => occlusion.Opacity > 0).ToList();
        code.Add(laid.Count);
        foreach (var occlusion in laid)
        {
            var start = code.Count;
            // How long it is, and where its fill begins, once both are known.
            code.AddRange([0, 0]);
            Occluded(code, occlusion);
            code[start + 1] = code.Count;
            Filled(code, occlusion.Fill);
            code[start] = code.Count - start;
        }
    }

    private void Occluded(List<int> code, Occlusion occlusion)
    {
        var (shape, frame) = (occlusion.Shape, ShapeModule.frame(occlusion.Shape));
        var ramp = Math.Max(1f, occlusion.Softness * side);
        var (x, y) = (frame.X * side, frame.Y * side);
        var margin = ShapeModule.reach(shape) * side + 0.5f * ramp + 1f;
        Floats(code, occlusion.Opacity, ramp, x, y, frame.A, frame.B, frame.C, frame.D, x - margin, y - margin, x + margin, y + margin);
        switch (shape)
        {
            case Shape.Ellipse ellipse:
                code.AddRange([SampleKernels.Ellipse, ellipse.Item4.Length]);
                Floats(code, ellipse.radiusX, ellipse.radiusY);
                foreach (var wave in ellipse.Item4)
                    Floats(code, wave.FreqX, wave.FreqY, wave.Phase / (2f * MathF.PI), wave.PushX, wave.PushY);
                break;
            case Shape.Curve curve:
                code.AddRange([SampleKernels.Curve, curve.Item2.Length]);
                foreach (var knot in curve.Item2)
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
                code.AddRange([SampleKernels.Texture, texture.Item2.Tag]);
                Framed(code, texture.Item1);
                Floats(code, texture.scale);
                Key(code, texture.key);
                code.AddRange([texture.low.Length, texture.high.Length]);
                Floats(code, texture.low);
                Floats(code, texture.high);
                break;
            case Fill.Patch patch when patch.source < 0 || bank.Count == 0:
                code.AddRange([SampleKernels.OwnPatch, 0, (int)MathF.Round((patch.Item1.X - 0.5f) * side), (int)MathF.Round((patch.Item1.Y - 0.5f) * side)]);
                Floats(code, patch.gain, patch.bias);
                break;
            case Fill.Patch patch:
                var from = bank[patch.source % bank.Count];
                code.AddRange([SampleKernels.Patch, 0]);
                Framed(code, patch.Item1);
                Floats(code, Math.Min(from.Height, from.Width) / patch.zoom, patch.gain, patch.bias);
                code.AddRange([atlas[from], from.Height, from.Width, from.Channels]);
                break;
        }
    }

    private void Framed(List<int> code, Frame frame) => Floats(code, frame.X * side, frame.Y * side, frame.A, frame.B, frame.C, frame.D);

    private static void Floats(List<int> code, params float[] values) => code.AddRange(values.Select(BitConverter.SingleToInt32Bits));

    private static void Key(List<int> code, ulong key) => code.AddRange([(int)(uint)key, (int)(uint)(key >> 32)]);
}
