using Fae.Core;
using Microsoft.ML.OnnxRuntime;

namespace Fae.Detection;

/// <summary>
/// The network on a CPU by ONNX Runtime, a third faster than libtorch and much faster to start. Thread-safe.
/// </summary>
public sealed class OnnxNetwork : IReconstructor
{
    private readonly InferenceSession session;
    private readonly RunOptions options = new();

    /// <summary>Whether networks of these settings can be written as a graph.</summary>
    public static bool Knows(NetworkSettings settings) => UNetGraph.Knows(settings);

    /// <summary>A network of these weights.</summary>
    /// <exception cref="System.IO.InvalidDataException">They do not fit the settings.</exception>
    /// <exception cref="System.NotSupportedException">There is no graph for networks of these settings.</exception>
    public OnnxNetwork(NetworkSettings settings, int channels, IEnumerable<NamedArray> weights)
    {
        using var session = new SessionOptions
        {
            GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_ALL,
            LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR,
        };
        this.session = new InferenceSession(UNetGraph.Of(settings, channels, weights), session);
    }

    /// <inheritdoc/>
    public IReadOnlyList<Image> Reconstruct(IReadOnlyList<Image> images) => Batches.Run(images, Forward);

    /// <inheritdoc/>
    public void Dispose()
    {
        session.Dispose();
        options.Dispose();
    }

    private List<Image> Forward(float[] values, long[] shape, Image[] images)
    {
        using var input = OrtValue.CreateTensorValueFromMemory(values, shape);
        using var outputs = session.Run(options, [UNetGraph.Input], [input], [UNetGraph.Output]);
        return Batches.Split(outputs[0].GetTensorDataAsSpan<float>(), images);
    }
}
