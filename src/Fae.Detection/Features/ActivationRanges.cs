using Fae.Core;
using Microsoft.ML.OnnxRuntime;
using static Onnx.TensorProto.Types;

namespace Fae.Detection;

/// <summary>Measures the least and the largest value of a backbone's activations.</summary>
internal static class ActivationRanges
{
    private const string Input = "image";

    /// <summary>Of each value, over all pictures seen at all scales.</summary>
    public static IReadOnlyList<(float Low, float High)> Measure(
        Backbone backbone,
        IReadOnlyList<string> values,
        int channels,
        IReadOnlyList<float> scales,
        IReadOnlyList<Image> pictures
    ) =>
        scales
            .SelectMany(scale => At(scale, backbone, values, channels, pictures))
            .Aggregate((all, next) => all.Zip(next, (a, b) => (Math.Min(a.Low, b.Low), Math.Max(a.High, b.High))).ToList());

    private static IEnumerable<List<(float Low, float High)>> At(
        float scale,
        Backbone backbone,
        IReadOnlyList<string> values,
        int channels,
        IReadOnlyList<Image> pictures
    )
    {
        var graph = new OnnxGraph();
        var image = graph.Input(Input, DataType.Float, 1, channels, "height", "width");
        EmbeddingGraph.Stages(graph, EmbeddingGraph.Scaled(graph, image, scale), channels, backbone);
        var outputs = new List<string>();
        foreach (var value in values)
        foreach (var end in new[] { "ReduceMin", "ReduceMax" })
        {
            outputs.Add($"{end}.{value}");
            graph.Output(outputs[^1], DataType.Float, graph.Node(end, [value], ("keepdims", 0)));
        }
        using var session = OnnxSession.Of(graph.ToModel("FaeActivations"));
        // All values that a picture can have are in range, also where good pictures are dark.
        var (height, width) = (pictures[0].Height, pictures[0].Width);
        var ends = new[] { 0f, 1f }.Select(grey => ImageModule.constant(channels, height, width, grey));
        foreach (var picture in pictures.Concat(ends))
        {
            using var input = OrtValue.CreateTensorValueFromMemory(picture.Pixels, [1, channels, picture.Height, picture.Width]);
            yield return session.Run(
                Input,
                input,
                outputs,
                found => found.Chunk(2).Select(pair => (Number(pair[0]), Number(pair[1]))).ToList()
            );
        }
    }

    private static float Number(OrtValue value) => value.GetTensorDataAsSpan<float>()[0];
}
