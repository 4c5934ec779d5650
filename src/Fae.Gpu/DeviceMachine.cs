using System.Reflection;

namespace Fae.Gpu;

/// <summary>
/// Runs the kernels of <see cref="DeviceKernels"/> and <see cref="SampleKernels"/> as PTX through a driver. Launches run one after the
/// other. Their arguments are spans, whole numbers and floats, in the order of the kernel's parameters. The memory that they work on
/// belongs to the derived class: torch's, or the driver's own. Not thread-safe.
/// </summary>
public abstract class DeviceMachine : IDisposable
{
    private const int Threads = 256;
    private readonly Dictionary<string, (PtxKernel Kernel, Lazy<nint> Function)> functions;

    /// <summary>Takes ownership of the driver.</summary>
    /// <exception cref="NotSupportedException">There is no PTX for its architecture.</exception>
    protected DeviceMachine(IKernelDriver driver)
    {
        ArgumentNullException.ThrowIfNull(driver);
        Driver = driver;
        var (major, minor) = driver.Capability;
        functions = PtxKernels
            .Compile(major, minor)
            .ToDictionary(kernel => kernel.Name, kernel => (kernel, new Lazy<nint>(() => driver.Load(kernel))));
    }

    /// <summary>All kernels by name.</summary>
    internal static IReadOnlyDictionary<string, MethodInfo> Kernels { get; } =
        new[] { typeof(DeviceKernels), typeof(SampleKernels) }
            .SelectMany(type => type.GetMethods(BindingFlags.Public | BindingFlags.Static))
            .ToDictionary(method => method.Name);

    /// <summary>Whether a kernel's first parameter is its index; else it places its threads itself.</summary>
    internal static bool IsIndexed(MethodInfo kernel) => kernel.GetParameters()[0].ParameterType == typeof(ILGPU.Index1D);

    /// <summary>What loads and launches.</summary>
    protected IKernelDriver Driver { get; }

    /// <summary>Memory whose content is undefined.</summary>
    public abstract DeviceMemory Rent(DeviceValue type, int length);

    /// <summary>Memory that holds these values.</summary>
    public abstract DeviceMemory Upload<T>(ReadOnlySpan<T> values)
        where T : unmanaged;

    /// <summary>The values of a span of floats, after all that was launched before.</summary>
    public abstract float[] Download(DeviceSpan span);

    /// <summary>Blocks until all launches have ended.</summary>
    public void Synchronise() => Driver.Synchronise();

    /// <summary>Runs a kernel for every index below <paramref name="extent"/>.</summary>
    internal void Launch(string kernel, int extent, params object[] arguments)
    {
        if (extent > 0)
            Launch(kernel, ((extent + Threads - 1) / Threads, 1), Threads, [extent, .. arguments]);
    }

    /// <summary>Runs an explicitly grouped kernel: a grid of groups of <paramref name="threads"/> threads.</summary>
    internal void LaunchGroups(string kernel, (int X, int Y) groups, int threads, params object[] arguments) =>
        Launch(kernel, groups, threads, arguments.AsSpan());

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>The address of a span's first value in device memory.</summary>
    protected abstract long Address(DeviceSpan span);

    /// <summary>Releases everything.</summary>
    protected virtual void Dispose(bool disposing)
    {
        if (disposing)
            Driver.Dispose();
    }

    /// <summary>
    /// The arguments in slots of sixteen bytes, and an array of their addresses, as cuLaunchKernel expects. No allocation but the boxes
    /// of the arguments: on a GPU a launch takes less time than the collector would.
    /// </summary>
    private unsafe void Launch(string name, (int X, int Y) grid, int threads, ReadOnlySpan<object> arguments)
    {
        var (kernel, function) = functions[name];
        var sizes = kernel.ParameterBytes;
        if (arguments.Length != sizes.Count)
            throw new InvalidOperationException($"{name} takes {sizes.Count} parameters, not {arguments.Length}");
        var values = stackalloc long[2 * arguments.Length];
        var addresses = stackalloc nint[arguments.Length];
        for (var i = 0; i < arguments.Length; i++)
        {
            addresses[i] = (nint)(values + 2 * i);
            var bytes = Write(arguments[i], values + 2 * i);
            if (bytes != sizes[i])
                throw new InvalidOperationException($"parameter {i} of {name} has {sizes[i]} bytes, not {bytes}");
        }
        Driver.Launch(function.Value, grid, threads, (nint)addresses);
    }

    /// <summary>A span is passed as address and length. How many bytes were written.</summary>
    private unsafe int Write(object argument, long* slot)
    {
        switch (argument)
        {
            case DeviceSpan span:
                (slot[0], slot[1]) = (Address(span), span.Length);
                return 2 * sizeof(long);
            case int number:
                *(int*)slot = number;
                return sizeof(int);
            case float number:
                *(float*)slot = number;
                return sizeof(float);
            default:
                throw new ArgumentException($"a kernel takes no {argument.GetType().Name}", nameof(argument));
        }
    }
}
