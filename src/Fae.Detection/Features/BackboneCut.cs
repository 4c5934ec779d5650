using System.Runtime.InteropServices;
using Fae.Core;
using Onnx;
using static Onnx.TensorProto.Types;

namespace Fae.Detection;

/// <summary>
/// Takes the part of a convolutional network's ONNX graph that some of its values need, and folds its batch normalisations.
/// </summary>
internal static class BackboneCut
{
    /// <summary>All names of a backbone start with it, so that they are no names of a detector's graph.</summary>
    private const string Prefix = "backbone.";

    /// <summary>Operations whose result does not depend on a fixed input size, and which the torch executor has too.</summary>
    private static readonly HashSet<string> Known =
    [
        "Conv",
        "BatchNormalization",
        "Relu",
        "Sigmoid",
        "Add",
        "Mul",
        "Concat",
        "MaxPool",
        "AveragePool",
        "GlobalAveragePool",
    ];

    /// <summary>The nodes that the taps need, in order, with their weights; those that change nothing are left out.</summary>
    /// <exception cref="InvalidDataException">A tap is missing, or a node is of an unknown operation.</exception>
    public static (List<NodeProto> Nodes, Dictionary<string, TensorProto> Weights, List<string> Taps) Take(
        GraphProto source,
        IReadOnlyList<string> taps
    )
    {
        var producers = source
            .Node.SelectMany(node => node.Output.Select(output => (output, node)))
            .ToDictionary(p => p.output, p => p.node);
        var missing = taps.FirstOrDefault(tap => !producers.ContainsKey(tap));
        if (missing is not null)
        {
            var last = source.Node.TakeLast(8).Select(node => node.Output[0]);
            throw new InvalidDataException($"it has no value '{missing}' for features.taps; its last values are {string.Join(", ", last)}");
        }
        var weights = source.Initializer.ToDictionary(tensor => tensor.Name);
        foreach (var node in source.Node.Where(node => node.OpType == "Constant" && node.Attribute.Count == 1))
            if (node.Attribute[0].T is { } value)
                weights[node.Output[0]] = value;
        var needed = new HashSet<NodeProto>();
        var open = new Stack<string>(taps);
        while (open.TryPop(out var name))
            if (!weights.ContainsKey(name) && producers.TryGetValue(name, out var node) && needed.Add(node))
                foreach (var input in node.Input)
                    open.Push(input);
        var same = new Dictionary<string, string>();
        string Renamed(string name) => same.GetValueOrDefault(name, name);
        var nodes = new List<NodeProto>();
        foreach (var node in source.Node.Where(needed.Contains))
        {
            if (node.OpType is "Identity" or "Dropout")
            {
                same[node.Output[0]] = Renamed(node.Input[0]);
                continue;
            }
            if (!Known.Contains(node.OpType))
                throw new InvalidDataException(
                    $"its operation {node.OpType} ({node.Name}) is not one of those that features may use: {string.Join(", ", Known)}"
                );
            var copy = node.Clone();
            copy.Input.Clear();
            copy.Input.Add(node.Input.Select(Renamed));
            nodes.Add(copy);
        }
        return (nodes, weights, taps.Select(Renamed).ToList());
    }

    /// <summary>The one input of the nodes that is no weight.</summary>
    /// <exception cref="InvalidDataException">There are several.</exception>
    public static string ImageOf(IReadOnlyList<NodeProto> nodes, IReadOnlyDictionary<string, TensorProto> weights)
    {
        var made = nodes.SelectMany(node => node.Output).ToHashSet();
        var inputs = nodes
            .SelectMany(node => node.Input)
            .Where(name => name.Length > 0 && !made.Contains(name) && !weights.ContainsKey(name))
            .Distinct()
            .ToList();
        return inputs is [var one] ? one : throw new InvalidDataException($"it has {inputs.Count} inputs, not one picture");
    }

    /// <summary>Adds the nodes, each batch normalisation after a convolution folded into it, all names with the prefix.</summary>
    public static void AddFolded(
        GraphProto graph,
        IReadOnlyList<NodeProto> nodes,
        IReadOnlyDictionary<string, TensorProto> weights,
        IReadOnlyCollection<string> taps
    )
    {
        var uses = nodes.SelectMany(node => node.Input).Concat(taps).GroupBy(name => name).ToDictionary(g => g.Key, g => g.Count());
        var norms = nodes.Where(node => node.OpType == "BatchNormalization").ToDictionary(node => node.Input[0]);
        foreach (var node in nodes)
        {
            var folded =
                node.OpType == "Conv" && uses[node.Output[0]] == 1 && norms.TryGetValue(node.Output[0], out var norm) ? norm : null;
            if (folded is not null)
                norms.Remove(node.Output[0]);
            else if (node.OpType == "BatchNormalization" && !norms.ContainsKey(node.Input[0]))
                continue;
            if (node.OpType == "Conv")
                AddConvolution(graph, node, folded, weights);
            else
                AddOther(graph, node, weights);
        }
    }

    /// <summary>γ·(w∗x + b − μ)/√(σ² + ε) + β as a convolution with w·γ/√(σ² + ε).</summary>
    private static void AddConvolution(GraphProto graph, NodeProto node, NodeProto? norm, IReadOnlyDictionary<string, TensorProto> weights)
    {
        var kernel = weights.TryGetValue(node.Input[1], out var found)
            ? found
            : throw new InvalidDataException($"the convolution {node.Output[0]} computes its weights");
        var (values, filters) = (Floats(kernel), (int)kernel.Dims[0]);
        var bias = node.Input.Count > 2 ? Floats(weights[node.Input[2]]) : new float[filters];
        if (norm is not null)
        {
            var epsilon = norm.Attribute.FirstOrDefault(a => a.Name == "epsilon")?.F ?? 1e-5f;
            float[] Of(int input) => Floats(weights[norm.Input[input]]);
            var (gamma, beta, mean, variance) = (Of(1), Of(2), Of(3), Of(4));
            var each = values.Length / filters;
            for (var f = 0; f < filters; f++)
            {
                var scale = gamma[f] / Math.Sqrt((double)variance[f] + epsilon);
                for (var i = f * each; i < (f + 1) * each; i++)
                    values[i] = (float)(values[i] * scale);
                bias[f] = (float)((bias[f] - mean[f]) * scale + beta[f]);
            }
        }
        var output = Prefix + (norm ?? node).Output[0];
        Add(graph, output + ".weight", kernel.Dims, values);
        Add(graph, output + ".bias", [filters], bias);
        AddNode(graph, node, [Prefix + node.Input[0], output + ".weight", output + ".bias"], output);
    }

    private static void AddOther(GraphProto graph, NodeProto node, IReadOnlyDictionary<string, TensorProto> weights)
    {
        foreach (var name in node.Input.Where(weights.ContainsKey))
            if (graph.Initializer.All(tensor => tensor.Name != Prefix + name))
                Add(graph, Prefix + name, weights[name].Dims, Floats(weights[name]));
        AddNode(graph, node, node.Input.Select(name => Prefix + name), Prefix + node.Output[0]);
    }

    private static void AddNode(GraphProto graph, NodeProto node, IEnumerable<string> inputs, string output)
    {
        var added = new NodeProto { OpType = node.OpType, Name = output };
        added.Input.Add(inputs);
        added.Output.Add(output);
        // Attributes of older operation sets that the newest one no longer has.
        added.Attribute.Add(node.Attribute.Where(a => a.Name is not ("spatial" or "momentum" or "consumed_inputs")).Select(a => a.Clone()));
        PadEvenly(added);
        graph.Node.Add(added);
    }

    /// <summary>
    /// Windows of stride two that are padded by one less at the end than at the beginning lose the last place of an odd line, and the
    /// branches of a residual block no longer fit. One more at the end changes nothing on an even line.
    /// </summary>
    private static void PadEvenly(NodeProto node)
    {
        long[] Of(string name) => [.. node.Attribute.FirstOrDefault(a => a.Name == name)?.Ints ?? []];
        var pads = node.Attribute.FirstOrDefault(a => a.Name == "pads")?.Ints;
        if (pads is null || Of("strides") is not [2, 2] || Of("kernel_shape") is not [var height, var width])
            return;
        if (pads[2] == pads[0] - 1 && (pads[0] + pads[2] - height) % 2 == 0)
            pads[2]++;
        if (pads[3] == pads[1] - 1 && (pads[1] + pads[3] - width) % 2 == 0)
            pads[3]++;
    }

    private static void Add(GraphProto graph, string name, IEnumerable<long> shape, float[] values) =>
        graph.Initializer.Add(OnnxGraph.Tensor(name, shape, values));

    /// <summary>Adds (x − mean) / deviation of the picture, its channels in the network's order, under the name of its input.</summary>
    public static void AddNormalisation(GraphProto graph, FeatureSettings settings, string image)
    {
        var value = Backbone.Input;
        void Next(string operation, string argument, string output, params AttributeProto[] attributes)
        {
            var node = new NodeProto { OpType = operation, Name = output };
            node.Input.Add([value, argument]);
            node.Output.Add(output);
            node.Attribute.Add(attributes);
            graph.Node.Add(node);
            value = output;
        }
        if (settings.Order.IsBgr)
        {
            var order = new TensorProto { Name = Prefix + "order", DataType = (int)DataType.Int64 };
            order.Dims.Add(3);
            order.Int64Data.Add([2, 1, 0]);
            graph.Initializer.Add(order);
            Next("Gather", order.Name, Prefix + "ordered", OnnxGraph.Attribute("axis", 1));
        }
        long[] shape = [1, 3, 1, 1];
        Add(graph, Prefix + "mean", shape, [.. settings.Mean]);
        Add(graph, Prefix + "deviation", shape, [.. settings.Deviation]);
        Next("Sub", Prefix + "mean", Prefix + "centred");
        Next("Div", Prefix + "deviation", Prefix + image);
    }

    /// <summary>The name of a value of the source in the backbone.</summary>
    public static string NameOf(string value) => Prefix + value;

    /// <exception cref="InvalidDataException">They are not 32-bit floats, or fewer than their shape says.</exception>
    private static float[] Floats(TensorProto tensor)
    {
        if (tensor.DataType != (int)DataType.Float)
            throw new InvalidDataException($"its array {tensor.Name} is not of 32-bit floats");
        float[] values = tensor.RawData.Length > 0 ? MemoryMarshal.Cast<byte, float>(tensor.RawData.Span).ToArray() : [.. tensor.FloatData];
        return values.Length == tensor.Dims.Aggregate(1L, (a, b) => a * b)
            ? values
            : throw new InvalidDataException($"its array {tensor.Name} is cut off");
    }
}
