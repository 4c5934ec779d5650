using static TorchSharp.torch;

namespace Fae.Training;

/// <summary>Vectors of feature maps.</summary>
internal static class FeatureVectors
{
    /// <summary>(N, C, h, w) → (N·h·w, C).</summary>
    public static Tensor Of(Tensor map) => map.permute(0, 2, 3, 1).reshape(-1, map.shape[1]);

    /// <summary>Gaussian noise for (M, d) vectors; its deviation is a share of the mean deviation of their numbers.</summary>
    public static Tensor Noise(Tensor vectors, double share, StepRandom random) =>
        random.Normal(vectors.shape).mul(vectors.detach().std(0, unbiased: true).mean()).Times(share);

    /// <summary>At most so many rows, drawn at random.</summary>
    public static Tensor Some(Tensor vectors, int most, StepRandom random) =>
        vectors.shape[0] <= most ? vectors : vectors.index_select(0, random.Some((int)vectors.shape[0], most).to(vectors.device));
}
