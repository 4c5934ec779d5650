using Fae.Core;
using Fae.Detection;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Fae.Training;

/// <summary>
/// RealNet (Zhang et al., CVPR 2024): channels are selected whose normalised change by corruption matches the mask best. U-Nets learn to
/// give the clean features from the corrupted picture's, the decoder learns the mask from the residuals. Loss: squared error of the
/// features + cross-entropy.
/// </summary>
internal sealed class FeatureResidual(NetworkSettings settings, int channels, WeightSource weights, Backbone? backbone, Device device)
    : FeatureNet(settings, channels, weights, backbone, device)
{
    internal override int PreparationBatches => 16;

    internal override void Prepare(IEnumerable<TrainingBatch> batches, CancellationToken stop)
    {
        var names = Backbone.Stages;
        var errors = Backbone.Channels.Select(count => new double[count]).ToList();
        foreach (var batch in batches)
        {
            var (clean, corrupted) = (Frozen(batch.Target, names), Frozen(batch.Input, names));
            for (var i = 0; i < names.Count; i++)
            {
                var mask = functional.interpolate(batch.Corrupted, size: clean[i].shape[2..], mode: InterpolationMode.Area);
                foreach (var (error, channel) in Mismatch(clean[i], corrupted[i], mask).Select((error, channel) => (error, channel)))
                    errors[i][channel] += error;
            }
        }
        for (var i = 0; i < names.Count; i++)
        {
            var best = Enumerable
                .Range(0, errors[i].Length)
                .OrderBy(channel => errors[i][channel])
                .Take(ResidualGraph.Count(errors[i].Length));
            get_buffer(ResidualGraph.Selection(i))!.copy_(tensor(best.Order().Select(channel => (float)channel).ToArray()));
        }
    }

    internal override TrainingOutput TrainingForward(TrainingBatch batch)
    {
        var names = Backbone.Stages;
        var (clean, corrupted) = (Frozen(batch.Target, names), Frozen(batch.Input, names));
        var stages = Enumerable.Range(0, names.Count).ToList();
        var truth = Values(Stages(clean), [.. stages.Select(ResidualGraph.Selected)]);
        var values = Values(Stages(corrupted), [ResidualGraph.Logit, .. stages.Select(ResidualGraph.Reconstructed)]);
        var mask = functional.adaptive_max_pool2d(batch.Corrupted, values[0].shape[2..]);
        var loss = functional.binary_cross_entropy_with_logits(values[0], mask);
        foreach (var i in stages)
            loss = loss.Plus(values[1 + i].Minus(truth[i]).Squared().mean());
        return new(null, loss);
    }

    /// <summary>
    /// The mean over the batch of the squared distance between the mask and each channel's squared change, scaled to [0, 1] in each
    /// picture.
    /// </summary>
    private static double[] Mismatch(Tensor clean, Tensor corrupted, Tensor mask)
    {
        var change = corrupted.Minus(clean).Squared();
        var low = change.amin([2, 3], keepdim: true);
        var scaled = change.Minus(low).div(change.amax([2, 3], keepdim: true).Minus(low).Plus(1e-9));
        return scaled.Minus(mask).Squared().mean([0, 2, 3]).cpu().data<float>().Select(value => (double)value).ToArray();
    }
}
