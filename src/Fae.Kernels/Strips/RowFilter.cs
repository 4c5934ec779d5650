using Fae.Core;

namespace Fae.Kernels;

/// <summary>
/// An operation on whole pictures whose values depend on pixels at most some rows away, on a strip: <c>Fae.Core.Bands.map</c> for rows as
/// they come.
/// </summary>
/// <param name="margin">Rows that a value depends on, above and below.</param>
/// <param name="step">The operation gives the same for a picture that is cut off above a multiple of this many rows.</param>
/// <param name="atOnce">Rows that are made in one call.</param>
/// <param name="apply">The operation: the result has the height of its argument.</param>
public sealed class RowFilter(int margin, int step, int atOnce, Func<Image, Image> apply) : IRowStage
{
    private RowBuffer? held;
    private long done;

    /// <inheritdoc/>
    public IEnumerable<Image> Push(Image rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        if (margin == 0)
        {
            // No other row is waited for.
            yield return apply(rows);
            yield break;
        }
        held ??= new RowBuffer(rows.Channels, rows.Width);
        held.Append(rows);
        while (held.End - margin - done >= atOnce)
            yield return Rows(held, done + atOnce);
    }

    /// <inheritdoc/>
    public IEnumerable<Image> Complete()
    {
        while (held is not null && held.End > done)
            yield return Rows(held, Math.Min(held.End, done + atOnce));
    }

    private Image Rows(RowBuffer buffer, long to)
    {
        var from = Begin(done);
        var result = apply(buffer.Slice(from, Math.Min(buffer.End, to + margin)));
        var ready = RowsOf(result, (int)(done - from), (int)(to - from));
        done = to;
        buffer.DropBefore(Begin(done));
        return ready;
    }

    private long Begin(long row) => Math.Max(0, row - margin) / step * step;

    /// <summary>Rows [first, last) of an image.</summary>
    private static Image RowsOf(Image image, int first, int last)
    {
        if (first == 0 && last == image.Height)
            return image;
        var pixels = new float[image.Channels * (last - first) * image.Width];
        var rows = StridedView.Whole(image.Height, image.Width).Crop(first, 0, last - first, image.Width);
        WarpKernel.Copy(image.Pixels, image.Channels, rows, pixels);
        return ImageModule.ofArray(image.Channels, last - first, image.Width, pixels);
    }
}
