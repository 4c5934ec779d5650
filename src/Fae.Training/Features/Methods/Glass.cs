using Fae.Core;
using Fae.Detection;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Fae.Training;

/// <summary>
/// GLASS (Chen et al., ECCV 2024): the discriminator learns three kinds of features. Good ones are normal. Good ones with noise are moved
/// up the gradient of its loss and back into a shell around the centre of all good ones, <c>Fae.Core.Shell</c>: anomalous. Those of
/// corrupted pictures are anomalous where the mask is, by a focal loss on the hardest half.
/// </summary>
internal sealed class Glass : FeatureNet
{
    private const string Centre = "centre";
    private const string Radius = "radius";

    /// <summary>Vectors of a batch that a step learns from; gradient ascent takes a quarter of them.</summary>
    private const int Most = 2048;

    private const int AscentSteps = 20;
    private const int ProjectEvery = 5;

    /// <summary>Length of a step as a share of the noise's: 0.001 of 0.015·√1536 in the paper.</summary>
    private const double StepShare = 0.0017;

    private const double RadiusQuantile = 0.75;
    private const double Momentum = 0.02;

    public Glass(NetworkSettings settings, int channels, WeightSource weights, Backbone? backbone, Device device)
        : base(settings, channels, weights, backbone, device)
    {
        register_buffer(Centre, zeros(Backbone.Dimensions));
        register_buffer(Radius, zeros(1));
    }

    internal override double RateOf(string parameter) => parameter.StartsWith("adaptor", StringComparison.Ordinal) ? 0.5 : 1;

    internal override TrainingOutput TrainingForward(TrainingBatch batch)
    {
        var vectors = FeatureVectors.Some(Frozen(batch.Target, EmbeddingGraph.VectorsName)[0], Most, batch.Random);
        var good = Value(FeatureDiscriminatorGraph.Adapted, EmbeddingGraph.VectorsName, vectors);
        Observe(good.detach());
        var hard = Ascend(good.narrow(0, 0, good.shape[0] / 4).detach(), batch.Random);
        var (corrupted, defects) = Corrupted(batch);
        var logits = Value(FeatureDiscriminatorGraph.Verdict, FeatureDiscriminatorGraph.Adapted, cat([good, hard, corrupted], 0))
            .squeeze(1);
        var (ofGood, ofHard) = (logits.narrow(0, 0, good.shape[0]), logits.narrow(0, good.shape[0], hard.shape[0]));
        var ofCorrupted = logits.narrow(0, good.shape[0] + hard.shape[0], corrupted.shape[0]);
        var loss = Entropy(ofGood, zeros_like(ofGood)).mean().Plus(Entropy(ofHard, ones_like(ofHard)).mean());
        return new(null, loss.Plus(HardestFocal(ofCorrupted, defects)));
    }

    /// <summary>
    /// The centre of adapted good features, and the distance that three quarters of them stay within, over the last steps.
    /// </summary>
    private void Observe(Tensor good)
    {
        using var off = no_grad();
        var (centre, radius) = (get_buffer(Centre)!, get_buffer(Radius)!);
        var momentum = radius.item<float>() == 0 ? 1 : Momentum;
        centre.copy_(centre.Times(1 - momentum).Plus(good.mean([0]).Times(momentum)));
        var distance = good.Minus(centre).norm(1).sort().Values[(long)(RadiusQuantile * good.shape[0])];
        radius.copy_(radius.Times(1 - momentum).Plus(distance.Times(momentum)));
    }

    /// <summary>Noise, then steps of one length up the gradient of the loss of being called anomalous, kept in the shell.</summary>
    private Tensor Ascend(Tensor good, StepRandom random)
    {
        var (centre, radius) = (get_buffer(Centre)!, get_buffer(Radius)!);
        var noise = FeatureVectors.Noise(good, SimpleNet.NoiseShare, random);
        var length = noise.norm(1).mean().Times(StepShare);
        var hard = good.Plus(noise);
        for (var step = 1; step <= AscentSteps; step++)
        {
            using var scope = NewDisposeScope();
            var at = hard.detach().requires_grad_(true);
            var logits = Value(FeatureDiscriminatorGraph.Verdict, FeatureDiscriminatorGraph.Adapted, at, training: false);
            var gradient = autograd.grad([Entropy(logits, ones_like(logits)).sum()], [at])[0];
            using var off = no_grad();
            hard = at.detach().Plus(gradient.div(gradient.norm(1, keepdim: true).Plus(1e-12)).mul(length));
            if (step % ProjectEvery == 0)
                hard = TorchShell.Project(hard, centre, radius);
            hard = hard.MoveToOuterDisposeScope();
        }
        return hard;
    }

    /// <summary>Adapted features of some places of the corrupted pictures, and 1 where the mask has a pixel.</summary>
    private (Tensor Adapted, Tensor Defects) Corrupted(TrainingBatch batch)
    {
        var values = Frozen(batch.Input, EmbeddingGraph.VectorsName, EmbeddingGraph.MapName);
        var (height, width) = (values[1].shape[2], values[1].shape[3]);
        var mask = functional.adaptive_max_pool2d(batch.Corrupted, [height, width]).reshape(-1);
        var places = batch.Random.Some((int)mask.shape[0], Math.Min(Most, (int)mask.shape[0])).to(mask.device);
        var vectors = values[0].index_select(0, places);
        return (Value(FeatureDiscriminatorGraph.Adapted, EmbeddingGraph.VectorsName, vectors), mask.index_select(0, places));
    }

    private static Tensor Entropy(Tensor logits, Tensor truth) =>
        functional.binary_cross_entropy_with_logits(logits, truth, reduction: nn.Reduction.None);

    /// <summary>−(1 − p)²·log p, p being the probability of the truth, of the half with the largest losses.</summary>
    private static Tensor HardestFocal(Tensor logits, Tensor truth)
    {
        var wrong = Entropy(logits, truth);
        var focal = wrong.Times(-1).exp().Times(-1).Plus(1).Squared().mul(wrong);
        return focal.topk((int)Math.Max(1, focal.shape[0] / 2), 0).values.mean();
    }
}

/// <summary><c>Fae.Core.Shell</c> in torch.</summary>
internal static class TorchShell
{
    /// <summary>Rows (M, d) at a distance of at least r and at most 2·r from a centre, in their directions.</summary>
    public static Tensor Project(Tensor rows, Tensor centre, Tensor radius)
    {
        var away = rows.Minus(centre);
        var length = away.norm(1, keepdim: true).AtLeast(1e-12);
        return centre.Plus(away.mul(length.maximum(radius).minimum(radius.Times(2)).div(length)));
    }
}
