using System.Runtime.InteropServices;

namespace Fae.Gpu;

/// <summary>
/// Runs the kernels on memory of the driver's own: on a GPU without libtorch, or in the interpreter of the tests. Freed memory is kept for
/// requests of the same size, because the driver's allocator waits for the device. Not thread-safe.
/// </summary>
public sealed class DriverMachine(IKernelDriver driver) : DeviceMachine(driver)
{
    private readonly Dictionary<long, Stack<nint>> free = [];
    private readonly List<nint> all = [];

    /// <summary>A GPU by its index, in its primary context.</summary>
    /// <exception cref="NotSupportedException">There is no driver, or the GPU is too old.</exception>
    /// <exception cref="CudaException">The driver refuses.</exception>
    public static DriverMachine OfGpu(int ordinal) => new(new CudaContext(ordinal));

    /// <summary>Why the driver finds no GPU; null if there is one.</summary>
    public static string? Missing() => CudaDriver.Missing();

    /// <inheritdoc/>
    public override DeviceMemory Rent(DeviceValue type, int length) => new Memory(this, type, length);

    /// <inheritdoc/>
    public override DeviceMemory Upload<T>(ReadOnlySpan<T> values)
    {
        var memory = new Memory(this, DeviceValues.Of<T>(), values.Length);
        if (values.Length > 0)
            Driver.Write(memory.First, MemoryMarshal.AsBytes(values));
        return memory;
    }

    /// <inheritdoc/>
    public override float[] Download(DeviceSpan span)
    {
        var values = new float[span.Length];
        if (values.Length > 0)
            Driver.Read(MemoryMarshal.AsBytes(values.AsSpan()), (nint)Address(span));
        return values;
    }

    /// <inheritdoc/>
    protected override long Address(DeviceSpan span) =>
        ((Memory)span.Memory).First + (long)span.Offset * DeviceValues.Bytes(span.Memory.Type);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
            foreach (var address in all)
                Driver.Free(address);
        base.Dispose(disposing);
    }

    private nint Take(long bytes)
    {
        if (free.TryGetValue(bytes, out var some) && some.TryPop(out var address))
            return address;
        var found = Driver.Allocate(bytes);
        all.Add(found);
        return found;
    }

    private void Return(long bytes, nint address)
    {
        if (!free.TryGetValue(bytes, out var some))
            free[bytes] = some = new();
        some.Push(address);
    }

    private sealed class Memory(DriverMachine machine, DeviceValue type, int length) : DeviceMemory(type, length)
    {
        private bool isReturned;

        public nint First { get; } = machine.Take(Room(type, length));

        /// <summary>The driver allocates no empty memory.</summary>
        private static long Room(DeviceValue type, int length) => Math.Max(1, (long)length) * DeviceValues.Bytes(type);

        protected override void Dispose(bool disposing)
        {
            if (disposing && !isReturned)
                machine.Return(Room(Type, Length), First);
            isReturned = true;
        }
    }
}
