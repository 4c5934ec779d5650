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
    /// <summary>
    /// Whether a file is inspected in rows: the detector can, and the picture is so large that it is read so
    /// (<see cref="PreparedRows.Shape"/>).
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
        var shape = InputGeometry.preparedShape(detector.Card.Config, own);
        using var writer = heatmap is null ? null : new PyramidWriter(heatmap, shape.Item2, shape.Item1);
        var inspected = Inspected(detector, path, own, shape, writer);
        if (inspected.IsError || writer is null)
            return inspected;
        var written = writer.Complete();
        return written.IsError ? FSharpResult<Inspected, ImageProblem>.NewError(written.ErrorValue) : inspected;
    }

    private static FSharpResult<Inspected, ImageProblem> Inspected(
        Detector detector,
        string path,
        (int Height, int Width) own,
        (int Height, int Width) shape,
        PyramidWriter? writer
    )
    {
        var overview = new Overview(shape.Height, shape.Width);
        var seen = Seen(overview, writer, detector.Calibration.PixelThreshold);
        var strip = new StripInspector(detector, shape.Width, 0, seen, PreparedRows.Scale(shape, own));
        var regions = new List<StripRegion>();
        var card = detector.Card;
        var read = PreparedRows.ReadRaw(card.Config, card.Channels, path, rows => regions.AddRange(strip.Push(rows)));
        if (read.IsError)
            return FSharpResult<Inspected, ImageProblem>.NewError(read.ErrorValue);
        var (last, prediction) = strip.Complete();
        regions.AddRange(last);
        var (sy, sx) = ((double)own.Height / shape.Height, (double)own.Width / shape.Width);
        var inOwn = regions
            .OrderByDescending(region => region.Peak)
            .Select(region => Findings.Original(Findings.InOriginal(region, sx, sy, own.Width, own.Height)))
            .ToList();
        var picture = new Picture(overview.Picture(), own.Width, own.Height, read.ResultValue.Values, read.ResultValue.Unread);
        var finding = new Finding(picture.Image, overview.Heatmap(), prediction, []) { InStrips = inOwn };
        return FSharpResult<Inspected, ImageProblem>.NewOk(new Inspected(picture, finding));
    }

    /// <summary>Height and width of a file that is inspected in rows; null of others.</summary>
    private static (int Height, int Width)? Shape(Detector detector, string path) =>
        StripInspector.Problem(detector) is null ? PreparedRows.Shape(detector.Card.Config, path) : null;

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
