using Fae.Core;
using Fae.Kernels;

namespace Fae.Detection;

/// <summary>
/// Several measures as one: the geometric mean of their heatmaps. The log of such a mean is a weighted sum of log-scores. Each is divided
/// by its deviation on held-out good pictures, so that all are on one scale, and weighted by how well it alone tells synthetic defects
/// from good pictures.
/// </summary>
public static class CombinedScoring
{
    private static readonly (int Size, int Passes)[] Filters = [(5, 2), (9, 2), (15, 2)];

    private static readonly ReductionKind[] Reductions = [ReductionKind.Maximum, ReductionKind.Top];

    /// <summary>In pixels at 256; larger images get a proportionally larger one.</summary>
    private const double Border = 12;

    /// <summary>A smaller deviation of log-scores counts as this one: two equal pictures would weigh without bound.</summary>
    private const double LeastDeviation = 0.02;

    /// <summary>The share is (2·AUROC − 1) to this power: the best measure dominates; one that is almost as good counts too.</summary>
    private const double Sharpness = 5;

    /// <summary>A measure with a smaller share is left out: it costs time at each inspection.</summary>
    private const double LeastShare = 0.01;

    /// <summary>Whether these settings ask for it.</summary>
    public static bool IsAskedFor(ScoreSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        return settings.Measure is { } measure && measure.Value.Equals(Difference.combined);
    }

    /// <summary>
    /// A combination of <c>NetworkGeometry.combined</c> for each filter, reduction and norm that the configuration leaves open, from
    /// held-out good pictures (two at least) and pictures with synthetic defects.
    /// </summary>
    public static IReadOnlyList<ScoringCandidate> Candidates(
        Config config,
        IReadOnlyList<ReconstructionPair> good,
        IReadOnlyList<ReconstructionPair> bad,
        Image? ignore
    )
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(good);
        ArgumentNullException.ThrowIfNull(bad);
        var settings = config.Score;
        var measures = NetworkGeometry.combined(config.Network).ToList();
        var kinds = settings.Reduction is { } kind ? [kind.Value] : Reductions;
        bool[] norms = settings.NormaliseByMedian is { } norm ? [norm.Value] : [false, true];
        var border = settings.Border?.Value ?? (int)Math.Round(Border * config.Image.Size / 256);
        var filters = Filters
            .Select(f => (Size: settings.FilterSize?.Value ?? f.Size, Passes: settings.FilterPasses?.Value ?? f.Passes))
            .Distinct();
        var candidates = new List<ScoringCandidate>();
        foreach (var (size, passes) in filters)
        {
            ScoringCandidate Way(Measure measure, ReductionKind kind, bool norm) =>
                new(measure, size, passes, ReductionModule.ofKind(settings.TopFraction, kind), border, norm);
            var ways = kinds.SelectMany(kind => norms.Select(norm => (Kind: kind, Norm: norm))).ToList();
            var shares = measures
                .Select(measure => Shares(ways.Select(way => Way(measure, way.Kind, way.Norm)).ToList(), good, bad, ignore))
                .ToList();
            for (var i = 0; i < ways.Count; i++)
                candidates.Add(Way(Combination(measures, shares.Select(share => share[i]).ToList()), ways[i].Kind, ways[i].Norm));
        }
        return candidates;
    }

    private static Measure Combination(List<Measure> measures, List<(double Share, double Deviation)> fits)
    {
        var all = fits.Sum(fit => fit.Share);
        var kept = measures
            .Zip(fits, (measure, fit) => (Measure: measure, Share: all > 0 ? fit.Share / all : 1.0 / fits.Count, fit.Deviation))
            .Where(one => one.Share >= LeastShare)
            .Select(one => (one.Measure, Weight: one.Share / one.Deviation))
            .ToList();
        var sum = kept.Sum(one => one.Weight);
        var terms = kept.Select(one => Tuple.Create((float)(one.Weight / sum), one.Measure));
        return Measure.NewGeometric(Microsoft.FSharp.Collections.ListModule.OfSeq(terms));
    }

    /// <summary>
    /// Of ways that differ in reduction and norm: the share of the measure by its synthetic AUROC, and the deviation of its log-scores on
    /// good pictures.
    /// </summary>
    private static List<(double Share, double Deviation)> Shares(
        List<ScoringCandidate> ways,
        IReadOnlyList<ReconstructionPair> good,
        IReadOnlyList<ReconstructionPair> bad,
        Image? ignore
    )
    {
        var hidden = ignore.ToOption();
        var (measure, size, passes) = (ways[0].Measure, ways[0].FilterSize, ways[0].FilterPasses);
        var plain = new Scoring(measure, size, passes, Reduction.Maximum, 0, Normalisation.Unnormalised);
        var maps = good.Concat(bad)
            .AsParallel()
            .AsOrdered()
            .Select(pair => ScoringKernel.Heatmap(plain, pair.Input, pair.Reconstruction))
            .ToList();
        var goodMaps = maps.Take(good.Count).ToList();
        var scorings = ways.ConvertAll(way => ScoringSearch.Fit(way, hidden, goodMaps));
        var scores = maps.AsParallel().AsOrdered().Select(map => ScoringKernel.Scores(scorings, hidden, map)).ToList();
        var labels = scores.Select((_, number) => number >= good.Count).ToArray();
        return scorings
            .Select(
                (_, way) =>
                {
                    var auroc = Metrics.auroc(scores.Select(one => one[way]).ToArray(), labels);
                    var better = auroc.IsOk ? Math.Max(0, 2 * auroc.ResultValue - 1) : 0;
                    var logs = scores.Take(good.Count).Select(one => Math.Log(Math.Max(float.Epsilon, one[way])));
                    return (Math.Pow(better, Sharpness), Math.Max(LeastDeviation, Deviation(logs.ToList())));
                }
            )
            .ToList();
    }

    private static double Deviation(List<double> values)
    {
        var mean = values.Average();
        return Math.Sqrt(values.Sum(value => (value - mean) * (value - mean)) / Math.Max(1, values.Count - 1));
    }
}
