using System.Reflection;

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

/// <summary>
/// Runs the kernels of <see cref="DeviceKernels"/> and <see cref="SampleKernels"/>. Launches run one after the other. Their arguments are
/// spans, whole numbers and floats, in the order of the kernel's parameters.
/// </summary>
public abstract class DeviceMachine : IDisposable
{
    /// <summary>All kernels by name.</summary>
    internal static IReadOnlyDictionary<string, MethodInfo> Kernels { get; } =
        new[] { typeof(DeviceKernels), typeof(SampleKernels) }
            .SelectMany(type => type.GetMethods(BindingFlags.Public | BindingFlags.Static))
            .ToDictionary(method => method.Name);

    /// <summary>Whether a kernel's first parameter is its index; else it places its threads itself.</summary>
    internal static bool IsIndexed(MethodInfo kernel) => kernel.GetParameters()[0].ParameterType == typeof(ILGPU.Index1D);

    /// <summary>Memory whose content is undefined.</summary>
    public abstract DeviceMemory Rent(DeviceValue type, int length);

    /// <summary>Memory that holds these values.</summary>
    public abstract DeviceMemory Upload<T>(ReadOnlySpan<T> values)
        where T : unmanaged;

    /// <summary>The values of a span of floats, after all that was launched before.</summary>
    public abstract float[] Download(DeviceSpan span);

    /// <summary>Runs a kernel for every index below <paramref name="extent"/>.</summary>
    internal abstract void Launch(string kernel, int extent, params object[] arguments);

    /// <summary>Runs an explicitly grouped kernel: a grid of groups of <paramref name="threads"/> threads.</summary>
    internal abstract void LaunchGroups(string kernel, (int X, int Y) groups, int threads, params object[] arguments);

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Releases everything.</summary>
    protected abstract void Dispose(bool disposing);
}
