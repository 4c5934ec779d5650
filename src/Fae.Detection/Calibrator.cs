using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using Fae.Core;
using Fae.Kernels;

namespace Fae.Detection;

/// <summary>How one way of scoring did on synthetic defects: what the choice is made by.</summary>
public sealed record ScoringTrial(Scoring Scoring, double ImageAuroc, double PixelAuroc)
{
    /// <summary>The mean of both.</summary>
    public double Merit => 0.5 * (ImageAuroc + PixelAuroc);
}

/// <summary>A picture and what the network made of it.</summary>
public sealed record Repaired(Image Input, Image Reconstruction);

/// <summary>
/// Chooses how to score and fits the thresholds. Sees held-out good images and synthetic defects on them, and nothing else: there is no way to
/// hand it a test image.
/// </summary>
public static class Calibrator
{
    private static readonly (int Size, int Passes)[] Filters = [(3, 1), (3, 2), (5, 2), (9, 2), (15, 2), (25, 2)];

    // Images looked at together, and pixel values that a threshold rests on: of more, every so-manieth.
    private const int AtOnce = 8;
    private const int MostPixels = 1 << 26;

    // In pixels at 256; larger images get proportionally larger ones.
    private static readonly double[] Frames = [0, 4, 12];

    /// <summary>
    /// The ways of scoring that the settings leave open, all of them. A Typical of 1 asks for one that is measured on good images. Pictures that keep their
    /// shapes are not summed: a larger one would score more.
    /// </summary>
    public static IReadOnlyList<Scoring> Candidates(ScoreSettings settings, ImageSettings image)
    {
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(image);
        var measures = settings.Measure is { } measure ? [measure.Value] : Difference.all.ToArray();
        var filters = Filters.Select(f => (Size: settings.FilterSize?.Value ?? f.Size, Passes: settings.FilterPasses?.Value ?? f.Passes)).Distinct();
        string[] reductions = settings.Reduction is { } word ? [word.Value] : image.Tile > 0 ? ["max", "top"] : ["max", "top", "sum"];
        var frames = settings.Frame is { } frame ? [frame.Value] : Frames.Select(f => (int)Math.Round(f * image.Size / 256)).ToArray();
        bool[] norms = settings.ByMedian is { } norm ? [norm.Value] : [false, true];
        return (from m in measures
                from f in filters
                from r in reductions
                from b in frames
                from n in norms
                select new Scoring(m, f.Size, f.Passes, ReductionOf(r, settings.Top), b, n ? 1 : 0)).ToList();
    }

    /// <summary>Tries every candidate on held-out images and synthetic defects, the best first.</summary>
    public static IReadOnlyList<ScoringTrial> Try(IReadOnlyList<Scoring> candidates, Repairer repairer, ValidationSet validation, Image? ignore)
    {
        ArgumentNullException.ThrowIfNull(repairer);
        ArgumentNullException.ThrowIfNull(validation);
        List<Repaired> Repair(IReadOnlyList<Image> images) => images.Zip(repairer.Reconstruct(images), (x, r) => new Repaired(x, r)).ToList();
        return Compare(candidates, Repair(validation.Clean), Repair(validation.Corrupted), validation.Masks, ignore);
    }

    /// <summary>
    /// How every candidate tells bad pictures from good ones, the best first. A measurement: what is done with it is the caller's choice, and nothing that
    /// was measured on test pictures may choose. Bad pictures without a mask count for the image AUROC alone.
    /// </summary>
    public static IReadOnlyList<ScoringTrial> Compare(IReadOnlyList<Scoring> candidates, IReadOnlyList<Repaired> good, IReadOnlyList<Repaired> bad, IReadOnlyList<Image?> masks, Image? ignore)
    {
        var labels = good.Select(_ => false).Concat(bad.Select(_ => true)).ToArray();
        var hidden = ignore is null ? null : Microsoft.FSharp.Core.FSharpOption<Image>.Some(ignore);
        var nothing = ImageModule.constant(1, good[0].Input.Height, good[0].Input.Width, 0);
        var masked = Enumerable.Range(0, bad.Count).Where(i => masks[i] is not null).ToList();
        var truth = good.Select(_ => nothing).Concat(masked.Select(i => masks[i]!)).ToList();

        IEnumerable<ScoringTrial> TryMaps(IGrouping<(Measure, int, int), Scoring> sameMap)
        {
            var scoring = sameMap.First();
            List<Image> Maps(IReadOnlyList<Repaired> some) => some.AsParallel().AsOrdered().Select(p => ScoringKernel.Heatmap(scoring, p.Input, p.Reconstruction)).ToList();
            var goodMaps = Maps(good);
            var badMaps = Maps(bad);
            var pixel = MetricsKernel.PixelAuroc(goodMaps.Concat(masked.Select(i => badMaps[i])).ToList(), truth, 4);
            var ways = sameMap.Select(candidate => WithTypical(candidate, hidden, goodMaps)).ToList();
            var scores = goodMaps.Concat(badMaps).AsParallel().AsOrdered().Select(map => ScoringKernel.Scores(ways, hidden, map)).ToList();
            for (var i = 0; i < ways.Count; i++)
            {
                var image = Metrics.auroc(scores.Select(s => s[i]).ToArray(), labels);
                yield return new ScoringTrial(ways[i], image.IsOk ? image.ResultValue : 0.5, pixel);
            }
        }

        return candidates.GroupBy(c => (c.Measure, c.FilterSize, c.FilterPasses)).SelectMany(TryMaps).OrderByDescending(t => t.Merit).ToList();
    }

    /// <summary>Trials as a text, a line each, in their order.</summary>
    public static string Table(IEnumerable<ScoringTrial> trials) => string.Join('\n', trials.Select(t =>
        string.Create(CultureInfo.InvariantCulture, $"{t.Merit:F4}  image {t.ImageAuroc:F4}  pixel {t.PixelAuroc:F4}  {Describe(t.Scoring)}")));

    /// <summary>
    /// Of trials sorted by merit, the one to use. Those within one standard error of the best are not told apart by a hundred synthetic defects, which are not the real
    /// ones either. Among them the order of <c>Difference.all</c> decides on the measure (the paper's default first), and then the pixel AUROC, which rests on many
    /// thousand pixels, on the filter; the merit decides on the rest.
    /// </summary>
    public static ScoringTrial Choose(IReadOnlyList<ScoringTrial> trials, int good, int bad)
    {
        ArgumentNullException.ThrowIfNull(trials);
        var best = trials[0];
        var margin = 0.5 * StandardError(best.ImageAuroc, good, bad);
        var equals = trials.Where(t => t.Merit >= best.Merit - margin).ToList();
        var measure = Difference.all.Concat(equals.Select(t => t.Scoring.Measure)).First(m => equals.Exists(t => t.Scoring.Measure.Equals(m)));
        return equals.Where(t => t.Scoring.Measure.Equals(measure)).OrderByDescending(t => t.PixelAuroc).ThenByDescending(t => t.Merit).First();
    }

    /// <summary>The standard error of an AUROC, after Hanley and McNeil (1982).</summary>
    public static double StandardError(double auroc, int good, int bad)
    {
        var q1 = auroc / (2 - auroc);
        var q2 = 2 * auroc * auroc / (1 + auroc);
        return Math.Sqrt((auroc * (1 - auroc) + (bad - 1) * (q1 - auroc * auroc) + (good - 1) * (q2 - auroc * auroc)) / ((double)good * bad));
    }

    /// <summary>Thresholds and scale for a way of scoring, from held-out good images, a few at a time.</summary>
    public static Calibration Fit(Scoring scoring, CalibrationSettings settings, Repairer repairer, IReadOnlyList<Image> heldOut, Image? ignore)
    {
        ArgumentNullException.ThrowIfNull(scoring);
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(repairer);
        ArgumentNullException.ThrowIfNull(heldOut);
        var hidden = ignore is null ? null : Microsoft.FSharp.Core.FSharpOption<Image>.Some(ignore);
        var plain = With(scoring, 0);
        var room = Math.Max(1, MostPixels / heldOut.Count);

        (float Reduced, float Median, float[] Pixels) Look((Image Input, Image Reconstruction) pair)
        {
            var map = ScoringKernel.Heatmap(scoring, pair.Input, pair.Reconstruction);
            var counted = ScoringModule.counted(scoring.Frame, hidden, map);
            var every = (counted.Length + room - 1) / room;
            var pixels = every <= 1 ? counted : counted.Where((_, i) => i % every == 0).ToArray();
            return (ScoringKernel.Score(plain, hidden, map), scoring.Typical > 0 ? ScoringKernel.Median(scoring.Frame, hidden, map) : 0, pixels);
        }

        var looked = heldOut.Chunk(AtOnce).SelectMany(some => some.Zip(repairer.Reconstruct(some)).AsParallel().AsOrdered().Select(Look)).ToList();
        var fitted = scoring.Typical > 0 ? With(scoring, Typical(looked.Select(one => one.Median))) : scoring;
        var scores = looked.Select(one => fitted.Typical > 0 ? one.Reduced / (one.Median + fitted.Typical) : one.Reduced).ToArray();
        return CalibrationModule.fit(fitted, settings.FalseAlarm, settings.PixelFalseAlarm, scores, looked.SelectMany(one => one.Pixels).ToArray());
    }

    /// <summary>A way of scoring in words.</summary>
    public static string Describe(Scoring scoring)
    {
        ArgumentNullException.ThrowIfNull(scoring);
        var reduction = scoring.Reduction is Reduction.Top top ? string.Create(CultureInfo.InvariantCulture, $"mean of the top {100 * top.q:0.##}%") : ScoringModule.reductionName(scoring.Reduction);
        return $"{Difference.name(scoring.Measure)}, mean filter {scoring.FilterSize}×{scoring.FilterSize} applied {scoring.FilterPasses} times, {reduction}{(scoring.Typical > 0 ? " over the picture's median" : "")}, frame {scoring.Frame}";
    }

    /// <summary>The same way, its Typical measured on good images if it has one.</summary>
    private static Scoring WithTypical(Scoring scoring, Microsoft.FSharp.Core.FSharpOption<Image>? ignore, IReadOnlyList<Image> goodMaps) =>
        scoring.Typical <= 0 ? scoring : With(scoring, Typical(goodMaps.Select(map => ScoringKernel.Median(scoring.Frame, ignore, map))));

    /// <summary>What good images typically have: the mean of their medians.</summary>
    private static float Typical(IEnumerable<float> medians) => (float)Math.Max(medians.Average(median => (double)median), float.Epsilon);

    private static Scoring With(Scoring scoring, float typical) =>
        new(scoring.Measure, scoring.FilterSize, scoring.FilterPasses, scoring.Reduction, scoring.Frame, typical);

    private static Reduction ReductionOf(string name, float top) => name switch
    {
        "sum" => Reduction.Sum,
        "max" => Reduction.Maximum,
        _ => Reduction.NewTop(top),
    };
}
