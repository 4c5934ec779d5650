using Fae.Core;
using Fae.Kernels;

namespace Fae.Detection;

/// <summary>
/// Several measures as one, without a choice among them: the geometric mean of their heatmaps, each with a weight of its share over the
/// deviation of its log-scores on good pictures. The log of such a mean is the mean of standardised logs, but for constants.
/// </summary>
public static class CombinedScoring
{
    private const int FilterSize = 9,
        FilterPasses = 2;

    /// <summary>In pixels at 256; larger images get a proportionally larger one.</summary>
    private const double Border = 12;

    /// <summary>A smaller deviation of log-scores counts as this one: two equal pictures would weigh without bound.</summary>
    private const double LeastDeviation = 0.02;

    /// <summary>Whether these settings ask for it.</summary>
    public static bool IsAskedFor(ScoreSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        return settings.Measure is { } measure && measure.Value.Equals(Difference.combined);
    }

    /// <summary>
    /// The combination of <c>NetworkGeometry.combined</c>, with what the configuration says of filter, reduction, border and norm. Two
    /// good pictures at least.
    /// </summary>
    public static ScoringCandidate Of(Config config, IReadOnlyList<ReconstructionPair> good, Image? ignore)
    {
        ArgumentNullException.ThrowIfNull(config);
        var settings = config.Score;
        var parts = NetworkGeometry.combined(config.Network);
        ScoringCandidate Way(Measure measure) =>
            new(
                measure,
                settings.FilterSize?.Value ?? FilterSize,
                settings.FilterPasses?.Value ?? FilterPasses,
                ReductionModule.ofKind(settings.TopFraction, settings.Reduction?.Value ?? ReductionKind.Top),
                settings.Border?.Value ?? (int)Math.Round(Border * config.Image.Size / 256),
                settings.NormaliseByMedian?.Value ?? true
            );
        var weights = parts
            .Select(part => part.Item1 / Math.Max(LeastDeviation, Deviation(LogScores(Way(part.Item2), good, ignore))))
            .ToList();
        var terms = parts.Zip(weights, (part, weight) => Tuple.Create((float)(weight / weights.Sum()), part.Item2));
        return Way(Measure.NewGeometric(Microsoft.FSharp.Collections.ListModule.OfSeq(terms)));
    }

    private static List<double> LogScores(ScoringCandidate way, IReadOnlyList<ReconstructionPair> good, Image? ignore)
    {
        var hidden = ignore.ToOption();
        var plain = new Scoring(way.Measure, way.FilterSize, way.FilterPasses, Reduction.Maximum, 0, Normalisation.Unnormalised);
        var maps = good.AsParallel().AsOrdered().Select(pair => ScoringKernel.Heatmap(plain, pair.Input, pair.Reconstruction)).ToList();
        var scoring = ScoringSearch.Fit(way, hidden, maps);
        return maps.Select(map => Math.Log(Math.Max(float.Epsilon, ScoringKernel.Score(scoring, hidden, map)))).ToList();
    }

    private static double Deviation(List<double> values)
    {
        var mean = values.Average();
        return Math.Sqrt(values.Sum(value => (value - mean) * (value - mean)) / Math.Max(1, values.Count - 1));
    }
}
