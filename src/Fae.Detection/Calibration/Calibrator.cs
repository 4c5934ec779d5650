using Fae.Core;
using Fae.Kernels;
using Microsoft.FSharp.Core;

namespace Fae.Detection;

/// <summary>What a calibration needs of an image: its score before the division by the median, the median, and pixels of its heatmap.</summary>
public sealed record MeasuredImage(float Reduced, float Median, IReadOnlyList<float> Pixels);

/// <summary>Fits scores and thresholds on held-out good images.</summary>
public static class Calibrator
{
    /// <summary>Images that are inspected together.</summary>
    private const int BatchSize = 8;

    /// <summary>The pixel threshold rests on at most so many values; of more, every k-th is taken.</summary>
    private const int MaxPixels = 1 << 26;

    /// <summary>The calibration of a way of scoring, from held-out good images, a few at a time.</summary>
    public static Calibration Fit(
        ScoringCandidate candidate,
        CalibrationSettings settings,
        TestTimeAugmentation network,
        IReadOnlyList<Image> heldOut,
        Image? ignore
    )
    {
        ArgumentNullException.ThrowIfNull(heldOut);
        return Of(candidate, settings, Measure(candidate, network, heldOut, ignore, heldOut.Count));
    }

    /// <summary>What a calibration needs of each of some held-out good images, of which there are so many in all.</summary>
    public static IReadOnlyList<MeasuredImage> Measure(
        ScoringCandidate candidate,
        TestTimeAugmentation network,
        IReadOnlyList<Image> images,
        Image? ignore,
        int inAll
    )
    {
        ArgumentNullException.ThrowIfNull(candidate);
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(images);
        var hidden = ignore.ToOption();
        var plain = ScoringCandidateModule.unnormalised(candidate);
        var pixelsPerImage = Math.Max(1, MaxPixels / inAll);

        MeasuredImage One((Image Input, Image Reconstruction) pair)
        {
            var map = ScoringKernel.Heatmap(plain, pair.Input, pair.Reconstruction);
            var counted = ScoringModule.counted(candidate.Border, hidden, map);
            var every = (counted.Length + pixelsPerImage - 1) / pixelsPerImage;
            var pixels = every <= 1 ? counted : counted.Where((_, i) => i % every == 0).ToArray();
            var median = candidate.NormaliseByMedian ? ScoringKernel.Median(candidate.Border, hidden, map) : 0;
            return new(ScoringKernel.Score(plain, hidden, map), median, pixels);
        }

        return images
            .Chunk(BatchSize)
            .SelectMany(some => some.Zip(network.Reconstruct(some)).AsParallel().AsOrdered().Select(One))
            .ToList();
    }

    /// <summary>The calibration of a way of scoring, from all held-out good images as they were measured.</summary>
    public static Calibration Of(ScoringCandidate candidate, CalibrationSettings settings, IReadOnlyList<MeasuredImage> measured)
    {
        ArgumentNullException.ThrowIfNull(candidate);
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(measured);
        var typical = FuncConvert.FromFunc(() => HeatmapMedians.Typical(measured.Select(one => one.Median)));
        var scoring = ScoringCandidateModule.fit(typical, candidate);
        var scores = measured.Select(one => scoring.Normalise(one.Reduced, () => one.Median)).ToArray();
        var values = measured.SelectMany(one => one.Pixels).ToArray();
        var rate = settings.FalseAlarm is { } asked ? asked.Value : Conformal.usualRate;
        return CalibrationModule.fit(scoring, rate, settings.PixelFalseAlarm, scores, values);
    }
}
