using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Fae.Engine;

/// <summary>What the networks are built of.</summary>
internal static class Layers
{
    /// <summary>The same values, laid out pixel by pixel: TorchSharp has no memory_format, so the strides are made by hand.</summary>
    public static Tensor ChannelsLast(Tensor planes) => planes.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2);

    /// <summary>Convolution of 3×3, batch normalisation, ReLU.</summary>
    public static Sequential Block(long from, long to, int dilation) =>
        Sequential(new Conv(from, to, 3, dilation, bias: false), new BatchNorm(to), ReLU());

    /// <summary>Two blocks.</summary>
    public static Sequential Double(long from, long middle, long to) => Sequential(Block(from, middle, 1), Block(middle, to, 1));

    /// <summary>Values of a coarse grid at every pixel of (N, C, height, width).</summary>
    public static Tensor Spread(Tensor coarse, long height, long width) =>
        functional.interpolate(coarse, size: [height, width], mode: InterpolationMode.Bilinear, align_corners: false);
}
