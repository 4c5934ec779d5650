using Fae.Core;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Fae.Training;

/// <summary>
/// DRAEM (Zavrtanik, Kristan, Skočaj, ICCV 2021): an autoencoder reconstructs the picture, and a U-Net segments the anomaly from both.
/// The segmentation is trained with the focal loss −(1 − p)²·log p, p being the probability of the true class.
/// </summary>
internal sealed class DiscriminativeNet : AnomalyNet
{
    private readonly Autoencoder repair;
    private readonly UNet mark;

    public DiscriminativeNet(NetworkSettings settings, int channels, Seed seed)
        : base(nameof(DiscriminativeNet))
    {
        repair = new Autoencoder(settings, channels, Fae.Core.Random.fork(1, seed));
        mark = new UNet(settings, 2 * channels, 1, residual: false, Fae.Core.Random.fork(2, seed));
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var repaired = repair.forward(input);
        return cat([repaired, mark.forward(cat([input, repaired], 1)).sigmoid()], 1).MoveToOuterDisposeScope();
    }

    /// <summary>Logits of the U-Net.</summary>
    internal override ScalarType ComputeType
    {
        get => mark.ComputeType;
        set => mark.ComputeType = value;
    }

    internal override TrainingOutput TrainingForward(TrainingBatch batch)
    {
        var repaired = repair.forward(batch.Input);
        var marks = mark.forward(cat([batch.Input, repaired], 1));
        var truth = batch.Corrupted;
        var wrong = functional.binary_cross_entropy_with_logits(marks, truth, reduction: nn.Reduction.None);
        var focus = wrong.Times(-1).exp().Times(-1).Plus(1).Squared();
        return new(repaired, focus.mul(wrong).mul(batch.Mask.NotNegative()).mean());
    }
}
