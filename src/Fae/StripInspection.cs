using Fae.Core;
using Fae.Detection;
using Fae.Imaging;

namespace Fae;

/// <summary>A region of a strip, in its pixels.</summary>
/// <param name="Left">First column.</param>
/// <param name="Top">First row, counted from the strip's first.</param>
/// <param name="Width">Of its box.</param>
/// <param name="Height">Of its box.</param>
/// <param name="Area">Pixels that belong to it.</param>
/// <param name="Peak">The largest value of the heatmap in it.</param>
/// <param name="Continues">Whether it goes on below: the next part will be reported too.</param>
public sealed record RegionOfStrip(int Left, long Top, int Width, int Height, long Area, float Peak, bool Continues);

/// <summary>The verdict on a strip.</summary>
/// <param name="Verdict">Good or anomalous.</param>
/// <param name="Score">The image score of all rows together.</param>
/// <param name="PValue">The share of good parts, (0, 1], that would score as high.</param>
/// <param name="Rows">How many there were.</param>
/// <param name="LastRegions">Those that <see cref="StripInspection.Push"/> has not reported.</param>
public sealed record StripVerdict(Verdict Verdict, float Score, double PValue, long Rows, IReadOnlyList<RegionOfStrip> LastRegions);

/// <summary>
/// A picture whose rows come one after the other: regions are reported as soon as they have ended, in memory for a few hundred rows.
/// Not thread-safe.
/// </summary>
/// <example>
/// <code>
/// var strip = detector.InspectStrip(8192, PixelFormat.Grey8);
/// foreach (ReadOnlyMemory&lt;byte&gt; rows in grabber)
///     foreach (RegionOfStrip region in strip.Push(rows))
///         Mark(region);
/// StripVerdict end = strip.Complete();
/// </code>
/// </example>
public sealed class StripInspection
{
    /// <summary>A region is reported in parts of at most so many rows, if nothing else is said.</summary>
    public const int UsualLongest = 4096;

    private readonly Detection.Detector detector;
    private readonly StripInspector inspector;
    private readonly PixelLayout layout;
    private readonly int width;
    private readonly int bits;
    private readonly double scale;
    private bool ended;

    internal StripInspection(Detection.Detector detector, int width, PixelFormat format, int bits, int longestRegion)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(longestRegion);
        layout = PixelLayout.Of(format);
        if (layout.Raw is { IsPlanar: true } or { IsMosaic: true })
            throw new NotSupportedException($"rows of {format} do not stand for themselves");
        if (bits != 0 && (!layout.HasBits || bits is < 9 or > 16))
            throw new ArgumentOutOfRangeException(nameof(bits), bits, "must be 9 to 16, of values of sixteen bits");
        if (StripInspector.Problem(detector) is { } problem)
            throw new NotSupportedException(problem);
        (this.detector, this.width, this.bits) = (detector, width, bits);
        var image = detector.Card.Config.Image;
        if (width < image.Tile)
            throw new ArgumentOutOfRangeException(nameof(width), width, $"a tile is {image.Tile} pixels wide");
        scale = (double)image.Tile / image.Size;
        var prepared = (int)Math.Round(width / scale);
        double? resized = image.Tile == image.Size ? null : scale;
        inspector = new StripInspector(detector, prepared, (int)Math.Ceiling(longestRegion / scale), scale: resized);
        // A resampled row looks at rows below it.
        var below = resized is null ? 0 : (int)Math.Ceiling((Resample.lobes + 1) * Math.Max(1, scale));
        DelayRows = (int)Math.Ceiling(scale * StripInspector.Delay(detector)) + below;
    }

    /// <summary>Rows so far.</summary>
    public long Rows { get; private set; }

    /// <summary>
    /// Rows that may pass after a region's last row before it is reported; those of one call to <see cref="Push"/> come on top.
    /// </summary>
    public int DelayRows { get; }

    /// <summary>The next rows, without gaps between them; returns the regions that ended, and parts of those that have become too
    /// long.</summary>
    /// <exception cref="ArgumentException">The memory holds no whole number of rows.</exception>
    /// <exception cref="InvalidOperationException">The strip is complete, or holds values that are no numbers.</exception>
    public IReadOnlyList<RegionOfStrip> Push(ReadOnlyMemory<byte> rows)
    {
        if (ended)
            throw new InvalidOperationException("the strip is complete");
        var row = layout.RowBytes(width);
        if (rows.Length % row != 0)
            throw new ArgumentException($"{rows.Length} bytes are no whole number of rows of {row}", nameof(rows));
        if (rows.IsEmpty)
            return [];
        var height = rows.Length / row;
        Rows += height;
        return inspector.Push(Decoded(rows, height, row)).Select(Scaled).ToList();
    }

    /// <summary>The strip has ended.</summary>
    /// <exception cref="InvalidOperationException">It was complete before, or has fewer rows than a tile.</exception>
    public StripVerdict Complete()
    {
        if (ended)
            throw new InvalidOperationException("the strip is complete");
        ended = true;
        var (regions, prediction) = inspector.Complete();
        return new StripVerdict(
            prediction.Anomalous ? Verdict.Anomalous : Verdict.Good,
            prediction.Score,
            prediction.PValue,
            Rows,
            regions.Select(Scaled).ToList()
        );
    }

    private Image Decoded(ReadOnlyMemory<byte> rows, int height, int row)
    {
        var buffer = new PixelBuffer(rows, width, height, row, layout.Bands, layout.Depth, layout.Swapped, bits);
        var read = CameraBuffer.rowsOf(
            detector.Card.Config.Image.Values,
            detector.Card.Channels,
            $"rows up to {Rows}",
            RawBuffer.decode(layout.Raw, buffer)
        );
        return read.IsOk ? read.ResultValue.Image : throw new InvalidOperationException(read.ErrorValue.ToString());
    }

    private RegionOfStrip Scaled(StripRegion region)
    {
        var own = Findings.InOriginal(region, scale, scale, width, Rows);
        return new RegionOfStrip(own.X, own.Y, own.Width, own.Height, own.Area, own.Peak, own.Continues);
    }
}
