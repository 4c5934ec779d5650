using System.Runtime.InteropServices;
using Fae.Gpu;
using TorchSharp;
using static TorchSharp.torch;

namespace Fae.Training;

/// <summary>
/// Runs the kernels in torch's CUDA context and on torch's memory. Kernels read tensors in place; their scratch memory comes from torch's
/// allocator. Not thread-safe.
/// </summary>
public sealed class CudaMachine : DeviceMachine
{
    private readonly Device place;

    /// <summary>The GPU with this index.</summary>
    /// <exception cref="NotSupportedException">There is no driver, or the GPU is too old.</exception>
    /// <exception cref="CudaException">The driver refuses.</exception>
    public CudaMachine(int ordinal)
        : this(new CudaContext(ordinal), torch.device(TorchSharp.DeviceType.CUDA, ordinal)) { }

    /// <summary>Takes ownership of the driver; it must use the context of this device.</summary>
    /// <exception cref="NotSupportedException">There is no PTX for its architecture.</exception>
    public CudaMachine(IKernelDriver driver, Device place)
        : base(driver) => this.place = place;

    /// <summary>The GPU of a torch device; null with a warning if it cannot run the kernels.</summary>
    public static CudaMachine? Start(Device device, Action<string> warn)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentNullException.ThrowIfNull(warn);
        try
        {
            return new CudaMachine(Math.Max(0, device.index));
        }
        catch (Exception e) when (e is NotSupportedException or CudaException or DllNotFoundException or EntryPointNotFoundException)
        {
            warn($"the GPU runs torch but not Fae's own kernels ({e.Message}): the CPU does their part");
            return null;
        }
    }

    /// <summary>Whether a self-check of the kernels passes. A driver that rejects them counts as a failure.</summary>
    internal static bool Passes(Func<bool> trial, out string why)
    {
        why = "";
        try
        {
            return trial();
        }
        catch (CudaException e)
        {
            why = $" ({e.Message})";
            return false;
        }
    }

    /// <summary>The memory of a contiguous tensor. The tensor must outlive the launches that use it.</summary>
    /// <exception cref="ArgumentException">It is on another device, not contiguous, or not of 32-bit floats.</exception>
    public DeviceSpan Of(Tensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        return tensor.device_type == place.type && tensor.dtype == ScalarType.Float32 && tensor.is_contiguous()
            ? new Memory(DeviceValue.Real, tensor, false).All
            : throw new ArgumentException("kernels take contiguous 32-bit tensors on their own device", nameof(tensor));
    }

    /// <summary>A one-dimensional tensor over a span of this machine's memory.</summary>
    public Tensor View(DeviceSpan span)
    {
        using var flat = ((Memory)span.Memory).Tensor.reshape(-1);
        return flat.narrow(0, span.Offset, span.Length);
    }

    /// <inheritdoc/>
    public override DeviceMemory Rent(DeviceValue type, int length) =>
        new Memory(type, empty(length, dtype: TypeOf(type), device: place).DetachFromDisposeScope(), true);

    /// <inheritdoc/>
    public override DeviceMemory Upload<T>(ReadOnlySpan<T> values)
    {
        var type = DeviceValues.Of<T>();
        using var here = zeros(values.Length, dtype: TypeOf(type));
        var bytes = MemoryMarshal.AsBytes(values);
        bytes.CopyTo(here.bytes);
        return new Memory(type, here.to(place).DetachFromDisposeScope(), true);
    }

    /// <inheritdoc/>
    public override float[] Download(DeviceSpan span)
    {
        using var part = View(span);
        using var here = part.cpu();
        return here.data<float>().ToArray();
    }

    /// <summary>Allocates pinned memory.</summary>
    public nint Pin(long bytes) => Driver.Pin(bytes);

    /// <summary>Releases what <see cref="Pin"/> returned.</summary>
    public void Unpin(nint address) => Driver.Unpin(address);

    /// <summary>
    /// Starts an asynchronous copy from pinned memory to a span. It runs after earlier launches and beside later ones. Neither side may be
    /// used before <see cref="Follow"/> or <see cref="Wait"/> with the returned transfer.
    /// </summary>
    public nint Send(nint from, DeviceSpan to)
    {
        var memory = (Memory)to.Memory;
        return Driver.Send((nint)memory.Address(to.Offset), from, to.Length * memory.Tensor.ElementSize);
    }

    /// <summary>Makes later launches, torch's too, wait for the transfer.</summary>
    public void Follow(nint transfer) => Driver.Follow(transfer);

    /// <summary>Blocks until the transfer has ended and releases it.</summary>
    public void Wait(nint transfer) => Driver.Wait(transfer);

    /// <inheritdoc/>
    protected override long Address(DeviceSpan span) => ((Memory)span.Memory).Address(span.Offset);

    private static ScalarType TypeOf(DeviceValue type) =>
        type switch
        {
            DeviceValue.Real => ScalarType.Float32,
            DeviceValue.LongReal => ScalarType.Float64,
            _ => ScalarType.Int32,
        };

    private sealed class Memory(DeviceValue type, Tensor tensor, bool owned) : DeviceMemory(type, checked((int)tensor.numel()))
    {
        public Tensor Tensor => tensor;

        public long Address(int offset) => THSTensor_data(tensor.Handle) + (long)offset * tensor.ElementSize;

        protected override void Dispose(bool disposing)
        {
            if (disposing && owned)
                tensor.Dispose();
        }
    }

    /// <summary>The address of a tensor's first value. TorchSharp does not expose it for tensors on a GPU.</summary>
    [DllImport("LibTorchSharp", ExactSpelling = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.AssemblyDirectory | DllImportSearchPath.SafeDirectories)]
    private static extern nint THSTensor_data(nint handle);
}
