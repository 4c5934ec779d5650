using System;
using System.Linq;
using Fae.Core;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Fae.Engine;

/// <summary>What a network is shown in one step of its training.</summary>
/// <param name="Input">x̃ + ε, (N, C, H, W).</param>
/// <param name="Target">x + ε, or x, of the same shape.</param>
/// <param name="Mask">M, (N, 1, H, W); −1 where training shall not look.</param>
/// <param name="Dice">All randomness of the step.</param>
internal sealed record Lecture(Tensor Input, Tensor Target, Tensor Mask, Dice Dice);

/// <summary>What it makes of it.</summary>
/// <param name="Reconstruction">f(x̃ + ε), or null of a network that repairs nothing.</param>
/// <param name="Penalty">What it asks to be minimised for itself, a scalar, or null.</param>
internal sealed record Lesson(Tensor? Reconstruction, Tensor? Penalty);

/// <summary>
/// A network of any of the methods: (N, C, H, W) → (N, C, H, W), the reconstruction, or (N, C + 1, H, W) with its own map of the anomalies as the last plane. In
/// training it may do something else, and ask for a loss of its own.
/// </summary>
public abstract class AnomalyNet : Module<Tensor, Tensor>
{
    private protected AnomalyNet(string name)
        : base(name)
    {
    }

    /// <summary>A network of these settings for images of <paramref name="channels"/> planes, every weight drawn from <paramref name="seed"/>.</summary>
    internal static AnomalyNet Of(NetworkSettings settings, int channels, Seed seed)
    {
        AnomalyNet net = settings.Kind.Tag switch
        {
            NetworkKind.Tags.UNet => new UNet(settings, channels, seed),
            NetworkKind.Tags.Autoencoder => new Autoencoder(settings, channels, seed),
            NetworkKind.Tags.Variational => new VariationalAutoencoder(settings, channels, seed),
            NetworkKind.Tags.Quantised => new QuantisedAutoencoder(settings, channels, seed),
            NetworkKind.Tags.Transformer => new PatchTransformer(settings, channels, seed),
            NetworkKind.Tags.Adversarial => new AdversarialAutoencoder(settings, channels, seed),
            NetworkKind.Tags.Discriminative => new DiscriminativeNet(settings, channels, seed),
            NetworkKind.Tags.Classifier => new CorruptionClassifier(settings, channels, seed),
            var tag => throw new ArgumentException($"a network of kind {tag} is not known", nameof(settings)),
        };
        return settings.Removal.IsEmpty ? net : new Inpainting(net, settings);
    }

    /// <summary>What the network computes in while it learns; those that are not U-Nets know 32-bit floats alone.</summary>
    internal virtual ScalarType LearnsIn { get; set; } = ScalarType.Float32;

    /// <summary>One look in training.</summary>
    internal virtual Lesson Study(Lecture lecture) => new(forward(lecture.Input), null);

    /// <summary>He's normal initialisation from our own generator; what <paramref name="zero"/> names starts at zero, as all biases do.</summary>
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
                // Torch draws the biases of convolutions from a seed of its own; those of batch norm are zero already.
                if (name.EndsWith("bias", StringComparison.Ordinal))
                    parameter.zero_();
                continue;
            }
            if (zero?.Invoke(name) == true)
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
