using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;

namespace Fae.Gpu;

/// <summary>
/// ILGPU's CPU accelerator, for tests: it runs the same kernels as a GPU, slowly. Not thread-safe.
/// </summary>
public sealed class EmulatedMachine : DeviceMachine
{
    private readonly Context context;
    private readonly Accelerator accelerator;
    private readonly Dictionary<string, Kernel> kernels = [];

    /// <summary>An accelerator with warps as NVIDIA's are.</summary>
    public EmulatedMachine()
    {
        context = Context.Create(builder => builder.CPU(CPUDeviceKind.Nvidia));
        accelerator = context.CreateCPUAccelerator(0);
    }

    /// <inheritdoc/>
    public override DeviceMemory Rent(DeviceValue type, int length)
    {
        return type switch
        {
            DeviceValue.Real => Zeros<float>(),
            DeviceValue.LongReal => Zeros<double>(),
            _ => Zeros<int>(),
        };

        Memory Zeros<T>()
            where T : unmanaged
        {
            var buffer = accelerator.Allocate1D<T>(length);
            buffer.MemSetToZero();
            return new Memory(type, length, buffer);
        }
    }

    /// <inheritdoc/>
    public override DeviceMemory Upload<T>(ReadOnlySpan<T> values)
    {
        var type =
            typeof(T) == typeof(float) ? DeviceValue.Real
            : typeof(T) == typeof(int) ? DeviceValue.Whole
            : DeviceValue.LongReal;
        var buffer = accelerator.Allocate1D<T>(values.Length);
        buffer.CopyFromCPU(values.ToArray());
        return new Memory(type, values.Length, buffer);
    }

    /// <inheritdoc/>
    public override float[] Download(DeviceSpan span)
    {
        accelerator.Synchronize();
        var all = ((MemoryBuffer1D<float, Stride1D.Dense>)((Memory)span.Memory).Buffer).GetAsArray1D();
        return all.AsSpan(span.Offset, span.Length).ToArray();
    }

    internal override void Launch(string kernel, int extent, params object[] arguments) =>
        Of(kernel).Launch(accelerator.DefaultStream, new Index1D(extent), Views(arguments));

    internal override void LaunchGroups(string kernel, (int X, int Y) groups, int threads, params object[] arguments) =>
        Of(kernel)
            .Launch(
                accelerator.DefaultStream,
                new KernelConfig(new Index2D(groups.X, groups.Y), new Index2D(threads, 1)),
                Views(arguments)
            );

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (!disposing)
            return;
        foreach (var kernel in kernels.Values)
            kernel.Dispose();
        accelerator.Dispose();
        context.Dispose();
    }

    private static object[] Views(object[] arguments) =>
        arguments.Select(argument => argument is DeviceSpan span ? View(span) : argument).ToArray();

    private static object View(DeviceSpan span)
    {
        object Of<T>()
            where T : unmanaged =>
            ((MemoryBuffer1D<T, Stride1D.Dense>)((Memory)span.Memory).Buffer).View.BaseView.SubView(span.Offset, span.Length);
        return span.Memory.Type switch
        {
            DeviceValue.Real => Of<float>(),
            DeviceValue.LongReal => Of<double>(),
            _ => Of<int>(),
        };
    }

    private Kernel Of(string name)
    {
        if (kernels.TryGetValue(name, out var kernel))
            return kernel;
        var method = Kernels[name];
        return kernels[name] = IsIndexed(method) ? accelerator.LoadAutoGroupedKernel(method) : accelerator.LoadKernel(method);
    }

    private sealed class Memory(DeviceValue type, int length, MemoryBuffer buffer) : DeviceMemory(type, length)
    {
        public MemoryBuffer Buffer => buffer;

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                buffer.Dispose();
        }
    }
}
