using System.Globalization;
using Fae.Core;
using Fae.Kernels;
using Microsoft.FSharp.Collections;

namespace Fae.Detection;

/// <summary>
/// Several measures as one: the geometric mean of their heatmaps, each smoothed by filters of several sizes. The log of such a mean is a
/// weighted sum of log-scores; <c>Fae.Core.Combination</c> says how each counts.
/// </summary>
public static class CombinedScoring
{
    private static readonly (int Size, int Passes)[] Filters = [(5, 2), (9, 2), (15, 2)];

    private static readonly ReductionKind[] Reductions = [ReductionKind.Maximum, ReductionKind.Top];

    /// <summary>In pixels at 256; larger images get a proportionally larger one.</summary>
    private const double Border = 12;

    /// <summary>Whether these settings ask for it.</summary>
    public static bool IsAskedFor(ScoreSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        return settings.Measure is { } measure && measure.Value.Equals(Difference.combined);
    }

    /// <summary>
    /// A combination of <c>NetworkGeometry.combined</c> over the filters for each reduction and norm that the configuration leaves open,
    /// from held-out good pictures (two at least) and pictures with synthetic defects.
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
            .Distinct()
            .ToList();
        var ways = kinds.SelectMany(kind => norms.Select(norm => (Kind: kind, Norm: norm))).ToList();
        // Scores of each filter and measure, by each way.
        var scores = filters
            .Select(filter =>
                measures.Select(measure => Scores(ways.ConvertAll(way => Way(measure, filter, way)), good, bad, ignore)).ToList()
            )
            .ToList();
        return ways.Select(
                (way, number) =>
                {
                    var weights = Combination.weights(
                        ListModule.OfSeq(scores.Select(ofFilter => ListModule.OfSeq(ofFilter.Select(of => of[number]))))
                    );
                    // One filter is that of the heatmap, as a configuration says it; several are each term's own.
                    return filters.Count == 1
                        ? Way(Combined(weights[0].Zip(measures)), filters[0], way)
                        : Way(
                            Combined(
                                measures.SelectMany((m, of) => filters.Select((filter, at) => (weights[at][of], Smoothed(m, filter))))
                            ),
                            (1, 0),
                            way
                        );
                }
            )
            .ToList();

        ScoringCandidate Way(Measure measure, (int Size, int Passes) filter, (ReductionKind Kind, bool Norm) way) =>
            new(measure, filter.Size, filter.Passes, ReductionModule.ofKind(settings.TopFraction, way.Kind), border, way.Norm);
    }

    private static Measure Smoothed(Measure measure, (int Size, int Passes) filter) =>
        filter.Passes == 0 ? measure : Measure.NewSmoothed(filter.Size, filter.Passes, measure);

    /// <summary>Terms without a weight are left out; those of one measure stand beside each other.</summary>
    private static Measure Combined(IEnumerable<(double Weight, Measure Measure)> terms) =>
        Measure.NewGeometric(
            ListModule.OfSeq(terms.Where(term => term.Weight > 0).Select(term => Tuple.Create(Short(term.Weight), term.Measure)))
        );

    /// <summary>Three digits: people read them.</summary>
    private static float Short(double weight) =>
        float.Parse(weight.ToString("G3", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);

    /// <summary>The scores of ways that differ in reduction and norm.</summary>
    private static List<MemberScores> Scores(
        List<ScoringCandidate> ways,
        IReadOnlyList<ReconstructionPair> good,
        IReadOnlyList<ReconstructionPair> bad,
        Image? ignore
    )
    {
        var hidden = ignore.ToOption();
        var (measure, size, passes) = (ways[0].Measure, ways[0].FilterSize, ways[0].FilterPasses);
        var plain = ScoringModule.ofMap(measure, size, passes);
        var maps = good.Concat(bad)
            .AsParallel()
            .AsOrdered()
            .Select(pair => ScoringKernel.Heatmap(plain, pair.Input, pair.Reconstruction))
            .ToList();
        var scorings = ways.ConvertAll(new HeatmapMedians(maps.Take(good.Count).ToList(), hidden).Fit);
        var scores = maps.AsParallel().AsOrdered().Select(map => ScoringKernel.Scores(scorings, hidden, map)).ToList();
        float[] Of(IEnumerable<float[]> some, int way) => some.Select(one => one[way]).ToArray();
        var family = Difference.anomalyMaps(measure).IsEmpty ? MapFamily.Reconstruction : MapFamily.AnomalyMap;
        return ways.Select((_, way) => new MemberScores(family, Of(scores.Take(good.Count), way), Of(scores.Skip(good.Count), way)))
            .ToList();
    }
}
