using Fae.Core;
using Microsoft.FSharp.Core;

namespace Fae.Kernels;

/// <summary>The metrics of one sweep over all thresholds, as <c>Fae.Core.Metrics.summary</c> has them.</summary>
internal static class RateSweep
{
    public static FSharpResult<Summary, MetricError> Summarise(int points, CountedKeys positiveKeys, CountedKeys negativeKeys)
    {
        if (positiveKeys.Count == 0)
            return FSharpResult<Summary, MetricError>.NewError(MetricError.NoPositives);
        if (negativeKeys.Count == 0)
            return FSharpResult<Summary, MetricError>.NewError(MetricError.NoNegatives);

        double positives = positiveKeys.Count;
        double negatives = negativeKeys.Count;
        var steps = 0L;
        foreach (var _ in Descend(positiveKeys, negativeKeys))
            steps++;
        var every = Math.Max(1, steps / Math.Max(1, points));
        var roc = new List<RatePoint> { new(0, 0) };
        double area = 0,
            precision = 0,
            best = 0;
        var bestAt = float.PositiveInfinity;
        long lastTrue = 0,
            lastFalse = 0,
            i = 0;
        foreach (var (key, t, f) in Descend(positiveKeys, negativeKeys))
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

    private static Descent Descend(CountedKeys positives, CountedKeys negatives) => new(positives.Read(), negatives.Read());

    /// <summary>The distinct scores from the highest down, each with the true and false positives at it as a threshold.</summary>
    private struct Descent
    {
        private readonly CountedKeys.Reader positives;
        private readonly CountedKeys.Reader negatives;
        private bool hasPositive;
        private bool hasNegative;
        private uint key;
        private long found;
        private long alarms;

        public Descent(CountedKeys.Reader positives, CountedKeys.Reader negatives)
        {
            (this.positives, this.negatives) = (positives, negatives);
            (hasPositive, hasNegative) = (positives.Next(), negatives.Next());
        }

        public readonly (uint Key, long True, long False) Current => (key, found, alarms);

        public readonly Descent GetEnumerator() => this;

        public bool MoveNext()
        {
            if (!hasPositive && !hasNegative)
                return false;
            key = Math.Max(hasPositive ? positives.Key : 0, hasNegative ? negatives.Key : 0);
            if (hasPositive && positives.Key == key)
                (found, hasPositive) = (found + positives.Count, positives.Next());
            if (hasNegative && negatives.Key == key)
                (alarms, hasNegative) = (alarms + negatives.Count, negatives.Next());
            return true;
        }
    }
}
