using Fae.Detection;
using Onnx;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Fae.Training;

/// <summary>
/// A backbone in torch, node by node: the same weights as ONNX Runtime's session. (N, C, H, W) in [0, 1] → its stages. Frozen: its arrays
/// are no parameters, so that no optimiser sees them.
/// </summary>
internal sealed class TorchBackbone : IDisposable
{
    private readonly List<NodeProto> nodes;
    private readonly Dictionary<string, Tensor> weights;
    private readonly List<string> stages;

    public TorchBackbone(Backbone backbone, Device device)
    {
        nodes = [.. backbone.Graph.Node];
        stages = [.. backbone.Stages];
        weights = backbone.Graph.Initializer.ToDictionary(
            array => array.Name,
            array => TensorOf(array).to(device).DetachFromDisposeScope()
        );
    }

    /// <summary>The stages of a batch of pictures of one or three channels.</summary>
    public IReadOnlyList<Tensor> Forward(Tensor images)
    {
        using var off = no_grad();
        using var scope = NewDisposeScope();
        var values = new Dictionary<string, Tensor>(weights)
        {
            [Backbone.Input] = images.shape[1] == 1 ? images.expand(-1, 3, -1, -1) : images,
        };
        foreach (var node in nodes)
            values[node.Output[0]] = Run(node, node.Input.Select(name => values[name]).ToList());
        return stages.Select(stage => values[stage].MoveToOuterDisposeScope()).ToList();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var weight in weights.Values)
            weight.Dispose();
    }

    private static Tensor Run(NodeProto node, List<Tensor> inputs)
    {
        var x = inputs[0];
        return node.OpType switch
        {
            "Conv" => functional.conv2d(
                Padded(node, x, 0),
                inputs[1],
                inputs.Count > 2 ? inputs[2] : null,
                strides: Ints(node, "strides", 1),
                dilation: Ints(node, "dilations", 1),
                groups: Int(node, "group", 1)
            ),
            "BatchNormalization" => functional.batch_norm(x, inputs[3], inputs[4], inputs[1], inputs[2], false, 0, Epsilon(node)),
            "Relu" => functional.relu(x),
            "Sigmoid" => x.sigmoid(),
            "Add" => x.add(inputs[1]),
            "Sub" => x.sub(inputs[1]),
            "Mul" => x.mul(inputs[1]),
            "Div" => x.div(inputs[1]),
            "Gather" => x.index_select(Int(node, "axis", 0), inputs[1]),
            "Concat" => cat(inputs, Int(node, "axis", 1)),
            "MaxPool" => functional.max_pool2d(
                Padded(node, x, double.NegativeInfinity),
                Ints(node, "kernel_shape", 1),
                Ints(node, "strides", 1)
            ),
            "AveragePool" => functional.avg_pool2d(
                x,
                Ints(node, "kernel_shape", 1),
                Ints(node, "strides", 1),
                Ints(node, "pads", 0)[..2],
                count_include_pad: Int(node, "count_include_pad", 0) != 0
            ),
            "GlobalAveragePool" => x.mean([2, 3], keepdim: true),
            var other => throw new InvalidDataException($"the backbone's operation {other} is not known to torch here"),
        };
    }

    /// <summary>ONNX pads at each end by its own number: top, left, bottom, right.</summary>
    private static Tensor Padded(NodeProto node, Tensor x, double value)
    {
        var pads = node.Attribute.FirstOrDefault(a => a.Name == "pads")?.Ints.ToArray() ?? [0, 0, 0, 0];
        return pads.All(n => n == 0) ? x : functional.pad(x, [pads[1], pads[3], pads[0], pads[2]], TorchSharp.PaddingModes.Constant, value);
    }

    private static long Int(NodeProto node, string name, long absent) => node.Attribute.FirstOrDefault(a => a.Name == name)?.I ?? absent;

    private static long[] Ints(NodeProto node, string name, long absent) =>
        node.Attribute.FirstOrDefault(a => a.Name == name)?.Ints.ToArray() ?? [absent, absent];

    private static double Epsilon(NodeProto node) => node.Attribute.FirstOrDefault(a => a.Name == "epsilon")?.F ?? 1e-5;

    private static Tensor TensorOf(TensorProto array)
    {
        var shape = array.Dims.ToArray();
        return array.DataType == (int)TensorProto.Types.DataType.Int64
            ? tensor(array.Int64Data.ToArray(), shape)
            : tensor(System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(array.RawData.Span).ToArray(), shape);
    }
}
