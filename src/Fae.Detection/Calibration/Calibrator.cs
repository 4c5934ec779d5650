using Fae.Core;
using Fae.Kernels;
using Microsoft.FSharp.Core;

namespace Fae.Detection;

/// <summary>Fits scores and thresholds on held-out good images.</summary>
public static class Calibrator
{
    /// <summary>Images that are inspected together.</summary>
    private const int BatchSize = 8;

    /// <summary>The pixel threshold rests on at most so many values; of more, every k-th is taken.</summary>
    private const int MaxPixels = 1 << 25;

    /// <summary>The calibration of a way of scoring, from held-out good images, a few at a time.</summary>
    public static Calibration Fit(
        ScoringCandidate candidate,
        CalibrationSettings settings,
        TestTimeAugmentation network,
        IReadOnlyList<Image> heldOut,
        Image? ignore
    )
    {
        ArgumentNullException.ThrowIfNull(candidate);
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(heldOut);
        var hidden = ignore.ToOption();
        var plain = ScoringCandidateModule.unnormalised(candidate);
        var pixelsPerImage = Math.Max(1, MaxPixels / heldOut.Count);

        (float Reduced, float Median, float[] Pixels) Measure((Image Input, Image Reconstruction) pair)
        {
            var map = ScoringKernel.Heatmap(plain, pair.Input, pair.Reconstruction);
            var counted = ScoringModule.counted(candidate.Border, hidden, map);
            var every = (counted.Length + pixelsPerImage - 1) / pixelsPerImage;
            var pixels = every <= 1 ? counted : counted.Where((_, i) => i % every == 0).ToArray();
            return (
                ScoringKernel.Score(plain, hidden, map),
                candidate.NormaliseByMedian ? ScoringKernel.Median(candidate.Border, hidden, map) : 0,
                pixels
            );
        }

        var measured = heldOut
            .Chunk(BatchSize)
            .SelectMany(some => some.Zip(network.Reconstruct(some)).AsParallel().AsOrdered().Select(Measure))
            .ToList();
        var typical = FuncConvert.FromFunc(() => HeatmapMedians.Typical(measured.Select(one => one.Median)));
        var scoring = ScoringCandidateModule.fit(typical, candidate);
        var scores = measured.Select(one => scoring.Normalise(one.Reduced, () => one.Median)).ToArray();
        var values = measured.SelectMany(one => one.Pixels).ToArray();
        var rate = settings.FalseAlarm is { } asked ? asked.Value : Conformal.usualRate;
        return CalibrationModule.fit(scoring, rate, settings.PixelFalseAlarm, scores, values);
    }
}
