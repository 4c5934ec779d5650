using System.Numerics.Tensors;
using Fae.Core;

namespace Fae.Kernels;

/// <summary><c>Fae.Core.Resample</c> on a strip whose height is not known before its end.</summary>
/// <param name="width">Of the rows that come out.</param>
/// <param name="scale">Rows that go in for each row that comes out.</param>
public sealed class RowResampler(int width, double scale) : IRowStage
{
    private RowBuffer? held;
    private (int First, float[] Weights)[] along = [];
    private long done;

    /// <inheritdoc/>
    public IEnumerable<Image> Push(Image rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        if (held is null)
        {
            held = new RowBuffer(rows.Channels, rows.Width);
            along = ResampleKernel.Taps(width, rows.Width, rows.Width);
        }
        held.Append(rows);
        var reach = Resample.lobes * Math.Max(1, scale);
        // Rows whose lowest pixel is there.
        return Rows(held, (long)Math.Floor((held.End - 1 - reach + 0.5) / scale - 0.5));
    }

    /// <inheritdoc/>
    public IEnumerable<Image> Complete() => held is null ? [] : Rows(held, Math.Max(1, (long)Math.Round(held.End / scale)));

    private IEnumerable<Image> Rows(RowBuffer source, long to)
    {
        if (to <= done)
            return [];
        var height = (int)(to - done);
        var planes = new float[source.Channels * height * width];
        Parallel.For(0, height, y => Row(source, planes, height, y));
        done = to;
        source.DropBefore(Resample.tap(scale, source.End, done).Item1);
        return [ImageModule.ofArray(source.Channels, height, width, planes)];
    }

    private void Row(RowBuffer source, float[] planes, int height, int y)
    {
        var (first, weights) = Resample.tap(scale, source.End, done + y);
        var sum = new float[source.Width];
        for (var c = 0; c < source.Channels; c++)
        {
            Array.Clear(sum);
            for (var i = 0; i < weights.Length; i++)
                TensorPrimitives.MultiplyAdd(source.Row(c, first + i), (float)weights[i], sum, sum);
            ResampleKernel.Along(sum, 1, 0, along, planes.AsSpan((c * height + y) * width, width));
        }
    }
}
