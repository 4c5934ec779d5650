using Fae.Core;
using Fae.Detection;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Fae.Training;

/// <summary>
/// RD++ (Tien et al., CVPR 2023): the student learns the teacher's stages from the bottleneck; the projections learn to forget noise. Loss:
/// Σ (1 − cosine of teacher and student) + 0.2·(Sinkhorn divergence of the projections + 0.01·(1 − cosine of noisy and good projections) +
/// 0.1·max(0, cosine of noisy features and good projections − ½)) / 3.
/// </summary>
internal sealed class ReverseDistillation(NetworkSettings settings, int channels, WeightSource weights, Backbone? backbone, Device device)
    : FeatureNet(settings, channels, weights, backbone, device)
{
    private const double ProjectionWeight = 0.2;
    private const double ReconstructionWeight = 0.01;
    private const double ContrastWeight = 0.1;
    private const double Margin = 0.5;
    private const double NoiseStrength = 0.2;

    internal override double RateOf(string parameter) => parameter.StartsWith("projector", StringComparison.Ordinal) ? 0.2 : 1;

    internal override TrainingOutput TrainingForward(TrainingBatch batch)
    {
        var names = Backbone.Stages;
        var count = names.Count;
        var good = Frozen(batch.Target, names);
        var noisy = Frozen(OctaveNoise.InBoxes(batch.Target, NoiseStrength, batch.Random), names);
        var projections = Enumerable.Range(0, count).Select(ReverseDistillationGraph.Projected).ToList();
        var decoded = Enumerable.Range(0, count).Select(ReverseDistillationGraph.Decoded);
        var values = Values(Stages(good), [.. projections, .. decoded]);
        var ofNoisy = Values(Stages(noisy), projections);

        var loss = zeros(1, device: batch.Target.device);
        for (var i = 0; i < count; i++)
        {
            var projection = Rows(values[i]);
            var distance = OneMinus(Cosine(Rows(good[i]), Rows(values[count + i]))).mean();
            var reconstruction = OneMinus(Cosine(Rows(ofNoisy[i]), projection)).mean().Times(ReconstructionWeight);
            var contrast = Cosine(Rows(noisy[i]), projection).Plus(-Margin).AtLeast(0).mean().Times(ContrastWeight);
            var spread = Spread(projection);
            loss = loss.Plus(distance).Plus(reconstruction.Plus(contrast).Plus(spread).Times(ProjectionWeight / 3));
        }
        return new(null, loss.squeeze(0));
    }

    /// <summary>
    /// The Sinkhorn divergence between the projections of one half of the batch and of the other. The authors compare a batch with itself
    /// in another order, of which the divergence is zero.
    /// </summary>
    private static Tensor Spread(Tensor projection)
    {
        var half = projection.shape[0] / 2;
        if (half == 0)
            return zeros(1, device: projection.device);
        var mass = projection.softmax(1);
        return TorchSinkhorn.Divergence(mass.narrow(0, 0, half), mass.narrow(0, half, half));
    }

    private static Tensor Rows(Tensor map) => map.reshape(map.shape[0], -1);

    private static Tensor Cosine(Tensor a, Tensor b) => functional.cosine_similarity(a, b, 1);

    private static Tensor OneMinus(Tensor a) => a.Times(-1).Plus(1);
}
