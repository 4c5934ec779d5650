using Fae.Core;
using Microsoft.FSharp.Core;

namespace Fae.Kernels;

/// <summary>
/// The metrics of <c>Fae.Core.Metrics</c>, exact, over what is in memory; <see cref="PixelMetrics"/> has them over any number of pictures.
/// </summary>
public static class MetricsKernel
{
    /// <summary>AUROC, AP, F1-max and the ROC curve thinned to about <paramref name="points"/> points.</summary>
    public static FSharpResult<Summary, MetricError> Summarise(int points, float[] scores, bool[] labels)
    {
        ArgumentNullException.ThrowIfNull(scores);
        ArgumentNullException.ThrowIfNull(labels);
        if (scores.Length != labels.Length)
            throw new ArgumentException($"{scores.Length} scores have {labels.Length} labels", nameof(labels));
        if (RankedScores.Of([scores], new Flags(labels)) is not { } ranked)
            return FSharpResult<Summary, MetricError>.NewError(MetricError.NotANumber);
        var pool = new ChunkPool();
        return RateSweep.Summarise(points, CountedKeys.OfRising(ranked.Positives, pool), CountedKeys.OfRising(ranked.Negatives, pool));
    }

    /// <summary>Pixel AUROC over every <paramref name="every"/>-th pixel of every such row; one half where it is not defined.</summary>
    public static double PixelAuroc(IReadOnlyList<Image> maps, IReadOnlyList<Image> masks, int every)
    {
        ArgumentNullException.ThrowIfNull(maps);
        ArgumentNullException.ThrowIfNull(masks);
        var scores = new List<float>();
        var labels = new List<bool>();
        for (var i = 0; i < maps.Count; i++)
        for (var y = every / 2; y < maps[i].Height; y += every)
        for (var x = every / 2; x < maps[i].Width; x += every)
        {
            scores.Add(maps[i].Pixels[y * maps[i].Width + x]);
            labels.Add(masks[i].Pixels[y * maps[i].Width + x] >= 0.5f);
        }
        var summary = Summarise(2, scores.ToArray(), labels.ToArray());
        return summary.IsOk ? summary.ResultValue.Auroc : 0.5;
    }

    private readonly struct Flags(bool[] labels) : ILabels
    {
        public bool All => true;

        public Class Of(int part, int index) => labels[index] ? Class.Positive : Class.Negative;
    }
}
