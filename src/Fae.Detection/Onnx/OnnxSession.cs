using Microsoft.ML.OnnxRuntime;

namespace Fae.Detection;

/// <summary>
/// A session of ONNX Runtime that many threads may use. It is freed when it has been disposed of and the last run has ended; a run after
/// that is an <see cref="ObjectDisposedException"/>, where the native session would end the process.
/// </summary>
internal sealed class OnnxSession : IDisposable
{
    private readonly InferenceSession session;
    private readonly RunOptions options = new();
    private readonly Lock gate = new();
    private int running;
    private bool disposed;

    private OnnxSession(InferenceSession session) => this.session = session;

    /// <summary>
    /// ONNX Runtime can send telemetry; not from here. Its environment is the whole process's, and may be the user's already.
    /// </summary>
    static OnnxSession()
    {
        if (!OrtEnv.IsCreated)
        {
            var quiet = new EnvironmentCreationOptions { logId = "fae", logLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };
            OrtEnv.CreateInstanceWithOptions(ref quiet);
        }
        OrtEnv.Instance().DisableTelemetryEvents();
    }

    /// <summary>A session of a model's bytes, with all optimisations.</summary>
    /// <exception cref="OnnxRuntimeException">It is no ONNX model, or one that cannot be run.</exception>
    /// <exception cref="NotSupportedException">The options ask for a provider that is not there.</exception>
    public static OnnxSession Of(byte[] model, OnnxOptions? wanted = null)
    {
        using var options = (wanted ?? OnnxOptions.Default).ForSession();
        return new OnnxSession(new InferenceSession(model, options));
    }

    /// <summary>Runs the graph and hands its outputs over; they are freed afterwards.</summary>
    /// <exception cref="ObjectDisposedException">It has been disposed of.</exception>
    public T Run<T>(string input, OrtValue value, IReadOnlyCollection<string> outputs, Func<IReadOnlyList<OrtValue>, T> read)
    {
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(disposed, typeof(Detector));
            running++;
        }
        try
        {
            using var results = session.Run(options, [input], [value], outputs);
            return read([.. results]);
        }
        finally
        {
            bool last;
            lock (gate)
                last = --running == 0 && disposed;
            if (last)
                Free();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        bool idle;
        lock (gate)
        {
            if (disposed)
                return;
            disposed = true;
            idle = running == 0;
        }
        if (idle)
            Free();
    }

    private void Free()
    {
        session.Dispose();
        options.Dispose();
    }
}
