using Fae.Core;
using Google.Protobuf;
using Onnx;

namespace Fae.Detection;

/// <summary>
/// A backbone whose convolutions compute in eight bits: weights as 7-bit numbers by filter, activations as bytes by tensor
/// (<c>Fae.Core.Quantisation</c>). The graph has pairs of QuantizeLinear and DequantizeLinear around them, which ONNX Runtime fuses.
/// Operations other than Conv, Relu, MaxPool and Add stay as they are.
/// </summary>
internal static class BackboneQuantiser
{
    /// <summary>
    /// Activations of defects may be larger than those of the good pictures that the ranges are measured on: by this factor before they
    /// are cut off.
    /// </summary>
    private const float Headroom = 1.25f;

    /// <summary>The backbone in eight bits, by the ranges of its activations on good pictures.</summary>
    /// <param name="backbone">In 32-bit floats.</param>
    /// <param name="channels">Of the pictures, 1 or 3.</param>
    /// <param name="scales">At which the pictures are seen.</param>
    /// <param name="pictures">Prepared good pictures; they are read once for each scale.</param>
    public static Backbone Quantise(Backbone backbone, int channels, IReadOnlyList<float> scales, IReadOnlyList<Image> pictures)
    {
        var plan = QuantisationPlan.Of(backbone.Graph);
        var ranges = ActivationRanges.Measure(backbone, plan.Activations, channels, scales, pictures);
        ByteScale ScaleOf(string value, (float Low, float High) range)
        {
            var factor = plan.Bounded.Contains(value) ? 1 : Headroom;
            return Quantisation.ofRange(factor * range.Low, factor * range.High);
        }
        var byName = plan.Activations.Zip(ranges).ToDictionary(pair => pair.First, pair => ScaleOf(pair.First, pair.Second));
        return Backbone.Of(Rewritten(backbone.Model, plan, byName).ToByteArray());
    }

    private static ModelProto Rewritten(ModelProto source, QuantisationPlan plan, Dictionary<string, ByteScale> scales)
    {
        var weights = source.Graph.Initializer.ToDictionary(array => array.Name);
        var graph = new GraphProto { Name = source.Graph.Name };
        var target = new QuantisedGraph(graph);
        string Read(string name) => scales.ContainsKey(name) ? QuantisedGraph.Dequantised(name) : name;
        foreach (var node in source.Graph.Node)
        {
            var copy = node.Clone();
            copy.Input.Clear();
            copy.Input.Add(node.Input.Select(Read));
            if (node.OpType == "Conv" && plan.Quantised.Contains(node.Output[0]))
                target.AddWeights(copy, weights, scales[node.Input[0]].Scale);
            target.Add(copy);
            foreach (var made in node.Output.Where(scales.ContainsKey))
                target.AddRounding(made, scales[made]);
        }
        target.AddOthers(source.Graph.Initializer);
        var model = source.Clone();
        model.Graph = graph;
        graph.Input.Add(source.Graph.Input);
        foreach (var stage in source.Graph.Output)
        {
            var output = stage.Clone();
            output.Name = Read(stage.Name);
            graph.Output.Add(output);
        }
        return model;
    }
}
