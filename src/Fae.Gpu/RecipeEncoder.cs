using System.Diagnostics;
using System.Runtime.InteropServices;
using Fae.Core;
using Fae.Kernels;

namespace Fae.Gpu;

/// <summary>
/// Encodes recipes as words for <see cref="SampleKernels"/>, in the layout of <see cref="RecipeLayout"/>.
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
        var laid = recipe.Plan.Where(occlusion => occlusion.Opacity > 0).ToList();
        Add(
            code,
            new SampleCode
            {
                Plane = atlas[picture] + context.Offset,
                PlaneStride = picture.Area,
                RowStride = context.StrideY,
                ColumnStride = context.StrideX,
                Context = context.Height,
                Top = recipe.Top,
                Left = recipe.Left,
                IsPixelExact = recipe.IsPixelExact ? 1 : 0,
                Cosine = MathF.Cos(recipe.Angle),
                Sine = MathF.Sin(recipe.Angle),
                ShiftX = recipe.ShiftX,
                ShiftY = recipe.ShiftY,
                Gain = recipe.Gain,
                Offset = recipe.Offset,
                IgnoredPlane = ignored is null ? -1 : atlas[ignored] + context.Offset,
                Sigma = recipe.Sigma,
                NoiseKey = new(recipe.Key),
                Occlusions = laid.Count,
            }
        );
        foreach (var occlusion in laid)
            Occluded(code, occlusion);
    }

    private void Occluded(List<int> code, Occlusion occlusion)
    {
        var (shape, pose) = (occlusion.Shape, ShapeModule.pose(occlusion.Shape));
        var ramp = Math.Max(1f, occlusion.Softness * side);
        var (x, y) = (pose.X * side, pose.Y * side);
        var margin = ShapeModule.reach(shape) * side + 0.5f * ramp + 1f;
        // Its fill and its length are known only after them.
        List<int> body = [];
        var (kind, count) = Body(body, shape);
        var start = code.Count;
        var fill = RecipeLayout.Words<OcclusionCode>() + body.Count;
        Filled(body, occlusion.Fill);
        Add(
            code,
            new OcclusionCode
            {
                Length = RecipeLayout.Words<OcclusionCode>() + body.Count,
                Fill = start + fill,
                Opacity = occlusion.Opacity,
                Ramp = ramp,
                Pose = Posed(pose),
                MinX = x - margin,
                MinY = y - margin,
                MaxX = x + margin,
                MaxY = y + margin,
                Shape = kind,
                Count = count,
            }
        );
        code.AddRange(body);
    }

    /// <summary>Adds a shape's own numbers; its kind and its count.</summary>
    private static (int Kind, int Count) Body(List<int> code, Shape shape)
    {
        switch (shape)
        {
            case Shape.Ellipse ellipse:
                Add(code, new HalfSizes(ellipse.radiusX, ellipse.radiusY));
                foreach (var wave in ellipse.waves)
                    Add(
                        code,
                        new WaveCode
                        {
                            FreqX = wave.FreqX,
                            FreqY = wave.FreqY,
                            Phase = wave.Phase / (2f * MathF.PI),
                            PushX = wave.PushX,
                            PushY = wave.PushY,
                        }
                    );
                return (SampleKernels.Ellipse, ellipse.waves.Length);
            case Shape.Curve curve:
                foreach (var knot in curve.knots)
                    Add(code, new KnotCode(knot.AtX, knot.AtY, knot.Width));
                return (SampleKernels.Curve, curve.knots.Length);
            case Shape.Box box:
                Add(code, new HalfSizes(box.halfX, box.halfY));
                return (SampleKernels.Box, 0);
            case Shape.Cells cells:
                Add(code, new CellsCode(cells.sets, cells.which, cells.key));
                return (SampleKernels.Cells, cells.count);
            case Shape.Cloud cloud:
                Add(code, new CloudCode(cloud.scale, cloud.level, cloud.key));
                return (SampleKernels.Cloud, 0);
            default:
                throw new UnreachableException($"unknown shape {shape}");
        }
    }

    private void Filled(List<int> code, Fill fill)
    {
        switch (fill)
        {
            case Fill.Plain plain:
                Add(code, new FillCode(SampleKernels.Plain, plain.colour.Length));
                AddAll(code, Array.ConvertAll(plain.colour, value => Math.Clamp(value, 0f, 1f)));
                break;
            case Fill.Shade shade:
                Add(code, new FillCode(SampleKernels.Shade, 0));
                Add(code, new ShadeCode(shade.gain, shade.bias));
                break;
            case Fill.Texture texture:
                Add(code, new FillCode(SampleKernels.Texture, texture.pattern.Tag));
                Add(
                    code,
                    new TextureCode
                    {
                        Pose = Posed(texture.pose),
                        Scale = texture.scale,
                        Key = new(texture.key),
                        Lows = texture.low.Length,
                        Highs = texture.high.Length,
                    }
                );
                AddAll(code, texture.low);
                AddAll(code, texture.high);
                break;
            case Fill.Patch patch when patch.source < 0 || bank.Count == 0:
                Add(code, new FillCode(SampleKernels.OwnPatch, 0));
                Add(
                    code,
                    new OwnPatchCode
                    {
                        ShiftX = (int)MathF.Round((patch.pose.X - 0.5f) * side),
                        ShiftY = (int)MathF.Round((patch.pose.Y - 0.5f) * side),
                        Shade = new(patch.gain, patch.bias),
                    }
                );
                break;
            case Fill.Patch patch:
                var from = bank[patch.source % bank.Count];
                Add(code, new FillCode(SampleKernels.Patch, 0));
                Add(
                    code,
                    new PatchCode
                    {
                        Pose = Posed(patch.pose),
                        Zoom = Math.Min(from.Height, from.Width) / patch.zoom,
                        Shade = new(patch.gain, patch.bias),
                        Plane = atlas[from],
                        Height = from.Height,
                        Width = from.Width,
                        Channels = from.Channels,
                    }
                );
                break;
            default:
                throw new UnreachableException($"unknown fill {fill}");
        }
    }

    private PoseCode Posed(Pose pose) =>
        new()
        {
            X = pose.X * side,
            Y = pose.Y * side,
            A = pose.A,
            B = pose.B,
            C = pose.C,
            D = pose.D,
        };

    private static void Add<T>(List<int> code, T value)
        where T : unmanaged => AddAll<T>(code, [value]);

    private static void AddAll<T>(List<int> code, params ReadOnlySpan<T> values)
        where T : unmanaged => code.AddRange(MemoryMarshal.Cast<T, int>(values));
}
