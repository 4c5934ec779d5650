using Microsoft.ML.OnnxRuntime;

namespace Fae.Detection;

/// <summary>Threads (0: all cores), execution provider (Cpu, Cuda, DirectML, OpenVino, CoreML) and device of a session.</summary>
public sealed record OnnxOptions(int Threads, string Provider, int Device)
{
    /// <summary>Of each provider its name in ONNX Runtime, the package that has it, and how it is asked for on a device.</summary>
    private static readonly Dictionary<string, (string Name, string Package, Action<SessionOptions, int> Append)> Providers = new()
    {
        ["Cpu"] = ("CPUExecutionProvider", "Microsoft.ML.OnnxRuntime", (_, _) => { }),
        ["Cuda"] = ("CUDAExecutionProvider", "Microsoft.ML.OnnxRuntime.Gpu", (o, device) => o.AppendExecutionProvider_CUDA(device)),
        ["DirectML"] = ("DmlExecutionProvider", "Microsoft.ML.OnnxRuntime.DirectML", (o, device) => o.AppendExecutionProvider_DML(device)),
        ["OpenVino"] = ("OpenVINOExecutionProvider", "Intel.ML.OnnxRuntime.OpenVino", (o, _) => o.AppendExecutionProvider_OpenVINO()),
        ["CoreML"] = ("CoreMLExecutionProvider", "Microsoft.ML.OnnxRuntime, on macOS", (o, _) => o.AppendExecutionProvider_CoreML()),
    };

    /// <summary>The processor, all of its cores.</summary>
    public static OnnxOptions Default { get; } = new(0, "Cpu", 0);

    /// <summary>The session's options; the caller disposes of them.</summary>
    /// <exception cref="NotSupportedException">The program's ONNX Runtime lacks the provider, or it found no such device.</exception>
    internal SessionOptions ForSession()
    {
        var options = new SessionOptions
        {
            GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_ALL,
            LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR,
            IntraOpNumThreads = Threads,
        };
        try
        {
            Append(options);
            return options;
        }
        catch (Exception e) when (e is OnnxRuntimeException or EntryPointNotFoundException or DllNotFoundException)
        {
            options.Dispose();
            throw new NotSupportedException($"{Provider} cannot be used on device {Device}: {e.Message.Split('\n')[0]}", e);
        }
        catch
        {
            options.Dispose();
            throw;
        }
    }

    private void Append(SessionOptions options)
    {
        if (!Providers.TryGetValue(Provider, out var provider))
            throw new NotSupportedException($"there is no execution provider {Provider}");
        var available = OrtEnv.Instance().GetAvailableProviders();
        if (!available.Contains(provider.Name))
            throw new NotSupportedException(
                $"the program's ONNX Runtime has no {Provider}: reference the package {provider.Package}; "
                    + $"it has {string.Join(", ", available)}"
            );
        provider.Append(options, Device);
    }
}
