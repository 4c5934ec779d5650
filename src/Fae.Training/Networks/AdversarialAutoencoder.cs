using Fae.Core;
using TorchSharp.Modules;
using static Fae.Training.Layers;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Fae.Training;

/// <summary>
/// The critic: scores real against generated pictures; its features give a perceptual distance. No batch normalisation, because the
/// gradient penalty is per picture.
/// </summary>
internal sealed class Critic : Module<Tensor, Tensor>
{
    private const double Slope = 0.2;
    private readonly int fold;
    private readonly ModuleList<Module<Tensor, Tensor>> stages = new();
    private readonly Conv2d exit;

    public Critic(NetworkSettings settings, int channels)
        : base(nameof(Critic))
    {
        fold = settings.SpaceToDepth;
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

    /// <summary>The last feature map of a picture.</summary>
    public Tensor Features(Tensor input)
    {
        var h = ChannelsLast(fold == 1 ? input : functional.pixel_unshuffle(input, fold));
        foreach (var stage in stages)
            h = stage.forward(h);
        return h;
    }

    /// <summary>Critic score of each neighbourhood.</summary>
    public override Tensor forward(Tensor input) => exit.forward(Features(input));
}

/// <summary>
/// AnoGAN in its fast form (Schlegl et al., "f-AnoGAN", Medical Image Analysis 2019): a Wasserstein GAN with
/// gradient penalty and an encoder into its latent space. The anomaly map is the reconstruction error in pixels and in the critic's
/// features. Encoder and generator are trained together in one pass: the critic's gradient is reversed where it enters the generator.
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
        stride = NetworkGeometry.stride(settings);
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
        return cat([made, Upsample(unlike, input.shape[2], input.shape[3])], 1).MoveToOuterDisposeScope();
    }

    internal override TrainingOutput TrainingForward(TrainingBatch batch)
    {
        var real = batch.Target;
        var (n, h, w) = (real.shape[0], real.shape[2] / stride, real.shape[3] / stride);
        // Encoded and sampled latents in one batch, so that batch normalisation covers both.
        var outputs = generator.forward(cat([encoder.forward(batch.Input), batch.Random.Normal([n, latent, h, w])], 0)).chunk(2, 0);
        var (repaired, made) = (outputs[0], outputs[1]);
        // Gradient reversal: the critic minimises what the generator maximises.
        var turned = made.detach().Times(2).Minus(made);
        var game = critic.forward(turned).mean().Minus(critic.forward(real).mean());
        return new(repaired, game.Plus(GradientPenaltyOf(real, made.detach(), batch.Random).Times(GradientPenalty)));
    }

    /// <summary>(‖∇D‖ − 1)² between real and generated pictures (Gulrajani et al. 2017).</summary>
    private Tensor GradientPenaltyOf(Tensor real, Tensor made, StepRandom random)
    {
        var share = random.Uniform([real.shape[0], 1, 1, 1]);
        var between = made.Plus(share.mul(real.Minus(made))).detach().requires_grad_(true);
        var slope = autograd.grad([critic.forward(between).mean([1, 2, 3]).sum()], [between], retain_graph: true, create_graph: true)[0];
        return slope.Squared().sum([1, 2, 3]).Plus(1e-12).sqrt().Plus(-1).Squared().mean();
    }
}
