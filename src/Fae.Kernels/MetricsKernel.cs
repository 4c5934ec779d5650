using System;
using System.Collections.Generic;
using System.Linq;
using Fae.Core;
using Microsoft.FSharp.Core;

namespace Fae.Kernels;

/// <summary>
/// The metrics of <c>Fae.Core.Metrics</c>, exact, for as many pixels as memory holds: by one radix sort instead of a sort of keys and labels, over
/// heatmaps that stay where they are.
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
        return Summarise(points, RankedScores.Of([scores], new Flags(labels)));
    }

    /// <summary>The same over the pixels of heatmaps against masks (positive at ½ and above); what <paramref name="ignore"/> takes out does not count.</summary>
    public static FSharpResult<Summary, MetricError> SummarisePixels(int points, FSharpOption<Image>? ignore, IReadOnlyList<Image> heatmaps, IReadOnlyList<Image> masks)
    {
        Check(heatmaps, masks);
        return Summarise(points, RankedScores.Of(Parts(heatmaps), new Masks(masks, ignore?.Value)));
    }

    /// <summary>AUPRO up to a false-positive rate, and the per-region-overlap curve thinned to about <paramref name="points"/> points.</summary>
    public static FSharpResult<Tuple<double, RatePoint[]>, MetricError> Pro(double limit, int points, FSharpOption<Image>? ignore, IReadOnlyList<Image> heatmaps, IReadOnlyList<Image> masks)
    {
        Check(heatmaps, masks);
        var hidden = ignore?.Value;
        if (RankedScores.Of(Parts(heatmaps), new Masks(masks, hidden)) is not { } ranked)
            return FSharpResult<Tuple<double, RatePoint[]>, MetricError>.NewError(MetricError.NotANumber);
        var regions = heatmaps.Zip(masks, (map, mask) => (map, parts: Metrics.components(Visible(mask, hidden)).ToList())).ToList();
        var count = regions.Sum(r => r.parts.Count);
        if (count == 0)
            return FSharpResult<Tuple<double, RatePoint[]>, MetricError>.NewError(MetricError.NoPositives);
        if (ranked.Negatives.IsEmpty)
            return FSharpResult<Tuple<double, RatePoint[]>, MetricError>.NewError(MetricError.NoNegatives);

        var keys = new uint[ranked.Positives.Length];
        var weights = new double[keys.Length];
        var at = 0;
        foreach (var (map, parts) in regions)
            foreach (var part in parts)
                foreach (var pixel in part)
                    (keys[at], weights[at++]) = (RankedScores.KeyOf(map.Pixels[pixel]), 1.0 / part.Length / count);
        Array.Sort(keys, weights);
        return FSharpResult<Tuple<double, RatePoint[]>, MetricError>.NewOk(Integrate(limit, points, keys, weights, ranked.Negatives));
    }

    private static void Check(IReadOnlyList<Image> heatmaps, IReadOnlyList<Image> masks)
    {
        ArgumentNullException.ThrowIfNull(heatmaps);
        ArgumentNullException.ThrowIfNull(masks);
        if (heatmaps.Count != masks.Count || heatmaps.Zip(masks).Any(pair => pair.First.Area != pair.Second.Area))
            throw new ArgumentException($"{heatmaps.Count} heatmaps and {masks.Count} masks do not fit each other", nameof(masks));
    }

    private static ReadOnlyMemory<float>[] Parts(IReadOnlyList<Image> heatmaps) => heatmaps.Select(map => (ReadOnlyMemory<float>)map.Pixels).ToArray();

    private static Image Visible(Image mask, Image? hidden) => hidden is null
        ? mask
        : ImageModule.ofArray(1, mask.Height, mask.Width, mask.Pixels.Zip(hidden.Pixels, (m, h) => h >= 0.5f ? 0f : m).ToArray());

    private static FSharpResult<Summary, MetricError> Summarise(int points, RankedScores? ranked)
    {
        if (ranked is null)
            return FSharpResult<Summary, MetricError>.NewError(MetricError.NotANumber);
        if (ranked.Positives.IsEmpty)
            return FSharpResult<Summary, MetricError>.NewError(MetricError.NoPositives);
        if (ranked.Negatives.IsEmpty)
            return FSharpResult<Summary, MetricError>.NewError(MetricError.NoNegatives);

        double positives = ranked.Positives.Length;
        double negatives = ranked.Negatives.Length;
        var steps = 0;
        foreach (var _ in new Descent(ranked))
            steps++;
        var every = Math.Max(1, steps / Math.Max(1, points));
        var roc = new List<RatePoint> { new(0, 0) };
        double area = 0, precision = 0, best = 0;
        var bestAt = float.PositiveInfinity;
        long lastTrue = 0, lastFalse = 0;
        var i = 0;
        foreach (var (key, t, f) in new Descent(ranked))
        {
            area += (f - lastFalse) * 0.5 * (t + lastTrue);
            precision += (t - lastTrue) / positives * (t / (double)(t + f));
            var f1 = 2.0 * t / (t + f + positives);
            if (f1 > best)
                (best, bestAt) = (f1, RankedScores.ScoreOf(key));
            if (i % every == 0 || i == steps - 1)
                roc.Add(new RatePoint(f / negatives, t / positives));
            (lastTrue, lastFalse, i) = (t, f, i + 1);
        }
        return FSharpResult<Summary, MetricError>.NewOk(new Summary(Math.Min(1, area / (positives * negatives)), Math.Min(1, precision), best, bestAt, roc.ToArray()));
    }

    /// <summary>Walks down the thresholds: false-positive rate over the good pixels, overlap by the weights; trapezoids up to the limit.</summary>
    private static Tuple<double, RatePoint[]> Integrate(double limit, int points, uint[] keys, double[] weights, ReadOnlySpan<uint> negatives)
    {
        var curve = new List<RatePoint> { new(0, 0) };
        var (last, area, overlap) = (new RatePoint(0, 0), 0.0, 0.0);
        var (p, n) = (keys.Length - 1, negatives.Length - 1);
        while ((p >= 0 || n >= 0) && last.X <= limit)
        {
            var key = Math.Max(p >= 0 ? keys[p] : 0, n >= 0 ? negatives[n] : 0);
            for (; p >= 0 && keys[p] == key; p--)
                overlap += weights[p];
            while (n >= 0 && negatives[n] == key)
                n--;
            var next = new RatePoint((negatives.Length - 1 - n) / (double)negatives.Length, Math.Min(1, overlap));
            if (last.X < limit && next.X > last.X)
            {
                var right = Math.Min(limit, next.X);
                var y = last.Y + (next.Y - last.Y) * (right - last.X) / (next.X - last.X);
                area += 0.5 * (last.Y + y) * (right - last.X);
            }
            last = next;
            var kept = curve[^1];
            if ((next.X - kept.X) * points >= limit || (next.Y - kept.Y) * points >= 1)
                curve.Add(next);
        }
        if (!curve[^1].Equals(last))
            curve.Add(last);
        if (last.X < limit)
            area += (limit - last.X) * last.Y;
        return Tuple.Create(Math.Min(1, area / limit), curve.ToArray());
    }

    private readonly struct Flags(bool[] labels) : ILabels
    {
        public Class Of(int part, int index) => labels[index] ? Class.Positive : Class.Negative;
    }

    private readonly struct Masks(IReadOnlyList<Image> masks, Image? ignore) : ILabels
    {
        private readonly float[][] pixels = masks.Select(mask => mask.Pixels).ToArray();
        private readonly float[]? hidden = ignore?.Pixels;

        public Class Of(int part, int index)
        {
            if (hidden is not null && hidden[index] >= 0.5f)
                return Class.Ignored;
            return pixels[part][index] >= 0.5f ? Class.Positive : Class.Negative;
        }
    }

    /// <summary>The distinct scores from the highest down, each with the true and false positives at it as a threshold.</summary>
    private ref struct Descent(RankedScores ranked)
    {
        private readonly ReadOnlySpan<uint> positives = ranked.Positives;
        private readonly ReadOnlySpan<uint> negatives = ranked.Negatives;
        private int p = ranked.Positives.Length - 1;
        private int n = ranked.Negatives.Length - 1;
        private uint key;

        public readonly (uint Key, long True, long False) Current => (key, positives.Length - 1 - p, negatives.Length - 1 - n);

        public readonly Descent GetEnumerator() => this;

        public bool MoveNext()
        {
            if (p < 0 && n < 0)
                return false;
            key = Math.Max(p >= 0 ? positives[p] : 0, n >= 0 ? negatives[n] : 0);
            while (p >= 0 && positives[p] == key)
                p--;
            while (n >= 0 && negatives[n] == key)
                n--;
            return true;
        }
    }
}
