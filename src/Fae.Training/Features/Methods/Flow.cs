using Fae.Core;
using Fae.Detection;
using static TorchSharp.torch;

namespace Fae.Training;

/// <summary>
/// MSFlow (Zhou et al., TNNLS 2024): the likelihood of good features, ½·Σ z² − log |J| a value, over all scales. The largest density of
/// good pictures is followed beside it.
/// </summary>
internal sealed class Flow(NetworkSettings settings, int channels, WeightSource weights, Backbone? backbone, Device device)
    : FeatureNet(settings, channels, weights, backbone, device)
{
    private const double Momentum = 0.05;

    internal override TrainingOutput TrainingForward(TrainingBatch batch)
    {
        var names = Backbone.Stages;
        var wanted = Enumerable
            .Range(0, names.Count)
            .SelectMany(i => new[] { FlowGraph.Latent(i), FlowGraph.LogDeterminant(i), FlowGraph.LogDensity(i) });
        var values = Values(Stages(Frozen(batch.Target, names)), [.. wanted]);
        var loss = zeros(1, device: batch.Target.device);
        for (var i = 0; i < names.Count; i++)
        {
            var (latent, determinant) = (values[3 * i], values[3 * i + 1]);
            Observe(FlowGraph.Peak(i), values[3 * i + 2].detach().amax([0, 1, 2, 3]));
            var perPlace = latent.Squared().sum([1], keepdim: true).Times(0.5).Minus(determinant);
            loss = loss.Plus(perPlace.mean().Times(1.0 / latent.shape[1]));
        }
        return new(null, loss.squeeze(0));
    }

    private void Observe(string name, Tensor largest)
    {
        using var off = no_grad();
        var peak = get_buffer(name)!;
        peak.copy_(peak.Times(1 - Momentum).Plus(largest.Times(Momentum)));
    }
}
