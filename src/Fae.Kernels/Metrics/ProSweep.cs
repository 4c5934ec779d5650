using Fae.Core;

namespace Fae.Kernels;

/// <summary>The per-region-overlap curve and the area below it: <c>Fae.Core.Metrics.proCurve</c> and <c>areaUpTo</c>.</summary>
internal static class ProSweep
{
    /// <summary>
    /// Walks down the scores of region pixels: between two of them the overlap stays what it is, so that good pixels are only counted.
    /// Trapezoids up to the limit.
    /// </summary>
    public static Tuple<double, RatePoint[]> Integrate(
        double limit,
        int points,
        CountedKeys regionPixels,
        long regions,
        CountedKeys negativeKeys
    )
    {
        var curve = new List<RatePoint> { new(0, 0) };
        var (last, area, overlap, alarms) = (new RatePoint(0, 0), 0.0, 0.0, 0L);
        var (inside, good) = (regionPixels.Read(), negativeKeys.Read());
        var (moreInside, moreGood) = (inside.Next(), good.Next());
        while (moreInside && last.X <= limit)
        {
            var key = inside.Key;
            for (; moreGood && good.Key > key; moreGood = good.Next())
                alarms += good.Count;
            Go();
            if (moreGood && good.Key == key)
                (alarms, moreGood) = (alarms + good.Count, good.Next());
            for (; moreInside && inside.Key == key; moreInside = inside.Next())
                overlap += inside.Count * (1.0 / inside.Size / regions);
            Go();
        }
        // What is left is good or beyond the limit.
        alarms = negativeKeys.Count;
        Go();
        if (!curve[^1].Equals(last))
            curve.Add(last);
        if (last.X < limit)
            area += (limit - last.X) * last.Y;
        return Tuple.Create(Math.Min(1, area / limit), curve.ToArray());

        void Go()
        {
            var next = new RatePoint(alarms / (double)negativeKeys.Count, Math.Min(1, overlap));
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
}
