using Fae.Core;
using Microsoft.ML.OnnxRuntime;
using static Onnx.TensorProto.Types;

namespace Fae.Detection;

/// <summary>Patch embeddings of pictures by ONNX Runtime: <c>Fae.Core.Embedding</c> of a backbone's stages. Thread-safe.</summary>
public sealed class FeatureExtractor : IDisposable
{
    private const string Input = "image";
    private const string Output = "embedding";
    private readonly OnnxSession session;

    /// <summary>Of pictures of one or three channels, seen at a scale in (0, 1].</summary>
    /// <exception cref="InvalidDataException">The backbone does not run.</exception>
    public FeatureExtractor(Backbone backbone, int channels, float scale = 1)
    {
        ArgumentNullException.ThrowIfNull(backbone);
        var graph = new OnnxGraph();
        var image = graph.Input(Input, DataType.Float, "batch", channels, "height", "width");
        var embedding = EmbeddingGraph.Append(graph, EmbeddingGraph.Scaled(graph, image, scale), channels, backbone);
        graph.Output(Output, DataType.Float, embedding, "batch", "dimensions", "rows", "columns");
        session = OnnxSession.Of(graph.ToModel("FaeFeatures"));
    }

    /// <summary>(d, h, w) of each picture; they have one size.</summary>
    public IReadOnlyList<Image> Embed(IReadOnlyList<Image> images) => Batches.Run(images, Forward);

    /// <inheritdoc/>
    public void Dispose() => session.Dispose();

    private List<Image> Forward(float[] values, long[] shape, Image[] images)
    {
        using var input = OrtValue.CreateTensorValueFromMemory(values, shape);
        return session.Run(Input, input, [Output], outputs => Embeddings(outputs[0], images.Length));
    }

    private static List<Image> Embeddings(OrtValue output, int count)
    {
        var sides = output.GetTensorTypeAndShape().Shape;
        var (d, h, w) = ((int)sides[1], (int)sides[2], (int)sides[3]);
        var all = output.GetTensorDataAsSpan<float>();
        var embeddings = new List<Image>();
        for (var i = 0; i < count; i++)
            embeddings.Add(ImageModule.ofArray(d, h, w, all.Slice(i * d * h * w, d * h * w).ToArray()));
        return embeddings;
    }
}
