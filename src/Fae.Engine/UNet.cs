using System;
using System.Collections.Generic;
using System.Linq;
using Fae.Core;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Fae.Engine;

/// <summary>
/// The paper's "modified U-Net with dilated convolutions in the bottleneck" (from SDC, Mathematics 12(24) 3988): (N, C, H, W) → (N, C, H, W),
/// H and W multiples of <see cref="StrideOf"/>. The entry folds pixels into channels (space to depth) and the exit unfolds them,
/// so that the network works at a fraction of the size without losing a pixel. Levels rise by a 1×1 convolution and depth to space, and
/// skips are added, not concatenated: a third less work than interpolation and concatenation on a CPU. Activations are ReLU.
/// </summary>
public sealed class UNet : Module<Tensor, Tensor>
{
    private readonly int fold;
    private readonly bool residual;
    private readonly ModuleList<Module<Tensor, Tensor>> encoder = new();
    private readonly Module<Tensor, Tensor> entry;
    private readonly ModuleList<Module<Tensor, Tensor>> bottleneck = new();
    private readonly ModuleList<Module<Tensor, Tensor>> rise = new();
    private readonly ModuleList<Module<Tensor, Tensor>> decoder = new();
    private readonly Conv2d exit;

    /// <summary>Builds the network for images of <paramref name="channels"/> planes; every weight is drawn from <paramref name="seed"/>.</summary>
    public UNet(NetworkSettings settings, int channels, Seed seed)
        : base(nameof(UNet))
    {
        ArgumentNullException.ThrowIfNull(settings);
        fold = settings.Fold;
        residual = settings.Residual;
        var planes = (long)channels * fold * fold;

        long Width(int level) => (long)settings.Width << level;
        for (var level = 0; level < settings.Depth; level++)
            encoder.Add(Double(level == 0 ? planes : Width(level - 1), Width(level), Width(level)));
        entry = Block(Width(settings.Depth - 1), Width(settings.Depth), 1);
        foreach (var dilation in settings.Dilations)
            bottleneck.Add(Block(Width(settings.Depth), Width(settings.Depth), dilation));
        for (var level = settings.Depth - 1; level >= 0; level--)
        {
            rise.Add(Conv2d(Width(level + 1), 4 * Width(level), 1));
            decoder.Add(Double(Width(level), Width(level), Width(level)));
        }
        exit = Conv2d(Width(0), planes, 1);

        RegisterComponents();
        Initialise(seed);
    }

    /// <summary>Heights and widths must be multiples of this.</summary>
    public static int StrideOf(NetworkSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        return settings.Fold << settings.Depth;
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var h = ChannelsLast(fold == 1 ? input : functional.pixel_unshuffle(input, fold));
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
            h = decoder[i].forward(ChannelsLast(functional.pixel_shuffle(rise[i].forward(h), 2)).Plus(skips.Pop()));

        h = exit.forward(h);
        if (fold > 1)
            h = functional.pixel_shuffle(h, fold);
        return (residual ? input.Plus(h) : h).MoveToOuterDisposeScope();
    }

    /// <summary>The same values, laid out pixel by pixel: TorchSharp has no memory_format, so the strides are made by hand.</summary>
    private static Tensor ChannelsLast(Tensor planes) => planes.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2);

    private static Sequential Block(long from, long to, int dilation) =>
        Sequential(Conv2d(from, to, 3, padding: dilation, dilation: dilation, bias: false), new BatchNorm(to), ReLU());

    private static Sequential Double(long from, long middle, long to) => Sequential(Block(from, middle, 1), Block(middle, to, 1));

    /// <summary>He's normal initialisation from our own generator; the exit starts at zero, so that a residual network starts as the identity.</summary>
    private void Initialise(Seed seed)
    {
        using var off = no_grad();
        using var scope = NewDisposeScope();
        ulong index = 0;
        foreach (var (name, parameter) in named_parameters())
        {
            index++;
            if (parameter.dim() != 4)
            {
                // Torch draws the biases of convolutions from a seed of its own; those of batch norm are zero already.
                if (name.EndsWith("bias", StringComparison.Ordinal))
                    parameter.zero_();
                continue;
            }
            if (name.StartsWith(nameof(exit), StringComparison.Ordinal) && residual)
            {
                parameter.zero_();
                continue;
            }
            var fanIn = parameter.shape.Skip(1).Aggregate(1L, (a, b) => a * b);
            var key = Fae.Core.Random.mix64(Fae.Core.Random.fork(index, seed).State);
            var drawn = Noise.field(key, MathF.Sqrt(2f / fanIn), 1, 1, checked((int)parameter.numel()));
            parameter.copy_(tensor(drawn.Pixels).reshape(parameter.shape));
        }
    }
}
