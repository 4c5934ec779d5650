using System.Runtime.InteropServices;
using Fae.Gpu;
using TorchSharp;

namespace Fae.Training;

/// <summary>The libtorch of this machine.</summary>
public static class TorchRuntime
{
    /// <summary>The version of TorchSharp.</summary>
    public static string Version => typeof(torch).Assembly.GetName().Version?.ToString(3) ?? "";

    /// <summary>The device of a name: auto, cpu, cuda or cuda:N; null, with the reason, if it is not available.</summary>
    public static (torch.Device? Device, string Problem) Find(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (name == "cpu" || (name == "auto" && !torch.cuda.is_available()))
            return (torch.CPU, "");
        if (name == "auto")
            name = "cuda";
        var index =
            name == "cuda" ? 0
            : name.StartsWith("cuda:", StringComparison.Ordinal) && int.TryParse(name.AsSpan(5), out var n) && n >= 0 ? n
            : -1;
        if (index < 0)
            return (null, $"there is no device '{name}'; use auto, cpu, cuda or cuda:N");
        if (!torch.cuda.is_available())
            return (null, Missing());
        return index < torch.cuda.device_count()
            ? (torch.device(DeviceType.CUDA, index), "")
            : (null, $"this machine has {torch.cuda.device_count()} CUDA device(s), so there is no {name}");
    }

    /// <summary>Why there is no CUDA, in one line: the libtorch, the driver, or the GPU.</summary>
    private static string Missing() =>
        (TorchLibraries.HasCuda, DriverMachine.Missing()) switch
        {
            (false, _) => $"this libtorch is built for the CPU only; name one for CUDA in {TorchLibraries.Variable}, or use --device cpu",
            (true, { } driver) => driver + "; use --device cpu",
            _ => "libtorch finds no GPU that it can use; use --device cpu",
        };

    /// <summary>Loads libtorch from the folder in <see cref="TorchLibraries.Variable"/>. Returns the problem, or null.</summary>
    public static string? UseConfigured() =>
        Environment.GetEnvironmentVariable(TorchLibraries.Variable) is { Length: > 0 } folder ? TorchLibraries.Use(folder) : null;

    /// <summary>
    /// Makes glibc's allocator keep freed memory. By default every large tensor is mapped and unmapped, and a CPU training step spends a
    /// fifth of its time in page faults. The setting is process-wide: call it from programs, not from libraries. No effect without glibc.
    /// </summary>
    public static void KeepFreedMemory()
    {
        const int trimThreshold = -1;
        const int topPad = -2;
        const int mapThreshold = -3;
        try
        {
            _ = mallopt(mapThreshold, 32 << 20);
            _ = mallopt(trimThreshold, int.MaxValue);
            _ = mallopt(topPad, 256 << 20);
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            // Another C library: no change.
        }
    }

    /// <summary>
    /// Sets what libtorch reads from the native environment, which .NET's Environment class does not change, unless the user has set it.
    /// TORCH_CPP_LOG_LEVEL: no warnings ("Could not initialize NNPACK"). OMP_WAIT_POLICY: threads sleep while they wait for each other; by
    /// default they wait busily, and beside a program that keeps the processors busy a training step takes many times as long. Call it
    /// before the first tensor.
    /// </summary>
    public static void SetEnvironment()
    {
        try
        {
            _ = setenv("TORCH_CPP_LOG_LEVEL", "ERROR", 0);
            _ = setenv("OMP_WAIT_POLICY", "passive", 0);
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            // Not Unix: the warnings stay, and the threads wait as they do.
        }
    }

    [DllImport("libc", ExactSpelling = true, CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    private static extern int setenv(string name, string value, int overwrite);

    [DllImport("libc", ExactSpelling = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    private static extern int mallopt(int parameter, int value);

    /// <summary>Makes one tensor and adds it up: null where torch works, else what it said.</summary>
    public static string? Check()
    {
        try
        {
            using var scope = torch.NewDisposeScope();
            return torch.ones(3).sum().item<float>() == 3 ? null : "torch computes wrong sums";
        }
#pragma warning disable CA1031 // a native library can fail to load in many ways; the doctor reports each
        catch (Exception e)
#pragma warning restore CA1031
        {
            return (e.InnerException ?? e).Message.Split('\n')[0];
        }
    }

    /// <summary>Threads that one operator uses.</summary>
    public static int Threads
    {
        get => torch.get_num_threads();
        set => torch.set_num_threads(value);
    }

    /// <summary>Tensors alive in this process: a training must not let it grow.</summary>
    public static long LiveTensors => torch.Tensor.TotalCount;
}
