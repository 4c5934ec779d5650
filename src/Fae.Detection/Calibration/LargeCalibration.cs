using Fae.Core;
using Fae.Imaging;
using Microsoft.FSharp.Core;

namespace Fae.Detection;

/// <summary>Fits thresholds on held-out good pictures of which some are too large to hold.</summary>
public static class LargeCalibration
{
    /// <summary>The pixel threshold rests on at most so many values.</summary>
    private const int MostPixels = 1 << 24;

    /// <summary>
    /// The calibration of a way of scoring. Each file is inspected as it will be later: large ones in rows, the others as a whole.
    /// </summary>
    /// <param name="detector">One with tiles; its own calibration is not used.</param>
    /// <param name="candidate">The way of scoring.</param>
    /// <param name="settings">The false-alarm rates.</param>
    /// <param name="pieces">Prepared pieces of the files: what a usual median is, if scores are divided by it.</param>
    /// <param name="files">Held-out good pictures, at least one.</param>
    public static FSharpResult<Calibration, ImageProblem> Fit(
        Detector detector,
        ScoringCandidate candidate,
        CalibrationSettings settings,
        IReadOnlyList<Image> pieces,
        IReadOnlyList<string> files
    )
    {
        ArgumentNullException.ThrowIfNull(detector);
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(files);
        // Pieces are looked at only where it is asked for what is usual.
        var scoring = candidate.NormaliseByMedian
            ? detector.Fit(candidate, settings, pieces).Scoring
            : ScoringCandidateModule.unnormalised(candidate);
        var scores = new List<float>();
        var pixels = new List<float>();
        using var scorer = detector.With(CalibrationModule.unfitted(scoring));
        foreach (var file in files)
        {
            var measured = Measure(scorer, file, MostPixels / files.Count);
            if (measured.IsError)
                return FSharpResult<Calibration, ImageProblem>.NewError(measured.ErrorValue);
            scores.Add(measured.ResultValue.Score);
            pixels.AddRange(measured.ResultValue.Pixels);
        }
        var rate = settings.FalseAlarm is { } asked ? asked.Value : Conformal.usualRate;
        return FSharpResult<Calibration, ImageProblem>.NewOk(
            CalibrationModule.fit(scoring, rate, settings.PixelFalseAlarm, [.. scores], [.. pixels])
        );
    }

    /// <summary>The score of a file, and at most so many values of its heatmap, evenly from those that count.</summary>
    private static FSharpResult<(float Score, List<float> Pixels), ImageProblem> Measure(Detector detector, string file, int most)
    {
        var card = detector.Card;
        var border = detector.Calibration.Scoring.Border;
        var values = new List<float>();
        if (PreparedRows.Shape(card.Config, file) is not { } own)
        {
            var read = ImagePreparation.ofFile(card.Config, card.Channels, null, file);
            if (read.IsError)
                return FSharpResult<(float, List<float>), ImageProblem>.NewError(read.ErrorValue);
            var finding = detector.Inspect([read.ResultValue.Image])[0];
            Take(finding.Heatmap, 0, finding.Heatmap.Height);
            return FSharpResult<(float, List<float>), ImageProblem>.NewOk((finding.Prediction.Score, values));
        }
        var shape = InputGeometry.preparedShape(card.Config, own);
        var scale = PreparedRows.Scale(shape, own);
        var strip = new StripInspector(detector, shape.Item2, 0, rows => Take(rows.Heatmap, (int)rows.Top, shape.Item1), scale);
        var inspected = PreparedRows.ReadRaw(card.Config, card.Channels, file, rows => strip.Push(rows));
        return inspected.IsError
            ? FSharpResult<(float, List<float>), ImageProblem>.NewError(inspected.ErrorValue)
            : FSharpResult<(float, List<float>), ImageProblem>.NewOk((strip.Complete().Prediction.Score, values));

        // Every k-th value of a heatmap's rows, where the picture has so many rows.
        void Take(Image heatmap, int top, int height)
        {
            var every = ((long)heatmap.Width * height + most - 1) / most;
            for (var row = Math.Max(0, border - top); row < Math.Min(heatmap.Height, height - border - top); row++)
            {
                var line = heatmap.Pixels.AsSpan(row * heatmap.Width, heatmap.Width);
                for (var column = border; column < heatmap.Width - border; column++)
                    if (((long)(top + row) * heatmap.Width + column) % every == 0)
                        values.Add(line[column]);
            }
        }
    }
}
