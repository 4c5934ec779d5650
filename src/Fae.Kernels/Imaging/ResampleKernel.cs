using System.Buffers;
using System.Numerics;
using System.Numerics.Tensors;
using Fae.Core;

namespace Fae.Kernels;

/// <summary>
/// <c>Fae.Core.Resample</c> for pixels as files and cameras hold them, colours side by side: each row is made floats once for all the
/// rows that it goes into, in bands over threads.
/// </summary>
public static class ResampleKernel
{
    /// <summary>Rows of one band: their sums stay in the cache.</summary>
    private const int BandRows = 16;

    /// <summary>The picture at height × width, its values as they come.</summary>
    public static Image Resize(Image image, int height, int width)
    {
        ArgumentNullException.ThrowIfNull(image);
        var planes = new float[image.Channels * height * width];
        for (var c = 0; c < image.Channels; c++)
            Resize<float>(
                image.Pixels.AsMemory(c * image.Area, image.Area),
                1,
                (image.Height, image.Width),
                (image.Height, image.Width),
                planes.AsMemory(c * height * width, height * width),
                (height, width)
            );
        return ImageModule.ofArray(image.Channels, height, width, planes);
    }

    /// <summary>
    /// Writes plane after plane of interleaved pixels at another size, scaled and cut to [0, 1]; false if a value is no number. <paramref
    /// name="shape"/> is of the pixels that are there,
    /// <paramref name="span"/> of what they stand for.
    /// </summary>
    /// <exception cref="ArgumentException">The number of pixels differs from the shape.</exception>
    public static bool Split<T>(
        T[] interleaved,
        int channels,
        (int Height, int Width) shape,
        (double Height, double Width) span,
        float scale,
        Memory<float> planes,
        (int Height, int Width) size
    )
        where T : struct, INumberBase<T>
    {
        ArgumentNullException.ThrowIfNull(interleaved);
        if (
            channels < 1
            || interleaved.Length != (long)channels * shape.Height * shape.Width
            || planes.Length != (long)channels * size.Height * size.Width
        )
            throw new ArgumentException(
                $"{interleaved.Length} values are not {shape.Height}×{shape.Width} pixels of {channels} channels for "
                    + $"{planes.Length} values",
                nameof(planes)
            );
        Resize<T>(interleaved, channels, shape, span, planes, size);
        var finite = true;
        foreach (ref var value in planes.Span)
        {
            finite &= float.IsFinite(value);
            value = Math.Min(1f, Math.Max(0f, scale * value));
        }
        return finite;
    }

    private static void Resize<T>(
        ReadOnlyMemory<T> interleaved,
        int channels,
        (int Height, int Width) shape,
        (double Height, double Width) span,
        Memory<float> planes,
        (int Height, int Width) size
    )
        where T : struct, INumberBase<T>
    {
        var down = Taps(size.Height, span.Height, shape.Height);
        var along = Taps(size.Width, span.Width, shape.Width);
        var row = channels * shape.Width;
        ParallelBands.ForEach(
            size.Height,
            BandRows,
            interleaved.Length,
            (first, last) =>
            {
                var room = ArrayPool<float>.Shared.Rent((BandRows + 1) * row);
                for (var from = first; from < last; from += BandRows)
                {
                    var to = Math.Min(last, from + BandRows);
                    var sums = room.AsSpan(0, (to - from) * row);
                    Down(interleaved.Span, down, from, sums, room.AsSpan(BandRows * row, row));
                    for (var y = from; y < to; y++)
                    for (var c = 0; c < channels; c++)
                        Along(
                            sums.Slice((y - from) * row, row),
                            channels,
                            c,
                            along,
                            planes.Span.Slice((c * size.Height + y) * size.Width, size.Width)
                        );
                }
                ArrayPool<float>.Shared.Return(room);
            }
        );
    }

    /// <summary>The rows from <paramref name="from"/> on, at their own width.</summary>
    private static void Down<T>(
        ReadOnlySpan<T> interleaved,
        (int First, float[] Weights)[] down,
        int from,
        Span<float> sums,
        Span<float> floats
    )
        where T : struct, INumberBase<T>
    {
        var count = sums.Length / floats.Length;
        sums.Clear();
        var some = down.AsSpan(from, count);
        var end = 0;
        foreach (var (first, weights) in some)
            end = Math.Max(end, first + weights.Length);
        for (var j = some[0].First; j < end; j++)
        {
            var source = interleaved.Slice(j * floats.Length, floats.Length);
            for (var i = 0; i < floats.Length; i++)
                floats[i] = float.CreateTruncating(source[i]);
            for (var y = 0; y < count; y++)
                if (j >= some[y].First && j < some[y].First + some[y].Weights.Length)
                {
                    var sum = sums.Slice(y * floats.Length, floats.Length);
                    TensorPrimitives.MultiplyAdd(floats, some[y].Weights[j - some[y].First], sum, sum);
                }
        }
    }

    internal static void Along(ReadOnlySpan<float> row, int channels, int c, (int First, float[] Weights)[] along, Span<float> result)
    {
        for (var x = 0; x < result.Length; x++)
        {
            var (first, weights) = along[x];
            var sum = 0f;
            for (int i = 0, at = first * channels + c; i < weights.Length; i++, at += channels)
                sum += weights[i] * row[at];
            result[x] = sum;
        }
    }

    internal static (int First, float[] Weights)[] Taps(int count, double span, int available) =>
        Resample.taps(count, span, available).Select(taps => (taps.Item1, taps.Item2.Select(w => (float)w).ToArray())).ToArray();
}
