using System.Globalization;
using Fae.Core;

namespace Fae.Detection;

/// <summary>One way of scoring on synthetic defects, and on labelled pictures.</summary>
public sealed record ScoringPair(ScoringTrial Synthetic, ScoringTrial Labelled);

/// <summary>
/// How far synthetic defects can be trusted to choose: the same ways of scoring on them and on labelled pictures. A measurement; nothing
/// is chosen by it.
/// </summary>
/// <param name="Pairs">The best by the labels first.</param>
public sealed record ScoringComparison(IReadOnlyList<ScoringPair> Pairs)
{
    /// <summary>Pairs trials of the same candidates.</summary>
    public static ScoringComparison Of(IEnumerable<ScoringTrial> synthetic, IEnumerable<ScoringTrial> labelled)
    {
        ArgumentNullException.ThrowIfNull(synthetic);
        ArgumentNullException.ThrowIfNull(labelled);
        var known = synthetic.DistinctBy(trial => trial.Candidate).ToDictionary(trial => trial.Candidate);
        return new(labelled.Select(trial => new ScoringPair(known[trial.Candidate], trial)).ToList());
    }

    /// <summary>Spearman's correlation of the image AUROCs, in [−1, 1]; null where it is not defined.</summary>
    public double? OfImages => Correlation(trial => trial.ImageAuroc);

    /// <summary>That of the pixel AUROCs.</summary>
    public double? OfPixels => Correlation(trial => trial.PixelAuroc);

    /// <summary>That of what is chosen by, the mean AUROC, with the image AUROC on labelled pictures.</summary>
    public double? OfChoice => Correlation(trial => trial.MeanAuroc, trial => trial.ImageAuroc);

    /// <summary>The correlations, and a line for each way of scoring, the best by the labels first.</summary>
    public override string ToString()
    {
        static string Text(double? value) => value is { } v ? v.ToString("F2", CultureInfo.InvariantCulture) : "not defined";
        var head =
            $"rank correlation (Spearman) of synthetic and labelled AUROC over {Pairs.Count} ways of scoring: image {Text(OfImages)}, "
            + $"pixel {Text(OfPixels)}, the synthetic mean with the labelled image AUROC {Text(OfChoice)}\n\n"
            + "labelled        synthetic\nimage   pixel   image   pixel\n";
        return head
            + string.Concat(
                Pairs.Select(pair =>
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"{pair.Labelled.ImageAuroc:F4}  {pair.Labelled.PixelAuroc:F4}  {pair.Synthetic.ImageAuroc:F4}  "
                    )
                    + string.Create(
                        CultureInfo.InvariantCulture,
                        $"{pair.Synthetic.PixelAuroc:F4}  {ScoringSearch.Describe(pair.Labelled.Scoring)}\n"
                    )
                )
            );
    }

    private double? Correlation(Func<ScoringTrial, double> synthetic, Func<ScoringTrial, double>? labelled = null)
    {
        var found = Statistics.rankCorrelation(
            Pairs.Select(pair => synthetic(pair.Synthetic)).ToArray(),
            Pairs.Select(pair => (labelled ?? synthetic)(pair.Labelled)).ToArray()
        );
        return found?.Value;
    }
}
