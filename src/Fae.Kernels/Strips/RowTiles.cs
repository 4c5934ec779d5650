using System.Numerics.Tensors;
using Fae.Core;

namespace Fae.Kernels;

/// <summary>
/// <c>Fae.Core.Tiles</c> on a strip: windows are answered as soon as their last row is there. What comes out are the strip's rows with the
/// blended answer's planes after their own.
/// </summary>
/// <param name="tiling">The windows.</param>
/// <param name="repair">Some windows in, as many answers of their size out.</param>
/// <param name="atOnce">Windows that <paramref name="repair"/> gets in one call, at most.</param>
public sealed class RowTiles(Tiling tiling, Func<IReadOnlyList<Image>, IReadOnlyList<Image>> repair, int atOnce = 8) : IRowStage
{
    /// <summary>Rows that come out in one part, at most.</summary>
    private const int RowsAtOnce = 64;

    private readonly int side = tiling.Side;
    private readonly float[] ramp = Enumerable.Range(0, tiling.Side).Select(i => Tiles.ramp(tiling, i)).ToArray();
    private RowBuffer? strip;
    private RowBuffer? sums;
    private (int Left, float[] Shares)[] columns = [];

    /// <summary>Of each row from the first that is not ready: how many rows of windows show it, and the sum of their weights.</summary>
    private readonly List<(int Windows, float Sum)> weights = [];
    private long next;
    private long done;

    /// <inheritdoc/>
    public IEnumerable<Image> Push(Image rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        Append(rows);
        while (strip!.End >= next + side)
        {
            Answer(next);
            next += Tiles.step(tiling);
            // A last window, at the end of the strip, begins at this row or below.
            foreach (var part in Ready(Math.Min(next, strip.End - side)))
                yield return part;
        }
        foreach (var part in Ready(Math.Min(next, strip.End - side)))
            yield return part;
    }

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">The strip has fewer rows than a window.</exception>
    public IEnumerable<Image> Complete()
    {
        if (strip is null || strip.End < side)
            throw new InvalidOperationException($"a strip needs at least {side} rows, not {strip?.End ?? 0}");
        if (next - Tiles.step(tiling) + side < strip.End)
            Answer(strip.End - side);
        return Ready(strip.End);
    }

    private void Append(Image rows)
    {
        if (strip is null)
        {
            strip = new RowBuffer(rows.Channels, rows.Width);
            columns = Tiles.shares(tiling, rows.Width).Select(one => (one.Item1, one.Item2)).ToArray();
        }
        strip.Append(rows);
    }

    /// <summary>Answers to a row of windows, added with their weights.</summary>
    private void Answer(long top)
    {
        Weigh(top);
        foreach (var some in columns.Chunk(atOnce))
        {
            var answers = repair(some.Select(column => Window(top, column.Left)).ToList());
            Extend(answers[0].Channels, top + side);
            foreach (var (column, answer) in some.Zip(answers))
                for (var c = 0; c < answer.Channels; c++)
                for (var y = 0; y < side; y++)
                    TileKernel.Blend(
                        answer.Pixels.AsSpan((c * side + y) * side, side),
                        Alone(top + y) ? 1 : ramp[y],
                        column.Shares,
                        sums!.Row(c, top + y).Slice(column.Left, side)
                    );
        }
        for (var y = 0; y < side; y++)
        {
            var (windows, sum) = weights[(int)(top + y - done)];
            weights[(int)(top + y - done)] = (windows + 1, sum + ramp[y]);
        }
    }

    /// <summary>Whether no window above shows a row: what the first one says is kept as it is, for it may stay the only one.</summary>
    private bool Alone(long row) => weights[(int)(row - done)].Windows == 0;

    private void Extend(int channels, long end)
    {
        sums ??= new RowBuffer(channels, strip!.Width);
        sums.ExtendTo(end);
        while (weights.Count < end - done)
            weights.Add((0, 0));
    }

    /// <summary>Gives the rows that one window showed so far that window's weight, before the next is added.</summary>
    private void Weigh(long top)
    {
        for (var y = 0; sums is not null && y < side && top + y < sums.End; y++)
            if (weights[(int)(top + y - done)] is { Windows: 1, Sum: var weight })
                for (var c = 0; c < sums.Channels; c++)
                    TensorPrimitives.Multiply(sums.Row(c, top + y), weight, sums.Row(c, top + y));
    }

    private Image Window(long top, int left)
    {
        var pixels = new float[strip!.Channels * side * side];
        for (var c = 0; c < strip.Channels; c++)
        for (var y = 0; y < side; y++)
            strip.Row(c, top + y).Slice(left, side).CopyTo(pixels.AsSpan((c * side + y) * side));
        return ImageModule.ofArray(strip.Channels, side, side, pixels);
    }

    /// <summary>The rows up to a number, with what all windows say of them.</summary>
    private IEnumerable<Image> Ready(long to)
    {
        while (done < to)
            yield return Part((int)Math.Min(to - done, RowsAtOnce));
    }

    private Image Part(int height)
    {
        var (own, width) = (strip!.Channels, strip.Width);
        var pixels = new float[(own + sums!.Channels) * height * width];
        for (var y = 0; y < height; y++)
        {
            for (var c = 0; c < own; c++)
                strip.Row(c, done + y).CopyTo(pixels.AsSpan((c * height + y) * width));
            var share = weights[y].Windows == 1 ? 1 : 1 / weights[y].Sum;
            for (var c = 0; c < sums.Channels; c++)
                TensorPrimitives.Multiply(sums.Row(c, done + y), share, pixels.AsSpan(((own + c) * height + y) * width, width));
        }
        weights.RemoveRange(0, height);
        done += height;
        strip.DropBefore(done);
        sums.DropBefore(done);
        return ImageModule.ofArray(own + sums.Channels, height, width, pixels);
    }
}
