using Fae.Core;
using Fae.Detection;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Fae.Training;

/// <summary>The input of one training step.</summary>
/// <param name="Input">x̃ + ε, (N, C, H, W).</param>
/// <param name="Target">x + ε, or x, of the same shape.</param>
/// <param name="Mask">M, (N, 1, H, W); −1 for pixels to ignore.</param>
/// <param name="Random">All randomness of the step.</param>
internal sealed record TrainingBatch(Tensor Input, Tensor Target, Tensor Mask, StepRandom Random)
{
    /// <summary>Opacity above which a pixel counts as corrupted.</summary>
    private const double Touched = 0.1;

    /// <summary>1 where the input is corrupted, 0 elsewhere, (N, 1, H, W).</summary>
    public Tensor Corrupted => Mask.Above(Touched);
}

/// <summary>The output of a training step.</summary>
/// <param name="Reconstruction">f(x̃ + ε), or null if the method has no reconstruction.</param>
/// <param name="Penalty">The method's own loss term, a scalar, or null.</param>
internal sealed record TrainingOutput(Tensor? Reconstruction, Tensor? Penalty);

/// <summary>
/// A network of any of the methods: (N, C, H, W) → (N, C, H, W), the reconstruction, or (N, C + 1, H, W) with an anomaly
/// map as the last plane. In training it may behave differently and add its own loss term.
/// </summary>
public abstract class AnomalyNet : Module<Tensor, Tensor>
{
    private protected AnomalyNet(string name)
        : base(name) { }

    /// <summary>
    /// A network of these settings for images of <paramref name="channels"/> planes, every weight drawn from <paramref name="seed"/>; a
    /// method on features may have the arrays of a model instead.
    /// </summary>
    internal static AnomalyNet Of(
        NetworkSettings settings,
        int channels,
        Seed seed,
        Backbone? backbone,
        Device device,
        IEnumerable<NamedArray>? arrays = null
    )
    {
        var weights = arrays is null ? WeightSource.Of(seed) : WeightSource.Of(arrays);
        AnomalyNet net = settings.Kind.Tag switch
        {
            NetworkKind.Tags.UNet when settings.Perceptual.IsNone => new UNet(settings, channels, seed),
            NetworkKind.Tags.UNet => new PerceptualNet(new UNet(settings, channels, seed), settings, channels, weights, backbone, device),
            NetworkKind.Tags.Autoencoder => new Autoencoder(settings, channels, seed),
            NetworkKind.Tags.Variational => new VariationalAutoencoder(settings, channels, seed),
            NetworkKind.Tags.Quantised => new QuantisedAutoencoder(settings, channels, seed),
            NetworkKind.Tags.Transformer => new PatchTransformer(settings, channels, seed),
            NetworkKind.Tags.Adversarial => new AdversarialAutoencoder(settings, channels, seed),
            NetworkKind.Tags.Discriminative => new DiscriminativeNet(settings, channels, seed),
            NetworkKind.Tags.Classifier => new CorruptionClassifier(settings, channels, seed),
            NetworkKind.Tags.MemoryBank => new FeatureNet(settings, channels, weights, backbone, device),
            NetworkKind.Tags.SimpleNet => new SimpleNet(settings, channels, weights, backbone, device),
            NetworkKind.Tags.Glass => new Glass(settings, channels, weights, backbone, device),
            NetworkKind.Tags.ReverseDistillation => new ReverseDistillation(settings, channels, weights, backbone, device),
            NetworkKind.Tags.MsFlow => new Flow(settings, channels, weights, backbone, device),
            NetworkKind.Tags.Pni => new NeighbourCodes(settings, channels, weights, backbone, device),
            NetworkKind.Tags.RealNet => new FeatureResidual(settings, channels, weights, backbone, device),
            var tag => throw new ArgumentException($"a network of kind {tag} is not known", nameof(settings)),
        };
        return settings.InpaintGrids.IsEmpty ? net : new Inpainting(net, settings);
    }

    /// <summary>The data type of the computation in training. Only U-Nets support another type than 32-bit floats.</summary>
    internal virtual ScalarType ComputeType { get; set; } = ScalarType.Float32;

    /// <summary>The learning rate of a parameter, as a multiple of the configured one.</summary>
    internal virtual double RateOf(string parameter) => 1;

    /// <summary>Batches that it looks at before the first step.</summary>
    internal virtual int PreparationBatches => 0;

    /// <summary>Sets what no gradient finds, such as a coreset or statistics of good features, from batches made for it.</summary>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    internal virtual void Prepare(IEnumerable<TrainingBatch> batches, CancellationToken stop) { }

    /// <summary>The forward pass of a training step.</summary>
    internal virtual TrainingOutput TrainingForward(TrainingBatch batch) => new(forward(batch.Input), null);

    /// <summary>
    /// He initialisation from Fae's generator. Modules named in <paramref name="zero"/> and all biases start at zero.
    /// </summary>
    private protected void Initialise(Seed seed, Func<string, bool>? zero = null)
    {
        using var off = no_grad();
        using var scope = NewDisposeScope();
        ulong index = 0;
        foreach (var (name, parameter) in named_parameters())
        {
            index++;
            if (parameter.dim() < 2)
            {
                // torch initialises convolution biases from its own seed; batch norm biases are zero already.
                if (name.EndsWith("bias", StringComparison.Ordinal))
                    parameter.zero_();
                continue;
            }
            if (zero?.Invoke(name) == true)
            {
                parameter.zero_();
                continue;
            }
            parameter.copy_(tensor(WeightSource.He(seed, index, parameter.shape)).reshape(parameter.shape));
        }
    }
}
