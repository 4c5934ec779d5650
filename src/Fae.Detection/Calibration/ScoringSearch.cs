using System.Globalization;
using Fae.Core;
using Fae.Kernels;

namespace Fae.Detection;

/// <summary>A picture and the network's output for it.</summary>
public sealed record ReconstructionPair(Image Input, Image Reconstruction);

/// <summary>How one way of scoring did: on synthetic defects, or, as a measurement only, on labelled pictures.</summary>
/// <param name="Candidate">What was tried.</param>
/// <param name="Scoring">The same, fitted on the good pictures of the trial.</param>
/// <param name="ImageAuroc">In [0, 1].</param>
/// <param name="PixelAuroc">In [0, 1].</param>
public sealed record ScoringTrial(ScoringCandidate Candidate, Scoring Scoring, double ImageAuroc, double PixelAuroc)
{
    /// <summary>The mean of both AUROCs, by which trials are sorted.</summary>
    public double MeanAuroc => 0.5 * (ImageAuroc + PixelAuroc);

    /// <summary><c>Combination.spread</c> of the good pictures' scores; 0 if it was not measured.</summary>
    public double Spread { get; init; }
}

/// <summary>
/// Chooses how to score. It sees held-out good images and synthetic defects on them, and nothing else: there is no way to hand it a test
/// image.
/// </summary>
public static class ScoringSearch
{
    private static readonly (int Size, int Passes)[] Filters = [(3, 1), (3, 2), (5, 2), (9, 2), (15, 2), (25, 2)];

    /// <summary>In pixels at 256; larger images get proportionally larger ones.</summary>
    private static readonly double[] Borders = [0, 4, 12];

    /// <summary>
    /// All candidates that the settings leave open. Pictures that keep their shapes (tiles) are not summed: a larger picture would get a
    /// larger score.
    /// </summary>
    public static IReadOnlyList<ScoringCandidate> Candidates(ScoreSettings settings, ImageSettings image, NetworkSettings network)
    {
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(image);
        ArgumentNullException.ThrowIfNull(network);
        var measures = settings.Measure is { } measure ? [measure.Value] : NetworkGeometry.measures(network).ToArray();
        var filters = Filters
            .Select(f => (Size: settings.FilterSize?.Value ?? f.Size, Passes: settings.FilterPasses?.Value ?? f.Passes))
            .Distinct();
        ReductionKind[] kinds =
            settings.Reduction is { } kind ? [kind.Value]
            : image.Tile > 0 ? [ReductionKind.Maximum, ReductionKind.Top]
            : [ReductionKind.Maximum, ReductionKind.Top, ReductionKind.Sum];
        var borders = settings.Border is { } border ? [border.Value] : Borders.Select(b => (int)Math.Round(b * image.Size / 256)).ToArray();
        bool[] normalised = settings.NormaliseByMedian is { } normalise ? [normalise.Value] : [false, true];
        return (
            from m in measures
            from f in filters
            from k in kinds
            from b in borders
            from n in normalised
            select new ScoringCandidate(m, f.Size, f.Passes, ReductionModule.ofKind(settings.TopFraction, k), b, n)
        ).ToList();
    }

    /// <summary>
    /// Tries every candidate that the configuration leaves open on held-out images and synthetic defects, the best first. If it asks for
    /// a combination of the measures, the candidates are combinations.
    /// </summary>
    public static IReadOnlyList<ScoringTrial> Try(Config config, TestTimeAugmentation network, ValidationSet validation, Image? ignore)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(validation);
        List<ReconstructionPair> Pairs(IReadOnlyList<Image> images) =>
            images.Zip(network.Reconstruct(images), (x, r) => new ReconstructionPair(x, r)).ToList();
        var clean = Pairs(validation.Clean);
        var corrupted = Pairs(validation.Corrupted);
        var candidates = CombinedScoring.IsAskedFor(config.Score)
            ? CombinedScoring.Candidates(config, clean, corrupted, ignore)
            : Candidates(config.Score, config.Image, config.Network);
        return Compare(candidates, clean, corrupted, validation.Masks, ignore);
    }

    /// <summary>
    /// How well every candidate separates bad pictures from good ones, the best first. A measurement: what is done with it is the
    /// caller's choice, and nothing that was measured on test pictures may choose. Bad pictures without a mask count for the image AUROC
    /// alone.
    /// </summary>
    public static IReadOnlyList<ScoringTrial> Compare(
        IReadOnlyList<ScoringCandidate> candidates,
        IReadOnlyList<ReconstructionPair> good,
        IReadOnlyList<ReconstructionPair> bad,
        IReadOnlyList<Image?> masks,
        Image? ignore
    )
    {
        var labels = good.Select(_ => false).Concat(bad.Select(_ => true)).ToArray();
        var hidden = ignore.ToOption();
        // Good pictures of one shape share one empty mask.
        var empty = good.Select(Shape)
            .Distinct()
            .ToDictionary(shape => shape, shape => ImageModule.constant(1, shape.Height, shape.Width, 0));
        var masked = Enumerable.Range(0, bad.Count).Where(i => masks[i] is not null).ToList();
        var truth = good.Select(pair => empty[Shape(pair)]).Concat(masked.Select(i => masks[i]!)).ToList();

        IEnumerable<ScoringTrial> TryMaps(IGrouping<(Measure, int, int), ScoringCandidate> sameMap)
        {
            var (measure, size, passes) = sameMap.Key;
            var map = ScoringModule.ofMap(measure, size, passes);
            List<Image> Maps(IReadOnlyList<ReconstructionPair> some) =>
                some.AsParallel().AsOrdered().Select(p => ScoringKernel.Heatmap(map, p.Input, p.Reconstruction)).ToList();
            var goodMaps = Maps(good);
            var badMaps = Maps(bad);
            var pixel = MetricsKernel.PixelAuroc(goodMaps.Concat(masked.Select(i => badMaps[i])).ToList(), truth, 4);
            var medians = new HeatmapMedians(goodMaps, hidden);
            var ways = sameMap.Select(candidate => (Candidate: candidate, Scoring: medians.Fit(candidate))).ToList();
            var scorings = ways.Select(way => way.Scoring).ToList();
            var scores = goodMaps
                .Concat(badMaps)
                .AsParallel()
                .AsOrdered()
                .Select(heatmap => ScoringKernel.Scores(scorings, hidden, heatmap))
                .ToList();
            for (var i = 0; i < ways.Count; i++)
            {
                var found = scores.Select(s => s[i]).ToArray();
                var image = Metrics.auroc(found, labels);
                var spread = measure.IsGeometric ? medians.Spread(ways[i].Scoring, found[..goodMaps.Count]) : 0;
                yield return new ScoringTrial(ways[i].Candidate, ways[i].Scoring, image.IsOk ? image.ResultValue : 0.5, pixel)
                {
                    Spread = spread,
                };
            }
        }

        return candidates
            .GroupBy(c => (c.Measure, c.FilterSize, c.FilterPasses))
            .SelectMany(TryMaps)
            .OrderByDescending(t => t.MeanAuroc)
            .ToList();
    }

    private static (int Height, int Width) Shape(ReconstructionPair pair) => (pair.Input.Height, pair.Input.Width);

    /// <summary>Trials as a text, a line each, in their order.</summary>
    public static string Table(IEnumerable<ScoringTrial> trials) =>
        string.Join(
            '\n',
            trials.Select(t =>
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{t.MeanAuroc:F4}  image {t.ImageAuroc:F4}  pixel {t.PixelAuroc:F4}  {Describe(t.Scoring)}"
                )
            )
        );

    /// <summary>
    /// Of sorted trials, the one to use. Trials within one standard error of the best cannot be told apart by a hundred synthetic
    /// defects. Among them the order of <c>Difference.all</c> decides on the measure (the paper's default first), then the pixel AUROC,
    /// which rests on many thousand pixels, on the filter, and the mean AUROC on the rest.
    /// </summary>
    public static ScoringTrial Choose(IReadOnlyList<ScoringTrial> trials, int good, int bad)
    {
        ArgumentNullException.ThrowIfNull(trials);
        var best = trials[0];
        // Of combinations good pictures decide on the division by the median, and the best mean AUROC on the rest: no measure is older than
        // another there. The image AUROC alone once chose a map that found no defect's place (docs/method/experiments.md).
        if (best.Scoring.Measure.IsGeometric)
            return trials
                .GroupBy(t => (t.Scoring.FilterSize, t.Scoring.FilterPasses, t.Scoring.Reduction, t.Scoring.Border))
                .Select(alike => alike.MinBy(t => t.Spread)!)
                .MaxBy(t => t.MeanAuroc)!;
        var margin = 0.5 * StandardError(best.ImageAuroc, good, bad);
        var equals = trials.Where(t => t.MeanAuroc >= best.MeanAuroc - margin).ToList();
        var measure = Difference
            .all.Concat(equals.Select(t => t.Scoring.Measure))
            .First(m => equals.Exists(t => t.Scoring.Measure.Equals(m)));
        return equals
            .Where(t => t.Scoring.Measure.Equals(measure))
            .OrderByDescending(t => t.PixelAuroc)
            .ThenByDescending(t => t.MeanAuroc)
            .First();
    }

    /// <summary>The standard error of an AUROC (Hanley and McNeil 1982).</summary>
    public static double StandardError(double auroc, int good, int bad)
    {
        var q1 = auroc / (2 - auroc);
        var q2 = 2 * auroc * auroc / (1 + auroc);
        return Math.Sqrt(
            (auroc * (1 - auroc) + (bad - 1) * (q1 - auroc * auroc) + (good - 1) * (q2 - auroc * auroc)) / ((double)good * bad)
        );
    }

    /// <summary>A way of scoring in words.</summary>
    public static string Describe(Scoring scoring)
    {
        ArgumentNullException.ThrowIfNull(scoring);
        var reduction = scoring.Reduction is Reduction.Top top
            ? string.Create(CultureInfo.InvariantCulture, $"mean of the top {100 * top.q:0.##}%")
            : ReductionModule.name(scoring.Reduction);
        var normalisation = scoring.MedianOffset is null ? "" : " normalised by the picture's median";
        var filter =
            scoring.FilterPasses == 0
                ? ""
                : $", mean filter {scoring.FilterSize}×{scoring.FilterSize} applied {scoring.FilterPasses} times";
        return $"{Difference.name(scoring.Measure)}{filter}, {reduction}{normalisation}, border {scoring.Border}";
    }
}
