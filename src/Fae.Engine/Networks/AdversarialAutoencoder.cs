using Fae.Core;
using TorchSharp.Modules;
using static Fae.Engine.Layers;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Fae.Engine;

/// <summary>Tells real pictures from made ones; its features tell how unlike two pictures are. No normalisation: a batch must not betray its members.</summary>
internal sealed class Critic : Module<Tensor, Tensor>
{
    private const double Slope = 0.2;
    private readonly int fold;
    private readonly ModuleList<Module<Tensor, Tensor>> stages = new();
    private readonly Conv2d exit;

    public Critic(NetworkSettings settings, int channels)
        : base(nameof(Critic))
    {
        fold = settings.Fold;
        var from = (long)channels * fold * fold;
        for (var level = 0; level < settings.Depth; level++)
        {
            var to = (long)settings.Width << level;
            stages.Add(Sequential(Conv2d(from, to, 3, padding: 1), LeakyReLU(Slope), AvgPool2d(2)));
            from = to;
        }
        exit = Conv2d(from, 1, 1);
        RegisterComponents();
    }

    /// <summary>The coarse features of a picture.</summary>
    public Tensor Features(Tensor input)
    {
        var h = ChannelsLast(fold == 1 ? input : functional.pixel_unshuffle(input, fold));
        foreach (var stage in stages)
            h = stage.forward(h);
        return h;
    }

    /// <summary>How real each neighbourhood looks.</summary>
    public override Tensor forward(Tensor input) => exit.forward(Features(input));
}

/// <summary>
/// AnoGAN in its fast form (Schlegl et al., "f-AnoGAN", Medical Image Analysis 2019): a generator and a critic play Wasserstein's game with a gradient penalty, an encoder finds the latent
/// planes of a picture, and the anomaly is what the generator cannot make of them, in pixels and in the critic's features. Encoder and generator learn together here, in one
/// pass: the critic's gradient is turned round where it enters the generator.
/// </summary>
internal sealed class AdversarialAutoencoder : AnomalyNet
{
    private const double GradientPenalty = 10;
    private readonly int stride;
    private readonly int latent;
    private readonly Encoder encoder;
    private readonly Decoder generator;
    private readonly Critic critic;

    public AdversarialAutoencoder(NetworkSettings settings, int channels, Seed seed)
        : base(nameof(AdversarialAutoencoder))
    {
        stride = ConfigModule.stride(settings);
        latent = settings.Latent;
        encoder = new Encoder(settings, channels, latent);
        generator = new Decoder(settings, latent, channels);
        critic = new Critic(settings, channels);
        RegisterComponents();
        Initialise(seed);
    }

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var made = generator.forward(encoder.forward(input));
        var unlike = critic.Features(input).Minus(critic.Features(made)).Squared().mean([1], keepdim: true);
        return cat([made, Spread(unlike, input.shape[2], input.shape[3])], 1).MoveToOuterDisposeScope();
    }

    internal override Lesson Study(Lecture lecture)
    {
        var real = lecture.Target;
        var (n, h, w) = (real.shape[0], real.shape[2] / stride, real.shape[3] / stride);
        // Of codes and of drawn latents together: the normalisation must know both.
        var outputs = generator.forward(cat([encoder.forward(lecture.Input), lecture.Dice.Normal([n, latent, h, w])], 0)).chunk(2, 0);
        var (repaired, made) = (outputs[0], outputs[1]);
        // Value of the made picture, gradient with the other sign: what the critic minimises the generator maximises.
        var turned = made.detach().Times(2).Minus(made);
        var game = critic.forward(turned).mean().Minus(critic.forward(real).mean());
        return new(repaired, game.Plus(SlopePenalty(real, made.detach(), lecture.Dice).Times(GradientPenalty)));
    }

    /// <summary>(‖∇D‖ − 1)² between real and made pictures (Gulrajani et al. 2017).</summary>
    private Tensor SlopePenalty(Tensor real, Tensor made, Dice dice)
    {
        var share = dice.Uniform([real.shape[0], 1, 1, 1]);
        var between = made.Plus(share.mul(real.Minus(made))).detach().requires_grad_(true);
        var slope = autograd.grad([critic.forward(between).mean([1, 2, 3]).sum()], [between], retain_graph: true, create_graph: true)[0];
        return slope.Squared().sum([1, 2, 3]).Plus(1e-12).sqrt().Plus(-1).Squared().mean();
    }
}
