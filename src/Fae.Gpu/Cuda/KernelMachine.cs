namespace Fae.Gpu;

/// <summary>
/// Runs the kernels' PTX through a driver. The memory that they work on belongs to the derived class: torch's, or the driver's own. Not
/// thread-safe.
/// </summary>
public abstract class KernelMachine : DeviceMachine
{
    private const int Threads = 256;
    private readonly Dictionary<string, (PtxKernel Kernel, Lazy<nint> Function)> functions;

    /// <summary>Takes ownership of the driver.</summary>
    /// <exception cref="NotSupportedException">There is no PTX for its architecture.</exception>
    protected KernelMachine(IKernelDriver driver)
    {
        ArgumentNullException.ThrowIfNull(driver);
        Driver = driver;
        var (major, minor) = driver.Capability;
        functions = PtxKernels
            .Compile(major, minor)
            .ToDictionary(kernel => kernel.Name, kernel => (kernel, new Lazy<nint>(() => driver.Load(kernel))));
    }

    /// <summary>What loads and launches.</summary>
    protected IKernelDriver Driver { get; }

    /// <summary>Blocks until all launches have ended.</summary>
    public void Synchronise() => Driver.Synchronise();

    /// <summary>The address of a span's first value in device memory.</summary>
    protected abstract long Address(DeviceSpan span);

    internal override void Launch(string kernel, int extent, params object[] arguments)
    {
        if (extent > 0)
            Launch(kernel, ((extent + Threads - 1) / Threads, 1), Threads, [extent, .. arguments]);
    }

    internal override void LaunchGroups(string kernel, (int X, int Y) groups, int threads, params object[] arguments) =>
        Launch(kernel, groups, threads, arguments);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
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
