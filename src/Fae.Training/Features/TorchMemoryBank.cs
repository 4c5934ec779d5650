using Fae.Core;
using Fae.Detection;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Fae.Training;

/// <summary>PatchCore in torch, for devices that ONNX Runtime does not have: the same numbers as its graph, to float rounding.</summary>
internal sealed class TorchMemoryBank : IReconstructor
{
    private readonly TorchBackbone backbone;
    private readonly Tensor bank;
    private readonly Device device;
    private readonly object gate = new();

    public TorchMemoryBank(Backbone backbone, IEnumerable<NamedArray> weights, Device device)
    {
        var array =
            weights.FirstOrDefault(array => array.Name == MemoryBankGraph.Bank)
            ?? throw new InvalidDataException("it lacks the array 'bank' that its configuration asks for");
        this.device = device;
        this.backbone = new TorchBackbone(backbone, device);
        bank = tensor(array.Values, array.Shape).to(device).DetachFromDisposeScope();
    }

    /// <inheritdoc/>
    public IReadOnlyList<Image> Reconstruct(IReadOnlyList<Image> images) => Batches.Run(images, Forward);

    /// <inheritdoc/>
    public void Dispose()
    {
        backbone.Dispose();
        bank.Dispose();
    }

    private List<Image> Forward(float[] values, long[] shape, Image[] images)
    {
        lock (gate)
        {
            using var off = no_grad();
            using var scope = NewDisposeScope();
            var x = tensor(values, shape).to(device);
            var embedding = TorchEmbedding.Of(backbone.Forward(x));
            var (n, h, w) = (embedding.shape[0], embedding.shape[2], embedding.shape[3]);
            var vectors = TorchEmbedding.Vectors(embedding);
            var products = addmm(bank.square().sum(1), vectors, bank.t(), beta: 1, alpha: -2);
            var squared = vectors.square().sum(1).add(products.amin([1])).clamp_min(0);
            var map = Layers.Upsample(squared.sqrt().reshape(n, 1, h, w), shape[2], shape[3]);
            return Batches.Split(cat([x, map], 1).cpu().contiguous().data<float>().ToArray(), images);
        }
    }
}

/// <summary>The patch embedding of <c>Fae.Core.Embedding</c> in torch.</summary>
internal static class TorchEmbedding
{
    /// <summary>(N, d, h, w) of the stages.</summary>
    public static Tensor Of(IReadOnlyList<Tensor> stages)
    {
        var (height, width) = (stages[0].shape[2], stages[0].shape[3]);
        return cat(stages.Select(Neighbourhood).Select((stage, i) => i == 0 ? stage : Layers.Upsample(stage, height, width)).ToList(), 1);
    }

    /// <summary>(N, d, h, w) → (N·h·w, d).</summary>
    public static Tensor Vectors(Tensor embedding) => embedding.permute(0, 2, 3, 1).reshape(-1, embedding.shape[1]);

    private static Tensor Neighbourhood(Tensor stage) => functional.avg_pool2d(stage, 3, 1, 1);
}
