using Fae.Core;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Fae.Engine;

/// <summary>
/// DRAEM (Zavrtanik, Kristan, Skočaj, ICCV 2021): an autoencoder repairs the picture, and a U-Net that sees both marks what was repaired. The marks learn by the focal
/// loss −(1 − p)²·log p of the right answer's p.
/// </summary>
internal sealed class DiscriminativeNet : AnomalyNet
{
    private const double Touched = 0.1;
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

    /// <summary>Of the U-Net.</summary>
    internal override ScalarType LearnsIn
    {
        get => mark.LearnsIn;
        set => mark.LearnsIn = value;
    }

    internal override Lesson Study(Lecture lecture)
    {
        var repaired = repair.forward(lecture.Input);
        var marks = mark.forward(cat([lecture.Input, repaired], 1));
        var truth = lecture.Mask.Above(Touched);
        var wrong = functional.binary_cross_entropy_with_logits(marks, truth, reduction: nn.Reduction.None);
        var focus = wrong.Times(-1).exp().Times(-1).Plus(1).Squared();
        return new(repaired, focus.mul(wrong).mul(lecture.Mask.NotNegative()).mean());
    }
}
