using Fae.Core;
using Fae.Detection;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Fae.Training;

/// <summary>
/// SimpleNet (Liu et al., CVPR 2023): the discriminator separates adapted features of good pictures from the same with Gaussian noise, by
/// the loss mean max(0, ½ − D(true)) + mean max(0, ½ + D(fake)).
/// </summary>
internal sealed class SimpleNet(NetworkSettings settings, int channels, WeightSource weights, Backbone? backbone, Device device)
    : FeatureNet(settings, channels, weights, backbone, device)
{
    /// <summary>
    /// The noise's deviation as a share of the features': the paper's 0.015 is for the features of one backbone.
    /// </summary>
    internal const double NoiseShare = 0.5;

    private const double Margin = 0.5;

    /// <summary>Vectors of a batch that a step learns from.</summary>
    private const int Most = 2048;

    internal override double RateOf(string parameter) => parameter.StartsWith("adaptor", StringComparison.Ordinal) ? 0.5 : 1;

    internal override TrainingOutput TrainingForward(TrainingBatch batch)
    {
        var vectors = FeatureVectors.Some(Frozen(batch.Target, EmbeddingGraph.VectorsName)[0], Most, batch.Random);
        var good = Value(FeatureDiscriminatorGraph.Adapted, EmbeddingGraph.VectorsName, vectors);
        var fake = good.Plus(FeatureVectors.Noise(good, NoiseShare, batch.Random));
        // One pass for both: batch normalisation sees the two as one batch, as in the authors' program.
        var verdicts = Value(FeatureDiscriminatorGraph.Verdict, FeatureDiscriminatorGraph.Adapted, cat([good, fake], 0));
        var count = good.shape[0];
        var loss = functional
            .relu(verdicts.narrow(0, 0, count).Plus(Margin))
            .mean()
            .Plus(functional.relu(verdicts.narrow(0, count, count).Times(-1).Plus(Margin)).mean());
        return new(null, loss);
    }
}
