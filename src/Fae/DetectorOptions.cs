using Fae.Detection;

namespace Fae;

/// <summary>What computes the network.</summary>
public enum ExecutionProvider
{
    /// <summary>The processor; in every package of ONNX Runtime.</summary>
    Cpu,

    /// <summary>An NVIDIA GPU; the program references Microsoft.ML.OnnxRuntime.Gpu.</summary>
    Cuda,

    /// <summary>A GPU under Windows; the program references Microsoft.ML.OnnxRuntime.DirectML.</summary>
    DirectML,

    /// <summary>Intel's processors and GPUs; the program references Intel.ML.OnnxRuntime.OpenVino.</summary>
    OpenVino,

    /// <summary>Apple's processors; in Microsoft.ML.OnnxRuntime for macOS.</summary>
    CoreML,
}

/// <summary>How a detector computes.</summary>
public sealed record DetectorOptions
{
    /// <summary>The processor, all of its cores.</summary>
    public static DetectorOptions Default { get; } = new();

    /// <summary>Threads of the network on a processor; 0: as many as cores. Decoding and scoring use the thread pool.</summary>
    public int Threads { get; init; }

    /// <summary>What computes the network.</summary>
    public ExecutionProvider Provider { get; init; }

    /// <summary>The number of the GPU.</summary>
    public int Device { get; init; }

    internal OnnxOptions ForOnnx()
    {
        ArgumentOutOfRangeException.ThrowIfNegative(Threads);
        ArgumentOutOfRangeException.ThrowIfNegative(Device);
        return new OnnxOptions(Threads, Provider.ToString(), Device);
    }
}
