using Fae.Core;
using Fae.Imaging;
using Microsoft.FSharp.Core;

namespace Fae.Detection;

/// <summary>
/// Pictures of files that are too large to hold: read, inspected and written in rows, by detectors with tiles. Memory does not depend on
/// the picture's height.
/// </summary>
public static class LargePictures
{
    /// <summary>Rows that are read at once.</summary>
    private const int RowsAtOnce = 64;

    /// <summary>
    /// Whether a file is inspected in rows: the detector can, the picture has more than 16 million pixels, and its file gives its rows
    /// one after the other (TIFF, PNG that is not interlaced, JPEG that is not progressive; not turned by its EXIF orientation).
    /// </summary>
    public static bool Suits(Detector detector, string path) => Shape(detector, path) is not null;

    /// <summary>What <see cref="Detector.Inspect"/> says of such a file.</summary>
    /// <param name="detector">The detector.</param>
    /// <param name="path">A file that <see cref="Suits"/>.</param>
    /// <param name="heatmap">Where the heatmap over the picture goes, as a pyramidal TIFF at the size that the detector looks at; null for
    /// none.</param>
    public static FSharpResult<Inspected, ImageProblem> Inspect(Detector detector, string path, string? heatmap = null)
    {
        ArgumentNullException.ThrowIfNull(detector);
        if (Shape(detector, path) is not { } own)
            return Failed(path, "its rows cannot be had one after the other");
        var card = detector.Card;
        var opened = PictureRowsModule.openFile(card.Config.Image.Values, card.Channels, path);
        if (opened.IsError)
            return FSharpResult<Inspected, ImageProblem>.NewError(opened.ErrorValue);
        using var rows = opened.ResultValue;
        var shape = InputGeometry.preparedShape(card.Config, own);
        using var writer = heatmap is null ? null : new PyramidWriter(heatmap, shape.Item2, shape.Item1);
        var overview = new Overview(shape.Item1, shape.Item2);
        double? scale = shape == own ? null : (double)own.Height / shape.Item1;
        var strip = new StripInspector(detector, shape.Item2, 0, Seen(overview, writer, detector.Calibration.PixelThreshold), scale);
        var inspected = Inspected(detector, rows, strip, own, shape, overview);
        if (inspected.IsError || writer is null)
            return inspected;
        var written = writer.Complete();
        return written.IsError ? FSharpResult<Inspected, ImageProblem>.NewError(written.ErrorValue) : inspected;
    }

    private static FSharpResult<Inspected, ImageProblem> Inspected(
        Detector detector,
        PictureRows rows,
        StripInspector strip,
        (int Height, int Width) own,
        (int Height, int Width) shape,
        Overview overview
    )
    {
        var regions = new List<StripRegion>();
        while (true)
        {
            var read = rows.Read(RowsAtOnce);
            if (read.IsError)
                return FSharpResult<Inspected, ImageProblem>.NewError(read.ErrorValue);
            if (read.ResultValue is not { } some)
                break;
            regions.AddRange(strip.Push(some.Value));
        }
        var (last, prediction) = strip.Complete();
        regions.AddRange(last);
        var (sy, sx) = ((double)own.Height / shape.Height, (double)own.Width / shape.Width);
        var inOwn = regions
            .OrderByDescending(region => region.Peak)
            .Select(region => Findings.Original(Findings.InOriginal(region, sx, sy, own.Width, own.Height)))
            .ToList();
        var picture = new Picture(overview.Picture(), own.Width, own.Height, rows.Values, rows.Pages);
        var finding = new Finding(picture.Image, overview.Heatmap(), prediction, []) { InStrips = inOwn };
        return FSharpResult<Inspected, ImageProblem>.NewOk(new Inspected(picture, finding));
    }

    /// <summary>Height and width of a file that is inspected in rows; null of others.</summary>
    private static (int Height, int Width)? Shape(Detector detector, string path)
    {
        if (StripInspector.Problem(detector) is not null || PictureRowsModule.ofLarge(path) is not { } found)
            return null;
        var (height, width) = found.Value;
        return Math.Min(height, width) >= detector.Card.Config.Image.Tile ? (height, width) : null;
    }

    private static Action<StripRows> Seen(Overview overview, PyramidWriter? writer, float threshold) =>
        rows =>
        {
            overview.Add(rows);
            writer?.Write(HeatmapColours.overlayBytes(threshold, rows.Picture, rows.Heatmap));
        };

    private static FSharpResult<Inspected, ImageProblem> Failed(string path, string reason) =>
        FSharpResult<Inspected, ImageProblem>.NewError(new ImageProblem(path, reason));
}

/// <summary>An inspected picture and what was found on it.</summary>
public sealed record Inspected(Picture Picture, Finding Finding);
