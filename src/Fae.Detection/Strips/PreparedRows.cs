using Fae.Core;
using Fae.Imaging;
using Fae.Kernels;
using Microsoft.FSharp.Core;

namespace Fae.Detection;

/// <summary>
/// Pictures of files that are too large to hold, made ready for the network in rows: resized, cut to [0, 1], the light divided out. Of
/// configurations with tiles.
/// </summary>
public static class PreparedRows
{
    /// <summary>Rows that are read or made at once.</summary>
    internal const int AtOnce = 64;

    /// <summary>
    /// Height and width in its own pixels of a file that is read in rows: it has more than 16 million pixels, and its file gives its rows
    /// one after the other (TIFF, PNG that is not interlaced, JPEG that is not progressive; not turned by its EXIF orientation); the
    /// configuration has tiles, and no side is shorter than one. Null of others.
    /// </summary>
    public static (int Height, int Width)? Shape(Config config, string path)
    {
        ArgumentNullException.ThrowIfNull(config);
        if (config.Image.Tile == 0 || PictureRowsModule.ofLarge(path) is not { } found)
            return null;
        var (height, width) = found.Value;
        return Math.Min(height, width) >= config.Image.Tile ? (height, width) : null;
    }

    /// <summary>Reads a file of this <see cref="Shape"/>; <paramref name="seen"/> gets its prepared rows, a few at a time, with the
    /// number of the first.</summary>
    public static FSharpResult<Unit, ImageProblem> Read(
        Config config,
        int channels,
        string path,
        (int Height, int Width) own,
        Action<int, Image> seen
    )
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(seen);
        var shape = InputGeometry.preparedShape(config, own);
        var chain = new RowChain(Stages(config, shape.Item2, Scale(shape, own)));
        var top = 0;
        void See(IEnumerable<Image> parts)
        {
            foreach (var part in parts)
            {
                seen(top, part);
                top += part.Height;
            }
        }
        var read = ReadRaw(config, channels, path, rows => See(chain.Push(rows)));
        if (read.IsError)
            return FSharpResult<Unit, ImageProblem>.NewError(read.ErrorValue);
        See(chain.Complete());
        return FSharpResult<Unit, ImageProblem>.NewOk(null!);
    }

    /// <summary>Reads a file's rows as they are; returns what was seen of its values, and what of it was not read.</summary>
    internal static FSharpResult<(FSharpOption<ValueSpan>? Values, Unread Unread), ImageProblem> ReadRaw(
        Config config,
        int channels,
        string path,
        Action<Image> next
    )
    {
        var opened = PictureRowsModule.openFile(config.Image.Values, channels, path);
        if (opened.IsError)
            return FSharpResult<(FSharpOption<ValueSpan>?, Unread), ImageProblem>.NewError(opened.ErrorValue);
        using var rows = opened.ResultValue;
        while (true)
        {
            var read = rows.Read(AtOnce);
            if (read.IsError)
                return FSharpResult<(FSharpOption<ValueSpan>?, Unread), ImageProblem>.NewError(read.ErrorValue);
            if (read.ResultValue is not { } some)
                return FSharpResult<(FSharpOption<ValueSpan>?, Unread), ImageProblem>.NewOk((rows.Values, rows.Unread));
            next(some.Value);
        }
    }

    /// <summary>Rows of a file for each prepared row; null where they are the same.</summary>
    internal static double? Scale((int Height, int Width) shape, (int Height, int Width) own) =>
        shape == own ? null : (double)own.Height / shape.Height;

    /// <summary>From the rows of a file to prepared ones of so many pixels.</summary>
    /// <param name="config">Its configuration.</param>
    /// <param name="width">Of the prepared rows.</param>
    /// <param name="scale">Rows that come for each prepared row, to be resized; null: they have the size already.</param>
    internal static List<IRowStage> Stages(Config config, int width, double? scale)
    {
        var stages = new List<IRowStage>();
        if (scale is { } rows)
            stages.AddRange([new RowResampler(width, rows), new RowFilter(0, 1, AtOnce, Cut)]);
        if (config.Image.IlluminationSigma is > 0 and var sigma)
            stages.Add(new RowFilter(LightReach(sigma), 1, AtOnce, some => ScoringKernel.CorrectIllumination(sigma, some)));
        return stages;
    }

    /// <summary>Rows above and below that the light at a place depends on.</summary>
    internal static int LightReach(float sigma) => 3 * (Illumination.filterSize(sigma) / 2);

    /// <summary>Resampled values, cut to [0, 1] as those of whole pictures are.</summary>
    private static Image Cut(Image rows)
    {
        foreach (ref var value in rows.Pixels.AsSpan())
            value = Math.Min(1f, Math.Max(0f, value));
        return rows;
    }
}
