using Fae.Core;
using TorchSharp.Modules;
using static Fae.Training.Layers;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Fae.Training;

/// <summary>
/// The paper's "modified U-Net with dilated convolutions in the bottleneck" (from SDC, Mathematics 12(24) 3988): (N, C, H, W) → (N, C, H,
/// W), H and W multiples of <c>NetworkGeometry.stride</c>. The entry folds pixels into channels (space to depth) and the exit unfolds
/// them, so that the network runs at reduced resolution without losing pixels. Upsampling is a 1×1 convolution and depth to space.
/// Skip connections are added, not concatenated: a third less work on a CPU. Activations are ReLU.
/// </summary>
public sealed class UNet : AnomalyNet
{
    private readonly int fold;
    private readonly bool residual;
    private readonly ModuleList<Module<Tensor, Tensor>> encoder = new();
    private readonly Module<Tensor, Tensor> entry;
    private readonly ModuleList<Module<Tensor, Tensor>> bottleneck = new();
    private readonly ModuleList<Module<Tensor, Tensor>> up = new();
    private readonly ModuleList<Module<Tensor, Tensor>> decoder = new();
    private readonly Conv exit;

    /// <summary>
    /// Builds the network for images of <paramref name="channels"/> planes; every weight is drawn from <paramref name="seed"/>.
    /// </summary>
    public UNet(NetworkSettings settings, int channels, Seed seed)
        : this(settings, channels, channels, settings?.Residual ?? false, seed) { }

    /// <summary>Builds the network with different numbers of input and output planes.</summary>
    internal UNet(NetworkSettings settings, int channelsIn, int channelsOut, bool residual, Seed seed)
        : base(nameof(UNet))
    {
        ArgumentNullException.ThrowIfNull(settings);
        fold = settings.SpaceToDepth;
        this.residual = residual;
        var planes = (long)channelsIn * fold * fold;

        long Width(int level) => (long)settings.Width << level;
        for (var level = 0; level < settings.Depth; level++)
            encoder.Add(Double(level == 0 ? planes : Width(level - 1), Width(level), Width(level)));
        entry = Block(Width(settings.Depth - 1), Width(settings.Depth), 1);
        foreach (var dilation in settings.Dilations)
            bottleneck.Add(Block(Width(settings.Depth), Width(settings.Depth), dilation));
        for (var level = settings.Depth - 1; level >= 0; level--)
        {
            up.Add(new Conv(Width(level + 1), 4 * Width(level), 1));
            decoder.Add(Double(Width(level), Width(level), Width(level)));
        }
        exit = new Conv(Width(0), (long)channelsOut * fold * fold, 1);

        RegisterComponents();
        // The last convolution starts at zero, so that a residual network starts as the identity.
        Initialise(seed, name => residual && name.StartsWith(nameof(exit), StringComparison.Ordinal));
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var h = ChannelsLast(fold == 1 ? input : functional.pixel_unshuffle(input, fold));
        if (training && ComputeType != input.dtype)
            h = h.to_type(ComputeType);
        var skips = new Stack<Tensor>();
        foreach (var stage in encoder)
        {
            h = stage.forward(h);
            skips.Push(h);
            h = functional.max_pool2d(h, 2);
        }

        h = entry.forward(h);
        foreach (var block in bottleneck)
            h = h.Plus(block.forward(h));
        for (var i = 0; i < decoder.Count; i++)
            h = decoder[i].forward(ChannelsLast(functional.pixel_shuffle(up[i].forward(h), 2)).Plus(skips.Pop()));

        h = exit.forward(h);
        if (fold > 1)
            h = functional.pixel_shuffle(h, fold);
        if (h.dtype != input.dtype)
            h = h.to_type(input.dtype);
        return (residual ? input.Plus(h) : h).MoveToOuterDisposeScope();
    }
}
