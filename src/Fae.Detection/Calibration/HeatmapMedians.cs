using Fae.Core;
using Fae.Kernels;
using Microsoft.FSharp.Core;

namespace Fae.Detection;

/// <summary>The medians of good pictures' heatmaps, each found once: for ways of scoring that divide by the median.</summary>
internal sealed class HeatmapMedians(IReadOnlyList<Image> heatmaps, FSharpOption<Image>? ignore)
{
    private readonly Dictionary<int, float[]> found = [];

    /// <summary>The mean median; positive.</summary>
    public static float Typical(IEnumerable<float> medians) => (float)Math.Max(medians.Average(median => (double)median), float.Epsilon);

    /// <summary>A way of scoring, fitted to these heatmaps.</summary>
    public Scoring Fit(ScoringCandidate candidate) =>
        ScoringCandidateModule.fit(FuncConvert.FromFunc(() => Typical(Within(candidate.Border))), candidate);

    /// <summary><c>Combination.spread</c> of the heatmaps' scores; over the whole median where the way of scoring divides by it.</summary>
    public double Spread(Scoring scoring, float[] scores)
    {
        var medians = scoring.Normalisation.IsUnnormalised ? Enumerable.Repeat(1f, scores.Length).ToArray() : Within(scoring.Border);
        return Combination.spread(scores.Zip(medians, scoring.Reduced).ToArray(), medians);
    }

    private float[] Within(int border)
    {
        if (!found.TryGetValue(border, out var medians))
            found[border] = medians = heatmaps.AsParallel().AsOrdered().Select(map => ScoringKernel.Median(border, ignore, map)).ToArray();
        return medians;
    }
}
