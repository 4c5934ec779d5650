using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.InteropServices;
using Fae.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace Fae.Engine;

/// <summary>
/// A GPU that runs the kernels in torch's own context and on torch's own memory: what a tensor holds is given to a kernel where it is, and what kernels need besides is rented from
/// torch's allocator. Not for two threads at once.
/// </summary>
public sealed class CudaMachine : DeviceMachine
{
    private const int Threads = 256;
    private readonly IKernelDriver driver;
    private readonly Device place;
    private readonly Dictionary<string, (PtxKernel Kernel, Lazy<nint> Function)> functions;

    /// <summary>The GPU of this number.</summary>
    /// <exception cref="NotSupportedException">There is no driver, or the GPU is too old; the message says which.</exception>
    /// <exception cref="CudaException">The driver refuses.</exception>
    public CudaMachine(int ordinal)
        : this(new CudaContext(ordinal), torch.device(TorchSharp.DeviceType.CUDA, ordinal))
    {
    }

    /// <summary>A driver, owned from now on, that reaches the memory of this device's tensors.</summary>
    /// <exception cref="NotSupportedException">It asks for an architecture that there is no PTX for.</exception>
    public CudaMachine(IKernelDriver driver, Device place)
    {
        ArgumentNullException.ThrowIfNull(driver);
        this.driver = driver;
        this.place = place;
        var (major, minor) = driver.Capability;
        functions = PtxKernels.Compile(major, minor).ToDictionary(kernel => kernel.Name, kernel => (kernel, new Lazy<nint>(() => driver.Load(kernel))));
    }

    /// <summary>The GPU of a device of torch's; null where it does not run our kernels, and <paramref name="remark"/> is told why.</summary>
    public static CudaMachine? Start(Device device, Action<string> remark)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentNullException.ThrowIfNull(remark);
        try
        {
            return new CudaMachine(Math.Max(0, device.index));
        }
        catch (Exception e) when (e is NotSupportedException or CudaException or DllNotFoundException or EntryPointNotFoundException)
        {
            remark($"the GPU runs torch but not Fae's own kernels ({e.Message}): the CPU does their part");
            return null;
        }
    }

    /// <summary>Whether a trial of the kernels goes well; a driver that refuses them is one way in which it does not.</summary>
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

    /// <summary>Why there is no GPU to run on, as far as the driver knows; null where there is one.</summary>
    public static string? Missing() => CudaDriver.Missing();

    /// <summary>The driver's CUDA version: 13000 is 13.0.</summary>
    public static int DriverVersion() => CudaDriver.Version();

    /// <summary>A contiguous tensor's values where they lie; the tensor must outlive what is launched on them.</summary>
    /// <exception cref="ArgumentException">It lies elsewhere, has gaps, or holds something else than 32-bit floats.</exception>
    public DeviceSpan Of(Tensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        return tensor.device_type == place.type && tensor.dtype == ScalarType.Float32 && tensor.is_contiguous()
            ? new Memory(DeviceValue.Real, tensor, false).All
            : throw new ArgumentException("kernels take contiguous 32-bit tensors on their own device", nameof(tensor));
    }

    /// <summary>The values of a span of its own memory as a tensor of one dimension, which shares them.</summary>
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
        var type = typeof(T) == typeof(float) ? DeviceValue.Real : typeof(T) == typeof(int) ? DeviceValue.Whole : DeviceValue.LongReal;
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

    /// <summary>Memory of this process that can be sent from, for so many bytes.</summary>
    public nint Pin(long bytes) => driver.Pin(bytes);

    /// <summary>Gives back what <see cref="Pin"/> gave.</summary>
    public void Unpin(nint address) => driver.Unpin(address);

    /// <summary>
    /// Begins to send pinned memory to where a span lies, and fills it: after what was launched before, beside what is launched later. Neither may be touched before
    /// <see cref="Follow"/> or <see cref="Wait"/> on the number that comes back.
    /// </summary>
    public nint Send(nint from, DeviceSpan to)
    {
        var memory = (Memory)to.Memory;
        return driver.Send((nint)memory.Address(to.Offset), from, to.Length * memory.Tensor.ElementSize);
    }

    /// <summary>What is launched from now on, by torch too, waits for what is sent.</summary>
    public void Follow(nint transfer) => driver.Follow(transfer);

    /// <summary>Waits for what is sent; its number is over.</summary>
    public void Wait(nint transfer) => driver.Wait(transfer);

    /// <summary>Waits for all that was launched.</summary>
    public void Synchronise() => torch.cuda.synchronize(place);

    internal override void Launch(string kernel, int extent, params object[] arguments)
    {
        if (extent > 0)
            Launch(kernel, ((extent + Threads - 1) / Threads, 1), Threads, arguments.Prepend(extent));
    }

    internal override void LaunchGroups(string kernel, (int X, int Y) groups, int threads, params object[] arguments) => Launch(kernel, groups, threads, arguments);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
            driver.Dispose();
    }

    private static ScalarType TypeOf(DeviceValue type) => type switch
    {
        DeviceValue.Real => ScalarType.Float32,
        DeviceValue.LongReal => ScalarType.Float64,
        _ => ScalarType.Int32,
    };

    /// <summary>The values side by side, each at eight bytes, and the addresses of each, as the driver wants them.</summary>
    private void Launch(string name, (int X, int Y) grid, int threads, IEnumerable<object> arguments)
    {
        var (kernel, function) = functions[name];
        var values = arguments.Select(Bytes).ToList();
        if (!values.Select(value => value.Length).SequenceEqual(kernel.ParameterBytes))
            throw new InvalidOperationException($"{name} takes parameters of {string.Join(", ", kernel.ParameterBytes)} bytes, not {string.Join(", ", values.Select(value => value.Length))}");
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

    /// <summary>A span is its address and its length.</summary>
    private static byte[] Bytes(object argument) => argument switch
    {
        DeviceSpan span => [.. BitConverter.GetBytes(((Memory)span.Memory).Address(span.Offset)), .. BitConverter.GetBytes((long)span.Length)],
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

    /// <summary>The address of a tensor's first value; TorchSharp keeps it to itself for tensors on a GPU.</summary>
    [DllImport("LibTorchSharp", ExactSpelling = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.AssemblyDirectory | DllImportSearchPath.SafeDirectories)]
    private static extern nint THSTensor_data(nint handle);
}
