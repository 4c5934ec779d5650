using Fae.Core;
using Fae.Detection;
using Fae.Kernels;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Fae.Training;

/// <summary>
/// PNI (Bae et al., ICCV 2023): before training, two coresets of good features (the memory bank and its codes) and a histogram of codes by
/// position. Then a perceptron learns the code of a place from its neighbours, by cross-entropy.
/// </summary>
internal sealed class NeighbourCodes(NetworkSettings settings, int channels, WeightSource weights, Backbone? backbone, Device device)
    : FeatureNet(settings, channels, weights, backbone, device)
{
    /// <summary>Positions count up to so many places away, of a grid of 32.</summary>
    private const int Reach = 4;

    private const int VectorsPerBatch = 2000;

    /// <summary>Dimensions of the random projection in which the coresets are chosen.</summary>
    private const int Projected = 64;

    private readonly int bankSize = settings.BankSize;
    private readonly int codeCount = settings.Latent;

    internal override int PreparationBatches => 50;

    internal override void Prepare(IEnumerable<TrainingBatch> batches, CancellationToken stop)
    {
        var maps = new List<Tensor>();
        var some = new List<Tensor>();
        Tensor? projection = null;
        foreach (var batch in batches)
        {
            projection ??= batch.Random.Normal([Backbone.Dimensions, Projected]).DetachFromDisposeScope();
            var values = Frozen(batch.Target, EmbeddingGraph.MapName, EmbeddingGraph.VectorsName);
            var grid =
                values[0].shape[2] == NeighbourGraph.Grid && values[0].shape[3] == NeighbourGraph.Grid
                    ? values[0]
                    : Layers.Upsample(values[0], NeighbourGraph.Grid, NeighbourGraph.Grid);
            maps.Add(grid.to_type(ScalarType.BFloat16).DetachFromDisposeScope());
            some.Add(FeatureVectors.Some(values[1], VectorsPerBatch, batch.Random).DetachFromDisposeScope());
        }
        using var scope = NewDisposeScope();
        var vectors = cat(some);
        some.ForEach(part => part.Dispose());
        var projected = vectors.matmul(projection!);
        projection!.Dispose();
        var bank = vectors.index_select(0, Coreset(projected, bankSize, stop));
        var codes = vectors.index_select(0, Coreset(projected, codeCount, stop));
        get_buffer(MemoryBankGraph.Bank(1))!.copy_(bank);
        get_buffer(NeighbourGraph.Codes)!.copy_(codes);
        get_buffer(NeighbourGraph.CodeOf)!.copy_(Nearest(bank, codes).to_type(ScalarType.Float32));
        get_buffer(NeighbourGraph.Positions)!.copy_(Histogram(maps, codes));
        maps.ForEach(map => map.Dispose());
    }

    internal override TrainingOutput TrainingForward(TrainingBatch batch)
    {
        var values = Frozen(batch.Target, EmbeddingGraph.MapName, EmbeddingGraph.VectorsName);
        var codes = Nearest(values[1], get_buffer(NeighbourGraph.Codes)!);
        var logits = Value(NeighbourGraph.Logits, EmbeddingGraph.MapName, values[0]);
        return new(null, functional.cross_entropy(FeatureVectors.Of(logits), codes));
    }

    /// <summary>The numbers of greedy farthest points; where there are too few, the first again.</summary>
    private static Tensor Coreset(Tensor vectors, int count, CancellationToken stop)
    {
        var values = vectors.cpu().contiguous().data<float>().ToArray();
        var chosen = CoresetKernel.Choose(values, (int)vectors.shape[1], 1, count, _ => { }, stop);
        return tensor(Enumerable.Range(0, count).Select(i => (long)chosen[i % chosen.Length]).ToArray()).to(vectors.device);
    }

    /// <summary>The number of the nearest code of each vector.</summary>
    private static Tensor Nearest(Tensor vectors, Tensor codes) =>
        vectors.matmul(codes.t()).Times(-2).Plus(codes.Squared().sum([1])).argmin(1);

    /// <summary>How often each code is found within a few places of each position, as probabilities, (1, codes, 32, 32).</summary>
    private static Tensor Histogram(List<Tensor> maps, Tensor codes)
    {
        const long side = NeighbourGraph.Grid;
        var counts = zeros(1, codes.shape[0], side, side, device: codes.device);
        foreach (var map in maps)
        {
            using var scope = NewDisposeScope();
            var found = Nearest(FeatureVectors.Of(map.to_type(ScalarType.Float32)), codes).reshape(-1, side, side);
            counts.add_(functional.one_hot(found, codes.shape[0]).sum([0], type: ScalarType.Float32).permute(2, 0, 1).unsqueeze(0));
        }
        var near = functional.avg_pool2d(counts, 2 * Reach + 1, 1, Reach, count_include_pad: false);
        return near.div(near.sum([1], keepdim: true));
    }
}
