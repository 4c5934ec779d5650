using Fae.Core;
using static TorchSharp.torch;

namespace Fae.Training;

/// <summary><c>Fae.Core.Sinkhorn</c> in torch, with gradients.</summary>
internal static class TorchSinkhorn
{
    /// <summary>The divergence between two sets of rows, (n, d) and (m, d), a scalar.</summary>
    public static Tensor Divergence(Tensor a, Tensor b) => Cost(a, b).Minus(Cost(a, a).Plus(Cost(b, b)).Times(0.5));

    private static Tensor Cost(Tensor a, Tensor b)
    {
        var cost = a.unsqueeze(1).Minus(b.unsqueeze(0)).Squared().sum(2).Times(0.5);
        var (f, g) = (zeros(a.shape[0], device: a.device), zeros(b.shape[0], device: b.device));
        var (evenA, evenB) = (-Math.Log(a.shape[0]), -Math.Log(b.shape[0]));
        for (var i = 0; i < Sinkhorn.iterations; i++)
        {
            f = g.unsqueeze(0).Minus(cost).Times(1 / Sinkhorn.epsilon).Plus(evenB).logsumexp(1).Times(-Sinkhorn.epsilon);
            g = f.unsqueeze(1).Minus(cost).Times(1 / Sinkhorn.epsilon).Plus(evenA).logsumexp(0).Times(-Sinkhorn.epsilon);
        }
        return f.mean().Plus(g.mean());
    }
}
