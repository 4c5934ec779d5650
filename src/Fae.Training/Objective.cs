using Fae.Core;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Fae.Training;

/// <summary>
/// The training loss: the two-term objective of equation (3), and, with non-zero weights, structural dissimilarity, the Jacobian norm and
/// the network's own loss term. Every method's loss is such a sum.
/// </summary>
internal sealed class Objective(ObjectiveSettings settings, double lambda)
{
    private const double LossScale = 10;
    private const int Window = 11;
    private const int Scales = 4;

    /// <summary>
    /// The loss of one batch, a scalar; times ten, so that small gradients stay above Adam's epsilon.
    /// </summary>
    public Tensor Of(AnomalyNet network, TrainingBatch batch)
    {
        var contracts = settings.Contraction > 0;
        if (contracts)
            batch = batch with { Input = batch.Input.detach().requires_grad_(true) };
        var (output, penalty) = network.TrainingForward(batch);
        var terms = new List<Tensor>();
        if (output is not null)
        {
            terms.Add(TwoTerm(output, batch.Target, batch.Mask));
            if (settings.Ssim > 0)
                terms.Add(Ssim(output, batch.Target).Times(LossScale * settings.Ssim));
            if (settings.Gms > 0)
                terms.Add(Gms(output, batch.Target).Times(LossScale * settings.Gms));
            if (contracts)
                terms.Add(Contraction(output, batch).Times(LossScale * settings.Contraction));
        }
        if (penalty is not null && settings.Auxiliary > 0)
            terms.Add(penalty.Times(LossScale * settings.Auxiliary));
        var sum = terms[0];
        for (var i = 1; i < terms.Count; i++)
            sum = sum.Plus(terms[i]);
        return sum;
    }

    /// <summary>(1−λ)/|M̄|·‖M̄⊙(f−x)‖² + λ/|M|·‖M⊙(f−x)‖² over the batch, masks of −1 left out, the divisions guarded.</summary>
    private Tensor TwoTerm(Tensor output, Tensor target, Tensor mask)
    {
        var error = output.Minus(target).Squared().mean([1], keepdim: true);
        var corrupted = mask.AtLeast(0);
        var clean = mask.NotNegative().Minus(corrupted);
        var cleanTerm = error.mul(clean).sum().div(clean.sum().Plus(1));
        var corruptedTerm = error.mul(corrupted).sum().div(corrupted.sum().Plus(1));
        return cleanTerm.Times(LossScale * (1 - lambda)).Plus(corruptedTerm.Times(LossScale * lambda));
    }

    /// <summary>The mean of 1 − SSIM, <c>Fae.Core.Difference.ssim</c>.</summary>
    private static Tensor Ssim(Tensor x, Tensor r)
    {
        var (mx, mr) = (Mean(x), Mean(r));
        var vx = Mean(x.Squared()).Minus(mx.Squared());
        var vr = Mean(r.Squared()).Minus(mr.Squared());
        var both = Mean(x.mul(r)).Minus(mx.mul(mr));
        var upper = mx.mul(mr).Times(2).Plus(Difference.ssimC1).mul(both.Times(2).Plus(Difference.ssimC2));
        var lower = mx.Squared().Plus(mr.Squared()).Plus(Difference.ssimC1).mul(vx.Plus(vr).Plus(Difference.ssimC2));
        return upper.div(lower).mean().Times(-1).Plus(1);
    }

    /// <summary>The window's mean, windows cut at the border; one direction after the other.</summary>
    private static Tensor Mean(Tensor x)
    {
        const int reach = Window / 2;
        var down = functional.avg_pool2d(x, [Window, 1], [1, 1], [reach, 0], count_include_pad: false);
        return functional.avg_pool2d(down, [1, Window], [1, 1], [0, reach], count_include_pad: false);
    }

    /// <summary>The mean of 1 − GMS over four sizes.</summary>
    private static Tensor Gms(Tensor x, Tensor r)
    {
        var (a, b) = (x.mean([1], keepdim: true), r.mean([1], keepdim: true));
        Tensor? sum = null;
        for (var scale = 0; scale < Scales; scale++)
        {
            var (ga, gb) = (Gradient(a), Gradient(b));
            var like = ga.mul(gb)
                .Times(2)
                .Plus(Difference.gmsConstant)
                .div(ga.Squared().Plus(gb.Squared()).Plus(Difference.gmsConstant))
                .mean();
            sum = sum is null ? like : sum.Plus(like);
            (a, b) = (functional.avg_pool2d(a, 2), functional.avg_pool2d(b, 2));
        }
        return sum!.Times(-1.0 / Scales).Plus(1);
    }

    /// <summary>
    /// Prewitt gradient magnitude of one plane, with a small offset because the square root's derivative is infinite at zero. It uses sums
    /// of shifted planes instead of a convolution: oneDNN 3.7 (libtorch 2.10) leaves padding uninitialised for one channel in blocks of
    /// eight or sixteen, which corrupts the gradient.
    /// </summary>
    private static Tensor Gradient(Tensor plane)
    {
        var padded = functional.pad(plane, [1, 1, 1, 1], TorchSharp.PaddingModes.Replicate);
        Tensor Slope(int across, int along)
        {
            var sum = Three(padded, along);
            var length = sum.shape[across] - 2;
            return sum.narrow(across, 2, length).Minus(sum.narrow(across, 0, length)).Times(1.0 / 3);
        }
        return Slope(3, 2).Squared().Plus(Slope(2, 3).Squared()).Plus(1e-8).sqrt();
    }

    /// <summary>The sums of three neighbours along a dimension.</summary>
    private static Tensor Three(Tensor x, int along)
    {
        var length = x.shape[along] - 2;
        return x.narrow(along, 0, length).Plus(x.narrow(along, 1, length)).Plus(x.narrow(along, 2, length));
    }

    /// <summary>
    /// ‖J_f‖²_F per value: E over normal v of ‖Jᵀv‖² (Hutchinson 1990), one v per step. Batch normalisation couples the images of a batch
    /// slightly.
    /// </summary>
    private static Tensor Contraction(Tensor output, TrainingBatch batch)
    {
        var probe = batch.Random.Normal(output.shape);
        return autograd.grad([output], [batch.Input], [probe], retain_graph: true, create_graph: true)[0].Squared().mean();
    }
}
