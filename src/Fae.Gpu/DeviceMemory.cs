namespace Fae.Gpu;

/// <summary>The element type of device memory.</summary>
public enum DeviceValue
{
    /// <summary>32-bit floats.</summary>
    Real,

    /// <summary>64-bit floats.</summary>
    LongReal,

    /// <summary>32-bit whole numbers.</summary>
    Whole,
}

/// <summary>The element types of device memory.</summary>
public static class DeviceValues
{
    /// <summary>The element type of a .NET type.</summary>
    /// <exception cref="NotSupportedException">Kernels take none of it.</exception>
    public static DeviceValue Of<T>()
        where T : unmanaged =>
        typeof(T) == typeof(float) ? DeviceValue.Real
        : typeof(T) == typeof(double) ? DeviceValue.LongReal
        : typeof(T) == typeof(int) ? DeviceValue.Whole
        : throw new NotSupportedException($"kernels take no {typeof(T).Name}");

    /// <summary>The bytes of one value.</summary>
    public static int Bytes(DeviceValue type) => type == DeviceValue.LongReal ? sizeof(double) : sizeof(float);
}

/// <summary>A buffer in device memory; dispose it to return it.</summary>
public abstract class DeviceMemory(DeviceValue type, int length) : IDisposable
{
    /// <summary>The element type.</summary>
    public DeviceValue Type => type;

    /// <summary>How many values.</summary>
    public int Length => length;

    /// <summary>All of it.</summary>
    public DeviceSpan All => new(this, 0, length);

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Returns the memory.</summary>
    protected abstract void Dispose(bool disposing);
}

/// <summary>A part of a piece of memory.</summary>
public readonly record struct DeviceSpan(DeviceMemory Memory, int Offset, int Length)
{
    /// <summary>A part of the part.</summary>
    public DeviceSpan Slice(int offset, int length) =>
        offset >= 0 && length >= 0 && offset + length <= Length
            ? new(Memory, Offset + offset, length)
            : throw new ArgumentOutOfRangeException(nameof(offset), $"{offset} + {length} of {Length}");
}
