using Fae.Core;
using TorchSharp.Modules;
using static Fae.Training.Layers;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Fae.Training;

/// <summary>
/// A Gaussian over feature vectors with running statistics; its distance is the Mahalanobis distance divided by √dimensions.
/// </summary>
internal sealed class GaussianDensity : Module<Tensor, Tensor>
{
    private const double Momentum = 0.05;
    private const double Ridge = 0.01;
    private const string Mean = "mean";
    private const string Covariance = "covariance";
    private readonly long size;

    public GaussianDensity(long size)
        : base(nameof(GaussianDensity))
    {
        this.size = size;
        register_buffer(Mean, zeros(size));
        register_buffer(Covariance, eye(size));
    }

    /// <summary>Updates the statistics with (M, size) vectors of good pictures.</summary>
    public void Observe(Tensor vectors)
    {
        var (mean, covariance) = (get_buffer(Mean)!, get_buffer(Covariance)!);
        mean.copy_(mean.Times(1 - Momentum).Plus(vectors.mean([0]).Times(Momentum)));
        var away = vectors.Minus(mean);
        covariance.copy_(covariance.Times(1 - Momentum).Plus(away.t().matmul(away).Times(Momentum / vectors.shape[0])));
    }

    /// <summary>(M, size) → (M).</summary>
    public override Tensor forward(Tensor input)
    {
        var covariance = get_buffer(Covariance)!;
        var ridge = covariance.diagonal().mean().Times(Ridge).Plus(1e-9).mul(eye(size, device: covariance.device));
        var away = input.Minus(get_buffer(Mean)!);
        return away.matmul(linalg.inv(covariance.Plus(ridge))).mul(away).sum(1).AtLeast(0).Times(1.0 / size).sqrt();
    }
}

/// <summary>
/// CutPaste (Li, Sohn, Yoon, Pfister, CVPR 2021): a classifier of pictures with and without a pasted patch, and Gaussian
/// densities over the features of good pictures. The anomaly map is the mean of two distances: of the whole picture's features and of
/// each neighbourhood's. It gives no reconstruction.
/// </summary>
internal sealed class CorruptionClassifier : AnomalyNet
{
    private readonly Encoder encoder;
    private readonly Linear hidden;
    private readonly Linear verdict;
    private readonly GaussianDensity whole;
    private readonly GaussianDensity local;

    public CorruptionClassifier(NetworkSettings settings, int channels, Seed seed)
        : base(nameof(CorruptionClassifier))
    {
        encoder = new Encoder(settings, channels, settings.Latent);
        hidden = Linear(settings.Latent, 64);
        verdict = Linear(64, 1);
        whole = new GaussianDensity(settings.Latent);
        local = new GaussianDensity(settings.Latent);
        RegisterComponents();
        Initialise(seed);
    }

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var features = encoder.forward(input);
        var (n, h, w) = (features.shape[0], features.shape[2], features.shape[3]);
        var near = local.forward(FeatureVectors.Of(features)).reshape(n, 1, h, w);
        var all = whole.forward(features.mean([2, 3])).reshape(n, 1, 1, 1);
        return cat([input, Upsample(near, input.shape[2], input.shape[3]).Plus(all).Times(0.5)], 1).MoveToOuterDisposeScope();
    }

    internal override TrainingOutput TrainingForward(TrainingBatch batch)
    {
        Observe(batch.Target);
        var features = functional.relu(hidden.forward(encoder.forward(batch.Input).mean([2, 3])));
        var pasted = batch.Corrupted.amax([1, 2, 3]);
        return new(null, functional.binary_cross_entropy_with_logits(verdict.forward(features).reshape(-1), pasted));
    }

    /// <summary>The densities are fitted in evaluation mode, with the running statistics of batch normalisation.</summary>
    private void Observe(Tensor good)
    {
        using var off = no_grad();
        encoder.eval();
        var features = encoder.forward(good);
        encoder.train();
        whole.Observe(features.mean([2, 3]));
        local.Observe(FeatureVectors.Of(features));
    }
}
