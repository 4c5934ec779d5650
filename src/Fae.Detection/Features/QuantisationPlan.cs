using Onnx;

namespace Fae.Detection;

/// <summary>What of a backbone is computed in eight bits.</summary>
/// <param name="Quantised">Outputs of the convolutions and sums that are.</param>
/// <param name="Activations">The values that are held as bytes.</param>
/// <param name="Bounded">Those of them that are no sums of products: the picture itself.</param>
internal sealed record QuantisationPlan(IReadOnlySet<string> Quantised, IReadOnlyList<string> Activations, IReadOnlySet<string> Bounded)
{
    /// <summary>All convolutions, and all sums of activations.</summary>
    public static QuantisationPlan Of(GraphProto graph)
    {
        var weights = graph.Initializer.ToDictionary(array => array.Name);
        var readers = graph
            .Node.SelectMany(node => node.Input.Select(input => (input, node)))
            .ToLookup(pair => pair.input, pair => pair.node);
        var stages = graph.Output.Select(output => output.Name).ToHashSet();
        bool IsQuantised(NodeProto node) =>
            node.OpType switch
            {
                "Conv" => true,
                "Add" => !node.Input.Any(weights.ContainsKey),
                _ => false,
            };
        // What a ReLU alone reads is never written down.
        string Written(string output) =>
            !stages.Contains(output) && readers[output].ToList() is [{ OpType: "Relu" } relu] ? relu.Output[0] : output;
        var quantised = graph.Node.Where(IsQuantised).ToList();
        var activations = quantised
            .SelectMany(node => node.Input.Where(input => !weights.ContainsKey(input)).Append(Written(node.Output[0])))
            .Distinct()
            .ToList();
        var bounded = graph.Node.Where(node => node.OpType is "Sub" or "Div" or "Gather" or "Sigmoid").Select(node => node.Output[0]);
        return new(quantised.Select(node => node.Output[0]).ToHashSet(), activations, bounded.ToHashSet());
    }
}
