using Fae.Core;

namespace Fae.Kernels;

/// <summary>The last rows of a strip, in planes, numbered from the strip's first row.</summary>
public sealed class RowBuffer(int channels, int width)
{
    private float[] values = [];
    private int room;
    private int offset;

    /// <summary>Planes.</summary>
    public int Channels => channels;

    /// <summary>Pixels of a row.</summary>
    public int Width => width;

    /// <summary>The number of the first row that is held.</summary>
    public long First { get; private set; }

    /// <summary>The number of the row after the last one.</summary>
    public long End { get; private set; }

    /// <summary>Adds rows.</summary>
    /// <exception cref="ArgumentException">They have another width or another number of planes.</exception>
    public void Append(Image rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        if (rows.Channels != channels || rows.Width != width)
            throw new ArgumentException(
                $"rows of {rows.Width} pixels in {rows.Channels} planes are none of a strip of {width} in {channels}",
                nameof(rows)
            );
        var at = End;
        Reserve(rows.Height);
        End += rows.Height;
        for (var c = 0; c < channels; c++)
            rows.Pixels.AsSpan(c * rows.Area, rows.Area).CopyTo(values.AsSpan(Place(c, at), rows.Area));
    }

    /// <summary>Adds rows of zeros up to a number.</summary>
    public void ExtendTo(long end)
    {
        var count = (int)Math.Max(0, end - End);
        var at = End;
        Reserve(count);
        End += count;
        for (var c = 0; c < channels; c++)
            values.AsSpan(Place(c, at), count * width).Clear();
    }

    /// <summary>A row of a plane.</summary>
    public Span<float> Row(int channel, long row) => values.AsSpan(Place(channel, row), width);

    /// <summary>A copy of the rows [from, to), of the first planes.</summary>
    public Image Slice(long from, long to, int? planes = null)
    {
        var height = (int)(to - from);
        var count = planes ?? channels;
        var pixels = new float[count * height * width];
        for (var c = 0; c < count; c++)
            values.AsSpan(Place(c, from), height * width).CopyTo(pixels.AsSpan(c * height * width));
        return ImageModule.ofArray(count, height, width, pixels);
    }

    /// <summary>Lets go of the rows before a number.</summary>
    public void DropBefore(long row)
    {
        var dropped = (int)Math.Max(0, Math.Min(row, End) - First);
        First += dropped;
        offset += dropped;
    }

    private int Place(int channel, long row) => (channel * room + offset + (int)(row - First)) * width;

    /// <summary>Makes room for so many more rows: by moving what is held to the front, or into a larger array.</summary>
    private void Reserve(int more)
    {
        var held = (int)(End - First);
        if (offset + held + more <= room)
            return;
        var larger = held + more <= room * 3 / 4 ? room : Math.Max(held + more, (held + more) * 5 / 4);
        var target = larger == room ? values : new float[checked(channels * larger * width)];
        for (var c = 0; c < channels; c++)
            values.AsSpan((c * room + offset) * width, held * width).CopyTo(target.AsSpan(c * larger * width));
        (values, room, offset) = (target, larger, 0);
    }
}
