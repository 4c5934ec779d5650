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
    private const int Threads = 256;
    private readonly IKernelDriver driver;
    private readonly Device place;
    private readonly Dictionary<string, (PtxKernel Kernel, Lazy<nint> Function)> functions;

    /// <summary>The GPU with this index.</summary>
    /// <exception cref="NotSupportedException">There is no driver, or the GPU is too old.</exception>
    /// <exception cref="CudaException">The driver refuses.</exception>
    public CudaMachine(int ordinal)
        : this(new CudaContext(ordinal), torch.device(TorchSharp.DeviceType.CUDA, ordinal)) { }

    /// <summary>Takes ownership of the driver; it must use the context of this device.</summary>
    /// <exception cref="NotSupportedException">There is no PTX for its architecture.</exception>
    public CudaMachine(IKernelDriver driver, Device place)
    {
        ArgumentNullException.ThrowIfNull(driver);
        this.driver = driver;
        this.place = place;
        var (major, minor) = driver.Capability;
        functions = PtxKernels
            .Compile(major, minor)
            .ToDictionary(kernel => kernel.Name, kernel => (kernel, new Lazy<nint>(() => driver.Load(kernel))));
    }

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

    /// <summary>Why the driver finds no GPU; null if there is one.</summary>
    public static string? Missing() => CudaDriver.Missing();

    /// <summary>The driver's CUDA version: 13000 is 13.0.</summary>
    public static int DriverVersion() => CudaDriver.Version();

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
        new Memory(type, zeros(length, dtype: TypeOf(type), device: place).DetachFromDisposeScope(), true);

    /// <inheritdoc/>
    public override DeviceMemory Upload<T>(ReadOnlySpan<T> values)
    {
        var type =
            typeof(T) == typeof(float) ? DeviceValue.Real
            : typeof(T) == typeof(int) ? DeviceValue.Whole
            : DeviceValue.LongReal;
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
    public nint Pin(long bytes) => driver.Pin(bytes);

    /// <summary>Releases what <see cref="Pin"/> returned.</summary>
    public void Unpin(nint address) => driver.Unpin(address);

    /// <summary>
    /// Starts an asynchronous copy from pinned memory to a span. It runs after earlier launches and beside later ones. Neither side may be
    /// used before <see cref="Follow"/> or <see cref="Wait"/> with the returned transfer.
    /// </summary>
    public nint Send(nint from, DeviceSpan to)
    {
        var memory = (Memory)to.Memory;
        return driver.Send((nint)memory.Address(to.Offset), from, to.Length * memory.Tensor.ElementSize);
    }

    /// <summary>Makes later launches, torch's too, wait for the transfer.</summary>
    public void Follow(nint transfer) => driver.Follow(transfer);

    /// <summary>Blocks until the transfer has ended and releases it.</summary>
    public void Wait(nint transfer) => driver.Wait(transfer);

    /// <summary>Blocks until all launches have ended.</summary>
    public void Synchronise() => torch.cuda.synchronize(place);

    internal override void Launch(string kernel, int extent, params object[] arguments)
    {
        if (extent > 0)
            Launch(kernel, ((extent + Threads - 1) / Threads, 1), Threads, arguments.Prepend(extent));
    }

    internal override void LaunchGroups(string kernel, (int X, int Y) groups, int threads, params object[] arguments) =>
        Launch(kernel, groups, threads, arguments);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
            driver.Dispose();
    }

    private static ScalarType TypeOf(DeviceValue type) =>
        type switch
        {
            DeviceValue.Real => ScalarType.Float32,
            DeviceValue.LongReal => ScalarType.Float64,
            _ => ScalarType.Int32,
        };

    /// <summary>The arguments in slots of eight bytes, and an array of their addresses, as cuLaunchKernel expects.</summary>
    private void Launch(string name, (int X, int Y) grid, int threads, IEnumerable<object> arguments)
    {
        var (kernel, function) = functions[name];
        var values = arguments.Select(Bytes).ToList();
        if (!values.Select(value => value.Length).SequenceEqual(kernel.ParameterBytes))
            throw new InvalidOperationException(
                $"{name} takes parameters of {string.Join(", ", kernel.ParameterBytes)} bytes, not "
                    + $"{string.Join(", ", values.Select(value => value.Length))}"
            );
        var room = new long[values.Count * 3];
        var handle = GCHandle.Alloc(room, GCHandleType.Pinned);
        try
        {
            var bytes = MemoryMarshal.AsBytes(room.AsSpan());
            var start = handle.AddrOfPinnedObject();
            for (var i = 0; i < values.Count; i++)
            {
                var at = (values.Count + 2 * i) * sizeof(long);
                room[i] = start + at;
                values[i].CopyTo(bytes[at..]);
            }
            driver.Launch(function.Value, grid, threads, start);
        }
        finally
        {
            handle.Free();
        }
    }

    /// <summary>A span is passed as address and length.</summary>
    private static byte[] Bytes(object argument) =>
        argument switch
        {
            DeviceSpan span =>
            [
                .. BitConverter.GetBytes(((Memory)span.Memory).Address(span.Offset)),
                .. BitConverter.GetBytes((long)span.Length),
            ],
            int number => BitConverter.GetBytes(number),
            float number => BitConverter.GetBytes(number),
            _ => throw new ArgumentException($"a kernel takes no {argument.GetType().Name}", nameof(argument)),
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
