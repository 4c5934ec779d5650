using Fae.Core;
using TorchSharp.Modules;
using static Fae.Training.Layers;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Fae.Training;

/// <summary>
/// (N, C, H, W) → (N, planes, H/s, W/s): space to depth, then one downsampling per level, without skip connections.
/// </summary>
internal sealed class Encoder : Module<Tensor, Tensor>
{
    private readonly int fold;
    private readonly ModuleList<Module<Tensor, Tensor>> stages = new();
    private readonly Conv2d exit;

    public Encoder(NetworkSettings settings, int channels, long planes)
        : base(nameof(Encoder))
    {
        fold = settings.SpaceToDepth;
        var from = (long)channels * fold * fold;
        for (var level = 0; level < settings.Depth; level++)
        {
            var to = (long)settings.Width << level;
            stages.Add(Double(from, to, to));
            from = to;
        }
        exit = Conv2d(from, planes, 1);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var h = ChannelsLast(fold == 1 ? input : functional.pixel_unshuffle(input, fold));
        foreach (var stage in stages)
            h = functional.max_pool2d(stage.forward(h), 2);
        return exit.forward(h).MoveToOuterDisposeScope();
    }
}

/// <summary>(N, planes, H/s, W/s) → (N, C, H, W): the mirror image of the encoder.</summary>
internal sealed class Decoder : Module<Tensor, Tensor>
{
    private readonly int fold;
    private readonly Module<Tensor, Tensor> entry;
    private readonly ModuleList<Module<Tensor, Tensor>> up = new();
    private readonly ModuleList<Module<Tensor, Tensor>> stages = new();
    private readonly Conv2d exit;

    public Decoder(NetworkSettings settings, long planes, int channels)
        : base(nameof(Decoder))
    {
        fold = settings.SpaceToDepth;
        var from = (long)settings.Width << (settings.Depth - 1);
        entry = Block(planes, from, 1);
        for (var level = settings.Depth - 1; level >= 0; level--)
        {
            var to = (long)settings.Width << level;
            up.Add(Conv2d(from, 4 * to, 1));
            stages.Add(Double(to, to, to));
            from = to;
        }
        exit = Conv2d(from, (long)channels * fold * fold, 1);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var h = entry.forward(ChannelsLast(input));
        for (var i = 0; i < stages.Count; i++)
            h = stages[i].forward(ChannelsLast(functional.pixel_shuffle(up[i].forward(h), 2)));
        h = exit.forward(h);
        return (fold == 1 ? h : functional.pixel_shuffle(h, fold)).MoveToOuterDisposeScope();
    }
}

/// <summary>
/// AE (Bergmann et al., VISAPP 2019), DAE (Vincent et al., ICML 2008) and RCAE (Alain and Bengio, JMLR 2014) are this network with
/// different objectives and noises. The bottleneck has <c>latent</c> planes; anomalies should not pass through it.
/// </summary>
internal sealed class Autoencoder : AnomalyNet
{
    private readonly Encoder encoder;
    private readonly Decoder decoder;

    public Autoencoder(NetworkSettings settings, int channels, Seed seed)
        : base(nameof(Autoencoder))
    {
        encoder = new Encoder(settings, channels, settings.Latent);
        decoder = new Decoder(settings, settings.Latent, channels);
        RegisterComponents();
        Initialise(seed);
    }

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        return decoder.forward(encoder.forward(input)).MoveToOuterDisposeScope();
    }
}

/// <summary>
/// VAE (Kingma and Welling 2014; Liu et al., CVPR 2020): z = μ + e^(ρ/2)·ε, with the Kullback-Leibler
/// divergence to N(0, 1), −½·mean(1 + ρ − μ² − e^ρ), as penalty. At inference z = μ.
/// </summary>
internal sealed class VariationalAutoencoder : AnomalyNet
{
    private readonly Encoder encoder;
    private readonly Decoder decoder;

    public VariationalAutoencoder(NetworkSettings settings, int channels, Seed seed)
        : base(nameof(VariationalAutoencoder))
    {
        encoder = new Encoder(settings, channels, 2L * settings.Latent);
        decoder = new Decoder(settings, settings.Latent, channels);
        RegisterComponents();
        Initialise(seed);
    }

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        return decoder.forward(encoder.forward(input).chunk(2, 1)[0]).MoveToOuterDisposeScope();
    }

    internal override TrainingOutput TrainingForward(TrainingBatch batch)
    {
        var parts = encoder.forward(batch.Input).chunk(2, 1);
        var (mean, spread) = (parts[0], parts[1].Within(10));
        var drawn = mean.Plus(spread.Times(0.5).exp().mul(batch.Random.Normal(mean.shape)));
        var divergence = spread.Plus(1).Minus(mean.Squared()).Minus(spread.exp()).mean().Times(-0.5);
        return new(decoder.forward(drawn), divergence);
    }
}
