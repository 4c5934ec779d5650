using System.Numerics;
using Fae.Core;

namespace Fae.Kernels;

/// <summary>
/// Large pictures in windows: <c>Fae.Core.Tiles</c>, a few windows at a time, so that memory does not grow with their number.
/// </summary>
public static class TileKernel
{
    /// <summary>f̄(x): the answers to all windows of a picture, averaged where they overlap.</summary>
    /// <param name="tiling">The windows.</param>
    /// <param name="repair">Some windows in, as many answers of their size out.</param>
    /// <param name="image">The picture; no side is shorter than a window's.</param>
    /// <param name="atOnce">Windows that <paramref name="repair"/> gets in one call, at most.</param>
    public static Image InTiles(Tiling tiling, Func<IReadOnlyList<Image>, IReadOnlyList<Image>> repair, Image image, int atOnce = 8)
    {
        ArgumentNullException.ThrowIfNull(tiling);
        ArgumentNullException.ThrowIfNull(repair);
        ArgumentNullException.ThrowIfNull(image);
        var rows = Tiles.shares(tiling, image.Height);
        var columns = Tiles.shares(tiling, image.Width);
        var side = tiling.Side;
        // The answer may have more planes than the picture.
        float[]? blended = null;
        foreach (var some in rows.SelectMany(row => columns.Select(column => (Row: row, Column: column))).Chunk(atOnce))
        {
            var answers = repair(some.Select(at => Crop(image, at.Row.Item1, at.Column.Item1, side)).ToList());
            blended ??= new float[answers[0].Channels * image.Area];
            foreach (var (at, answer) in some.Zip(answers))
                for (var c = 0; c < answer.Channels; c++)
                for (var y = 0; y < side; y++)
                {
                    var row = blended.AsSpan((c * image.Height + at.Row.Item1 + y) * image.Width + at.Column.Item1, side);
                    Blend(answer.Pixels.AsSpan((c * side + y) * side, side), at.Row.Item2[y], at.Column.Item2, row);
                }
        }
        return ImageModule.ofArray(blended!.Length / image.Area, image.Height, image.Width, blended);
    }

    /// <summary>The square window whose first pixel is (top, left).</summary>
    public static Image Crop(Image image, int top, int left, int side)
    {
        ArgumentNullException.ThrowIfNull(image);
        var pixels = new float[image.Channels * side * side];
        WarpKernel.Copy(image.Pixels, image.Channels, StridedView.Whole(image.Height, image.Width).Crop(top, left, side, side), pixels);
        return ImageModule.ofArray(image.Channels, side, side, pixels);
    }

    /// <summary>target += down · along · values.</summary>
    internal static void Blend(ReadOnlySpan<float> values, float down, ReadOnlySpan<float> along, Span<float> target)
    {
        var i = 0;
        for (; i <= target.Length - Vector<float>.Count; i += Vector<float>.Count)
            (new Vector<float>(target[i..]) + down * new Vector<float>(along[i..]) * new Vector<float>(values[i..])).CopyTo(target[i..]);
        for (; i < target.Length; i++)
            target[i] += down * along[i] * values[i];
    }
}
