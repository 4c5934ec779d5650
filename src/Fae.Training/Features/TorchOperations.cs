using Onnx;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Fae.Training;

/// <summary>The operations of ONNX, version 17, that backbones and our graphs have, in torch.</summary>
internal static class TorchOperations
{
    /// <summary>The outputs of a node; an input that is left out is null.</summary>
    /// <exception cref="InvalidDataException">The operation is not known.</exception>
    public static IReadOnlyList<Tensor> Run(NodeProto node, IReadOnlyList<Tensor?> inputs, bool training, Device device) =>
        node.OpType == "TopK" ? Largest(node, inputs[0]!, inputs[1]!)
        : node.OpType == "Split" ? inputs[0]!.chunk(node.Output.Count, Int(node, "axis", 0))
        : [One(node, inputs, training, device)];

    private static Tensor One(NodeProto node, IReadOnlyList<Tensor?> inputs, bool training, Device device)
    {
        var x = inputs[0]!;
        Tensor Second() => inputs[1]!;
        Tensor? Optional(int i) => inputs.Count > i ? inputs[i] : null;
        return node.OpType switch
        {
            "Identity" => x,
            "Conv" => functional.conv2d(
                Laid(Padded(node, x, 0), Second()),
                Second(),
                Optional(2),
                strides: Ints(node, "strides", 1),
                dilation: Ints(node, "dilations", 1),
                groups: Int(node, "group", 1)
            ),
            "Gemm" => Gemm(node, x, Second(), Optional(2)),
            "BatchNormalization" => functional.batch_norm(x, inputs[3]!, inputs[4]!, Second(), inputs[2], training, 0.1, Epsilon(node)),
            "InstanceNormalization" => functional.instance_norm(x, null, null, Second(), inputs[2], true, 0.1, Epsilon(node)),
            "LayerNormalization" => functional.layer_norm(x, [x.shape[^1]], Second(), Optional(2), Epsilon(node)),
            "AveragePool" => functional.avg_pool2d(
                x,
                Ints(node, "kernel_shape", 1),
                Ints(node, "strides", 1),
                Ints(node, "pads", 0)[..2],
                count_include_pad: Int(node, "count_include_pad", 0) != 0
            ),
            "MaxPool" => functional.max_pool2d(
                Padded(node, x, double.NegativeInfinity),
                Ints(node, "kernel_shape", 1),
                Ints(node, "strides", 1)
            ),
            "QuantizeLinear" => Quantised(x, Along(node, Second(), x), Along(node, inputs[2]!, x)),
            "DequantizeLinear" => Dequantised(x, Along(node, Second(), x), Optional(2) is { } zero ? Along(node, zero, x) : null),
            "ArgMax" => x.argmax(Int(node, "axis", 0), Int(node, "keepdims", 1) != 0),
            "GlobalAveragePool" => x.mean([2, 3], keepdim: true),
            "Resize" => Layers.Upsample(x, inputs[3]!.data<long>()[2], inputs[3]!.data<long>()[3]),
            "Cast" => (TensorProto.Types.DataType)Int(node, "to", 0) switch
            {
                TensorProto.Types.DataType.Int64 => x.to_type(ScalarType.Int64),
                TensorProto.Types.DataType.Int32 => x.to_type(ScalarType.Int32),
                TensorProto.Types.DataType.Int8 => x.to_type(ScalarType.Int8),
                TensorProto.Types.DataType.Uint8 => x.to_type(ScalarType.Byte),
                _ => x.to_type(ScalarType.Float32).to(device),
            },
            _ => Pointwise(node, x, Optional(1)) ?? Reduction(node, x, Optional(1)) ?? Shape(node, inputs!),
        };
    }

    /// <summary>
    /// The input of a convolution in a layout that oneDNN 3.7, which libtorch 2.10 carries, computes rightly. In blocks of sixteen channels
    /// it leaves the padding of other counts unset, and what lay in memory comes into outputs and gradients; channels last it gets strided
    /// convolutions of 1×1 wrong (both seen on Zen 5).
    /// </summary>
    private static Tensor Laid(Tensor x, Tensor weights) =>
        x.device_type != DeviceType.CPU ? x
        : x.shape[1] % 16 != 0 || weights.shape[0] % 16 != 0 ? Layers.ChannelsLast(x)
        : x.contiguous();

    /// <summary>Whole numbers of the zero point's type, as floats.</summary>
    private static Tensor Quantised(Tensor x, Tensor scale, Tensor zero)
    {
        var (low, high) = zero.dtype == ScalarType.Byte ? (byte.MinValue, byte.MaxValue) : ((int)sbyte.MinValue, (int)sbyte.MaxValue);
        return x.div(scale).round().Plus(zero.to_type(ScalarType.Float32)).clamp(low, high);
    }

    private static Tensor Dequantised(Tensor x, Tensor scale, Tensor? zero)
    {
        var number = x.to_type(ScalarType.Float32);
        return (zero is null ? number : number.Minus(zero.to_type(ScalarType.Float32))).mul(scale);
    }

    /// <summary>A number for each place of one axis, to be combined with a whole array.</summary>
    private static Tensor Along(NodeProto node, Tensor numbers, Tensor x)
    {
        var shape = x.shape.Select(_ => 1L).ToArray();
        if (numbers.dim() == 0)
            return numbers;
        shape[Int(node, "axis", 1)] = numbers.shape[0];
        return numbers.reshape(shape);
    }

    private static Tensor? Pointwise(NodeProto node, Tensor x, Tensor? y) =>
        node.OpType switch
        {
            "Relu" => functional.relu(x),
            "Abs" => x.abs(),
            "Round" => x.round(),
            "LeakyRelu" => functional.leaky_relu(x, Float(node, "alpha", 0.01)),
            "Sigmoid" => x.sigmoid(),
            "Softmax" => x.softmax(Int(node, "axis", -1)),
            "Exp" => x.exp(),
            "Log" => x.log(),
            "Sqrt" => x.sqrt(),
            "Atan" => x.atan(),
            "Sin" => x.sin(),
            "Cos" => x.cos(),
            "Neg" => x.neg(),
            "Add" => x.Plus(y!),
            "Sub" => x.Minus(y!),
            "Mul" => x.mul(y!),
            "Div" when x.dtype == ScalarType.Int64 => x.div(y!, RoundingMode.trunc),
            "Div" => x.div(y!),
            "Max" => x.maximum(y!),
            "Min" => x.minimum(y!),
            "Greater" => x.gt(y!),
            _ => null,
        };

    private static Tensor? Reduction(NodeProto node, Tensor x, Tensor? axes)
    {
        long[] along = axes is { dtype: ScalarType.Int64 } ? axes.data<long>().ToArray() : Ints(node, "axes", 0);
        var keep = Int(node, "keepdims", 1) != 0;
        return node.OpType switch
        {
            "ReduceMin" => x.amin(along, keep),
            "ReduceMax" => x.amax(along, keep),
            "ReduceMean" => x.mean(along, keep),
            "ReduceSum" => x.sum(along, keep),
            "ReduceSumSquare" => x.Squared().sum(along, keep),
            _ => null,
        };
    }

    private static Tensor Shape(NodeProto node, IReadOnlyList<Tensor> inputs)
    {
        var x = inputs[0];
        long[] Second() => inputs[1].data<long>().ToArray();
        return node.OpType switch
        {
            "Shape" => tensor(x.shape),
            "Reshape" => x.reshape(Second().Select((side, i) => side == 0 ? x.shape[i] : side).ToArray()),
            "Expand" => x.expand(Second()),
            "Transpose" => x.permute(Ints(node, "perm", 0)),
            "Concat" => cat([.. inputs], Int(node, "axis", 1)),
            "Slice" => Sliced(x, inputs),
            "Gather" => x.index_select(Int(node, "axis", 0), inputs[1].to(x.device)),
            "GatherElements" => x.gather(Int(node, "axis", 0), inputs[1]),
            "Range" => arange(x.item<long>(), inputs[1].item<long>(), ScalarType.Int64),
            var other => throw new InvalidDataException($"the operation {other} is not known to torch here"),
        };
    }

    /// <summary>Slices along one axis, the first if none is named.</summary>
    private static Tensor Sliced(Tensor x, IReadOnlyList<Tensor> inputs)
    {
        var axis = inputs.Count > 3 ? inputs[3].data<long>()[0] : 0;
        return x.slice(axis, inputs[1].data<long>()[0], inputs[2].data<long>()[0], 1);
    }

    private static Tensor Gemm(NodeProto node, Tensor x, Tensor factor, Tensor? offset)
    {
        var product = x.matmul(Int(node, "transB", 0) != 0 ? factor.t() : factor);
        return offset is null ? product : product.Plus(offset);
    }

    private static Tensor[] Largest(NodeProto node, Tensor x, Tensor count)
    {
        var (values, places) = x.topk((int)count.data<long>()[0], (int)Int(node, "axis", -1));
        return [values, places];
    }

    /// <summary>ONNX pads at each end by its own number: top, left, bottom, right.</summary>
    private static Tensor Padded(NodeProto node, Tensor x, double value)
    {
        var pads = node.Attribute.FirstOrDefault(a => a.Name == "pads")?.Ints.ToArray() ?? [0, 0, 0, 0];
        return pads.All(n => n == 0) ? x : functional.pad(x, [pads[1], pads[3], pads[0], pads[2]], PaddingModes.Constant, value);
    }

    private static long Int(NodeProto node, string name, long absent) => node.Attribute.FirstOrDefault(a => a.Name == name)?.I ?? absent;

    private static double Float(NodeProto node, string name, double absent) =>
        node.Attribute.FirstOrDefault(a => a.Name == name)?.F ?? absent;

    private static long[] Ints(NodeProto node, string name, long absent) =>
        node.Attribute.FirstOrDefault(a => a.Name == name)?.Ints.ToArray() ?? [absent, absent];

    private static double Epsilon(NodeProto node) => Float(node, "epsilon", 1e-5);
}
