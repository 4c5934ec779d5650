using Fae.Core;
using Microsoft.FSharp.Core;

namespace Fae.Kernels;

/// <summary>
/// Exact metrics over the pixels of any number of heatmaps, in bounded memory: what is kept of a pixel is one or two bytes, less where
/// scores repeat. Heatmaps that were added wait until <c>batch</c> pixels are together. The result does not depend on the batches.
/// </summary>
/// <param name="ignore">Pixels of every heatmap that do not count (≥ ½).</param>
/// <param name="batch">Pixels that are sorted at once.</param>
public sealed class PixelMetrics(FSharpOption<Image>? ignore = null, int batch = PixelMetrics.DefaultBatch)
{
    /// <summary>Pixels that are sorted at once: 400 MB with their heatmaps and masks.</summary>
    public const int DefaultBatch = 1 << 25;

    private readonly Image? hidden = ignore?.Value;
    private readonly ChunkPool pool = new();
    private readonly List<(Image Heatmap, Image Mask)> waiting = [];
    private MergedKeys? positives;
    private MergedKeys? negatives;
    private MergedKeys? regionPixels;
    private long pixels;
    private long regions;
    private bool isNotANumber;

    /// <summary>Adds the pixels of a heatmap (one plane) against its mask of the same shape: anomalous at ½ and above.</summary>
    /// <exception cref="ArgumentException">The shapes differ.</exception>
    public void Add(Image heatmap, Image mask)
    {
        ArgumentNullException.ThrowIfNull(heatmap);
        ArgumentNullException.ThrowIfNull(mask);
        if (heatmap.Height != mask.Height || heatmap.Width != mask.Width)
            throw new ArgumentException(
                $"a heatmap of {heatmap.Width}×{heatmap.Height} has a mask of {mask.Width}×{mask.Height}",
                nameof(mask)
            );
        if (hidden is not null && hidden.Area != heatmap.Area)
            throw new ArgumentException($"a heatmap of {heatmap.Area} pixels has {hidden.Area} to ignore", nameof(heatmap));
        waiting.Add((heatmap, mask));
        pixels += heatmap.Area;
        if (pixels >= batch)
            Sort();
    }

    /// <summary>AUROC, AP, F1-max and the ROC curve thinned to about <paramref name="points"/> points.</summary>
    public FSharpResult<Summary, MetricError> Summarise(int points)
    {
        Sort();
        return isNotANumber
            ? FSharpResult<Summary, MetricError>.NewError(MetricError.NotANumber)
            : RateSweep.Summarise(points, Positives.All(), Negatives.All());
    }

    /// <summary>
    /// AUPRO up to a false-positive rate, in [0, 1], and the per-region-overlap curve thinned to about <paramref name="points"/> points.
    /// </summary>
    public FSharpResult<Tuple<double, RatePoint[]>, MetricError> Pro(double limit, int points)
    {
        Sort();
        if (isNotANumber)
            return FSharpResult<Tuple<double, RatePoint[]>, MetricError>.NewError(MetricError.NotANumber);
        if (regions == 0)
            return FSharpResult<Tuple<double, RatePoint[]>, MetricError>.NewError(MetricError.NoPositives);
        if (Negatives.All().Count == 0)
            return FSharpResult<Tuple<double, RatePoint[]>, MetricError>.NewError(MetricError.NoNegatives);
        return FSharpResult<Tuple<double, RatePoint[]>, MetricError>.NewOk(
            ProSweep.Integrate(limit, points, RegionPixels.All(), regions, Negatives.All())
        );
    }

    private MergedKeys Positives => positives ??= new MergedKeys(false, pool);

    private MergedKeys Negatives => negatives ??= new MergedKeys(false, pool);

    private MergedKeys RegionPixels => regionPixels ??= new MergedKeys(true, pool);

    /// <summary>Sorts what waits, and lets the heatmaps go.</summary>
    private void Sort()
    {
        if (waiting.Count == 0)
            return;
        var parts = waiting.Select(pair => (ReadOnlyMemory<float>)pair.Heatmap.Pixels).ToArray();
        if (RankedScores.Of(parts, new Masks(waiting.Select(pair => pair.Mask.Pixels).ToArray(), hidden)) is { } ranked)
        {
            Parallel.Invoke(
                () => Negatives.Add(CountedKeys.OfRising(ranked.Negatives, pool)),
                () =>
                {
                    Positives.Add(CountedKeys.OfRising(ranked.Positives, pool));
                    AddRegions();
                }
            );
        }
        else
        {
            isNotANumber = true;
        }
        waiting.Clear();
        pixels = 0;
    }

    private void AddRegions()
    {
        var found = waiting.AsParallel().AsOrdered().Select(pair => RegionsOf(pair.Heatmap, pair.Mask)).ToList();
        regions += found.Sum(one => one.Count);
        // Falling keys; of equal ones the smaller region first.
        var sorted = found.SelectMany(one => one.Pixels).ToArray();
        Array.Sort(sorted);
        var keys = new CountedKeys(true);
        for (var i = 0; i < sorted.Length; )
        {
            var (pixel, from) = (sorted[i], i);
            while (i < sorted.Length && sorted[i] == pixel)
                i++;
            keys.Append(~(uint)(pixel >> 32), (uint)pixel, i - from, pool);
        }
        RegionPixels.Add(keys);
    }

    /// <summary>The connected regions of one mask: how many, and for each of their pixels the inverted key and the region's size.</summary>
    private (int Count, List<ulong> Pixels) RegionsOf(Image map, Image mask)
    {
        var (runs, sizes) = ComponentsKernel.Of(mask, hidden);
        var found = new List<ulong>();
        foreach (var run in runs)
            for (var x = run.From; x < run.To; x++)
            {
                var key = RankedScores.KeyOf(map.Pixels[run.Row * map.Width + x]);
                found.Add(((ulong)~key << 32) | (uint)sizes[run.Component]);
            }
        return (sizes.Length, found);
    }

    private readonly struct Masks(float[][] masks, Image? ignore) : ILabels
    {
        private readonly float[]? hidden = ignore?.Pixels;

        public bool All => hidden is null;

        public Class Of(int part, int index)
        {
            if (hidden is not null && hidden[index] >= 0.5f)
                return Class.Ignored;
            return masks[part][index] >= 0.5f ? Class.Positive : Class.Negative;
        }
    }
}
