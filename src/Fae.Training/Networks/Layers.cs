using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Fae.Training;

/// <summary>Layers that several networks share.</summary>
internal static class Layers
{
    /// <summary>The same values in channels-last layout. TorchSharp has no memory_format, so the strides are set directly.</summary>
    public static Tensor ChannelsLast(Tensor planes) => planes.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2);

    /// <summary>Convolution of 3×3, batch normalisation, ReLU.</summary>
    public static Sequential Block(long from, long to, int dilation) =>
        Sequential(new Conv(from, to, 3, dilation, bias: false), new BatchNorm(to), ReLU());

    /// <summary>Two such blocks.</summary>
    public static Sequential Double(long from, long middle, long to) => Sequential(Block(from, middle, 1), Block(middle, to, 1));

    /// <summary>Nearest-neighbour upsampling to (N, C, height, width).</summary>
    public static Tensor Upsample(Tensor coarse, long height, long width) =>
        functional.interpolate(coarse, size: [height, width], mode: InterpolationMode.Bilinear, align_corners: false);
}
