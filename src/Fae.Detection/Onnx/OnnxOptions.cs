using Microsoft.ML.OnnxRuntime;

namespace Fae.Detection;

/// <summary>Threads (0: all cores), execution provider (Cpu, Cuda, DirectML, OpenVino, CoreML) and device of a session.</summary>
public sealed record OnnxOptions(int Threads, string Provider, int Device)
{
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
        var (name, package) = Provider switch
        {
            "Cpu" => ("CPUExecutionProvider", "Microsoft.ML.OnnxRuntime"),
            "Cuda" => ("CUDAExecutionProvider", "Microsoft.ML.OnnxRuntime.Gpu"),
            "DirectML" => ("DmlExecutionProvider", "Microsoft.ML.OnnxRuntime.DirectML"),
            "OpenVino" => ("OpenVINOExecutionProvider", "Intel.ML.OnnxRuntime.OpenVino"),
            "CoreML" => ("CoreMLExecutionProvider", "Microsoft.ML.OnnxRuntime, on macOS"),
            _ => throw new NotSupportedException($"there is no execution provider {Provider}"),
        };
        var available = OrtEnv.Instance().GetAvailableProviders();
        if (!available.Contains(name))
            throw new NotSupportedException(
                $"the program's ONNX Runtime has no {Provider}: reference the package {package}; it has {string.Join(", ", available)}"
            );
        switch (Provider)
        {
            case "Cuda":
                options.AppendExecutionProvider_CUDA(Device);
                break;
            case "DirectML":
                options.AppendExecutionProvider_DML(Device);
                break;
            case "OpenVino":
                options.AppendExecutionProvider_OpenVINO();
                break;
            case "CoreML":
                options.AppendExecutionProvider_CoreML();
                break;
            default:
                break;
        }
    }
}
