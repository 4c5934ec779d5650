using Fae.Core;
using Microsoft.ML.OnnxRuntime;

namespace Fae.Detection;

/// <summary>The outputs of an exported graph for one picture.</summary>
public sealed record OnnxFinding(float Score, float PValue, bool Anomalous, Image Heatmap, Image Reconstruction);

/// <summary>A self-check picture, the graph's outputs for it, and the model's p-value of the graph's score.</summary>
public sealed record SelfCheckResult(SelfCheckPicture Picture, OnnxFinding Finding, double PValue)
{
    /// <summary>
    /// How far the graph's score is from the model's, in units of the model's; 1 where its p-value is not that of its score.
    /// </summary>
    public double Deviation =>
        Math.Abs(Finding.PValue - PValue) > 1e-6
            ? 1
            : Math.Abs((double)Finding.Score - Picture.Score) / Math.Max(Math.Abs(Picture.Score), 1e-12);
}

/// <summary>
/// A whole detector as an ONNX model, from bytes of a camera to the verdict; see <see cref="DetectorGraph"/>. Thread-safe.
/// </summary>
public sealed class OnnxDetector : IDisposable
{
    private readonly OnnxSession session;

    /// <summary>Of a model that <see cref="Export"/> made.</summary>
    /// <exception cref="OnnxRuntimeException">It is no ONNX model.</exception>
    public OnnxDetector(byte[] model) => session = OnnxSession.Of(model);

    /// <summary>The model's bytes; models with tiles need the shape of the camera's pictures.</summary>
    /// <exception cref="System.IO.InvalidDataException">The weights do not fit the configuration.</exception>
    /// <exception cref="NotSupportedException">Such a model cannot be exported; the message says why.</exception>
    public static byte[] Export(ModelCard card, IReadOnlyList<NamedArray> weights, (int Height, int Width)? camera = null)
    {
        ArgumentNullException.ThrowIfNull(card);
        return DetectorGraph.Of(card, weights, camera);
    }

    /// <summary>
    /// Compares the graph with the model's self-check pictures. One that is fixed to a camera's shape is made anew for probes of another.
    /// </summary>
    public static IReadOnlyList<SelfCheckResult> CheckExport(
        byte[] model,
        ModelCard card,
        IReadOnlyList<NamedArray> weights,
        (int Height, int Width)? camera
    )
    {
        ArgumentNullException.ThrowIfNull(card);
        using var written = new OnnxDetector(model);
        OnnxFinding Ask(OnnxDetector detector, SelfCheckPicture picture) =>
            DetectorGraph.TakesBytes(card.Config)
                ? detector.Inspect(picture.Pixels, 1, picture.Height, picture.Width, picture.Channels)[0]
                : detector.Inspect(Values(card.Config, picture), 1, picture.Height, picture.Width, picture.Channels)[0];
        OnnxFinding AskAnew(SelfCheckPicture picture)
        {
            using var anew = new OnnxDetector(Export(card, weights, (picture.Height, picture.Width)));
            return Ask(anew, picture);
        }

        return card
            .SelfCheck.Select(picture =>
            {
                var finding = camera is null || camera == (picture.Height, picture.Width) ? Ask(written, picture) : AskAnew(picture);
                return new SelfCheckResult(picture, finding, Conformal.pValue(card.Calibration.HeldOut, finding.Score));
            })
            .ToList();
    }

    /// <summary>The values that a picture would have had to become these bytes.</summary>
    private static float[] Values(Config config, SelfCheckPicture picture)
    {
        var (low, high) = DetectorGraph.Range(config);
        return Array.ConvertAll(picture.Pixels, value => low + (high - low) * value / 255f);
    }

    /// <summary>
    /// Pictures of one shape, one after the other: count × height × width × channels bytes, or floats for models of other values.
    /// </summary>
    public IReadOnlyList<OnnxFinding> Inspect<T>(T[] pixels, int count, int height, int width, int channels)
        where T : unmanaged
    {
        using var input = OrtValue.CreateTensorValueFromMemory(pixels, [count, height, width, channels]);
        string[] wanted =
        [
            DetectorGraph.Score,
            DetectorGraph.PValue,
            DetectorGraph.Anomalous,
            DetectorGraph.Heatmap,
            DetectorGraph.Reconstruction,
        ];
        return session.Run(DetectorGraph.Images, input, wanted, outputs => Findings(outputs, count));
    }

    private static List<OnnxFinding> Findings(IReadOnlyList<OrtValue> outputs, int count)
    {
        var scores = outputs[0].GetTensorDataAsSpan<float>().ToArray();
        var shares = outputs[1].GetTensorDataAsSpan<float>().ToArray();
        var verdicts = outputs[2].GetTensorDataAsSpan<bool>().ToArray();
        var (heatmaps, reconstructions) = (Planes(outputs[3]), Planes(outputs[4]));
        return Enumerable
            .Range(0, count)
            .Select(i => new OnnxFinding(scores[i], shares[i], verdicts[i], heatmaps[i], reconstructions[i]))
            .ToList();
    }

    /// <inheritdoc/>
    public void Dispose() => session.Dispose();

    /// <summary>(N, C, H, W) apart.</summary>
    private static List<Image> Planes(OrtValue value)
    {
        var shape = value.GetTensorTypeAndShape().Shape.Select(n => (int)n).ToArray();
        var all = value.GetTensorDataAsSpan<float>().ToArray();
        return all.Chunk(shape[1] * shape[2] * shape[3])
            .Select(pixels => ImageModule.ofArray(shape[1], shape[2], shape[3], pixels))
            .ToList();
    }
}
