using Fae.Core;
using Microsoft.FSharp.Core;

namespace Fae.Kernels;

/// <summary>
/// The metrics of <c>Fae.Core.Metrics</c>, exact, for as many pixels as memory holds: by one radix sort instead of a sort of keys and
/// labels, over heatmaps that stay where they are.
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

    /// <summary>
    /// The same over the pixels of heatmaps against masks (positive at ½ and above); what <paramref name="ignore"/> takes out does not
    /// count.
    /// </summary>
    public static FSharpResult<Summary, MetricError> SummarisePixels(
        int points,
        FSharpOption<Image>? ignore,
        IReadOnlyList<Image> heatmaps,
        IReadOnlyList<Image> masks
    )
    {
        Check(heatmaps, masks);
        return Summarise(points, RankedScores.Of(Parts(heatmaps), new Masks(masks, ignore?.Value)));
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

    /// <summary>
    /// AUPRO up to a false-positive rate, and the per-region-overlap curve thinned to about <paramref name="points"/> points.
    /// </summary>
    public static FSharpResult<Tuple<double, RatePoint[]>, MetricError> Pro(
        double limit,
        int points,
        FSharpOption<Image>? ignore,
        IReadOnlyList<Image> heatmaps,
        IReadOnlyList<Image> masks
    )
    {
        Check(heatmaps, masks);
        var hidden = ignore?.Value;
        if (RankedScores.Of(Parts(heatmaps), new Masks(masks, hidden), limit) is not { } ranked)
            return FSharpResult<Tuple<double, RatePoint[]>, MetricError>.NewError(MetricError.NotANumber);
        var regions = Enumerable
            .Range(0, masks.Count)
            .AsParallel()
            .AsOrdered()
            .Select(i => Regions(heatmaps[i], masks[i], hidden))
            .ToList();
        var count = regions.Sum(r => r.Count);
        if (count == 0)
            return FSharpResult<Tuple<double, RatePoint[]>, MetricError>.NewError(MetricError.NoPositives);
        if (ranked.AllNegatives == 0)
            return FSharpResult<Tuple<double, RatePoint[]>, MetricError>.NewError(MetricError.NoNegatives);

        var keys = regions.SelectMany(r => r.Keys).ToArray();
        var weights = regions.SelectMany(r => r.Weights).ToArray();
        foreach (ref var weight in weights.AsSpan())
            weight /= count;
        Array.Sort(keys, weights);
        return FSharpResult<Tuple<double, RatePoint[]>, MetricError>.NewOk(Integrate(limit, points, keys, weights, ranked));
    }

    /// <summary>The connected regions of one mask: how many, and for each of their pixels its key and its share of its region.</summary>
    private static (int Count, List<uint> Keys, List<double> Weights) Regions(Image map, Image mask, Image? hidden)
    {
        var (runs, sizes) = ComponentsKernel.Of(mask, hidden);
        var found = (sizes.Length, Keys: new List<uint>(), Weights: new List<double>());
        foreach (var run in runs)
            for (var x = run.From; x < run.To; x++)
            {
                found.Keys.Add(RankedScores.KeyOf(map.Pixels[run.Row * map.Width + x]));
                found.Weights.Add(1.0 / sizes[run.Component]);
            }
        return found;
    }

    private static void Check(IReadOnlyList<Image> heatmaps, IReadOnlyList<Image> masks)
    {
        ArgumentNullException.ThrowIfNull(heatmaps);
        ArgumentNullException.ThrowIfNull(masks);
        if (heatmaps.Count != masks.Count || heatmaps.Zip(masks).Any(pair => pair.First.Area != pair.Second.Area))
            throw new ArgumentException($"{heatmaps.Count} heatmaps and {masks.Count} masks do not fit each other", nameof(masks));
    }

    private static ReadOnlyMemory<float>[] Parts(IReadOnlyList<Image> heatmaps) =>
        heatmaps.Select(map => (ReadOnlyMemory<float>)map.Pixels).ToArray();

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
        double area = 0,
            precision = 0,
            best = 0;
        var bestAt = float.PositiveInfinity;
        long lastTrue = 0,
            lastFalse = 0;
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
        return FSharpResult<Summary, MetricError>.NewOk(
            new Summary(Math.Min(1, area / (positives * negatives)), Math.Min(1, precision), best, bestAt, roc.ToArray())
        );
    }

    /// <summary>
    /// Walks down the scores of region pixels: between two of them the overlap stays what it is, so that good pixels are only counted.
    /// Trapezoids up to the limit.
    /// </summary>
    private static Tuple<double, RatePoint[]> Integrate(double limit, int points, uint[] keys, double[] weights, RankedScores ranked)
    {
        var curve = new List<RatePoint> { new(0, 0) };
        var (last, area, overlap) = (new RatePoint(0, 0), 0.0, 0.0);
        var (p, below) = (keys.Length - 1, ranked.Negatives.Length);
        while (p >= 0 && last.X <= limit)
        {
            var key = keys[p];
            below = CountBelow(ranked.Negatives[..below], (ulong)key + 1);
            Go(overlap);
            below = CountBelow(ranked.Negatives[..below], key);
            for (; p >= 0 && keys[p] == key; p--)
                overlap += weights[p];
            Go(overlap);
        }
        // Scores below the ranked negatives are beyond the limit.
        below = 0;
        Go(overlap);
        if (!curve[^1].Equals(last))
            curve.Add(last);
        if (last.X < limit)
            area += (limit - last.X) * last.Y;
        return Tuple.Create(Math.Min(1, area / limit), curve.ToArray());

        void Go(double y)
        {
            var next = new RatePoint((ranked.Negatives.Length - below) / (double)ranked.AllNegatives, Math.Min(1, y));
            if (last.X < limit && next.X > last.X)
            {
                var right = Math.Min(limit, next.X);
                var atRight = last.Y + (next.Y - last.Y) * (right - last.X) / (next.X - last.X);
                area += 0.5 * (last.Y + atRight) * (right - last.X);
            }
            last = next;
            var kept = curve[^1];
            if ((next.X - kept.X) * points >= limit || (next.Y - kept.Y) * points >= 1)
                curve.Add(next);
        }
    }

    /// <summary>How many of the rising keys are below this one: found from the end, where it is near.</summary>
    private static int CountBelow(ReadOnlySpan<uint> keys, ulong key)
    {
        var (low, high) = (keys.Length, keys.Length);
        for (var step = 1; low > 0 && keys[low - 1] >= key; step *= 2)
            (low, high) = (Math.Max(0, low - step), low);
        // Keys below low are below the key, those from high on are not.
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            (low, high) = keys[middle] < key ? (middle + 1, high) : (low, middle);
        }
        return low;
    }

    private readonly struct Flags(bool[] labels) : ILabels
    {
        public bool All => true;

        public Class Of(int part, int index) => labels[index] ? Class.Positive : Class.Negative;
    }

    private readonly struct Masks(IReadOnlyList<Image> masks, Image? ignore) : ILabels
    {
        private readonly float[][] pixels = masks.Select(mask => mask.Pixels).ToArray();
        private readonly float[]? hidden = ignore?.Pixels;

        public bool All => hidden is null;

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
