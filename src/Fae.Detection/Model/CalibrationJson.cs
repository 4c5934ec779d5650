using System.Text.Json.Serialization;
using Fae.Core;

namespace Fae.Detection;

/// <summary>The calibration inside a model file.</summary>
internal sealed record CalibrationJson(
    [property: JsonRequired] string Measure,
    [property: JsonRequired] int FilterSize,
    [property: JsonRequired] int FilterPasses,
    [property: JsonRequired] string Reduction,
    [property: JsonRequired] float Top,
    [property: JsonRequired] int Border,
    float? MedianOffset,
    [property: JsonRequired] float[] HeldOut,
    [property: JsonRequired] float ImageThreshold,
    [property: JsonRequired] double FalseAlarm,
    [property: JsonRequired] float PixelThreshold,
    [property: JsonRequired] float HeatScale
)
{
    /// <summary>The name of the offset in older models: read, never written.</summary>
    public float? TypicalMedian { get; init; }

    public static CalibrationJson Of(Calibration calibration)
    {
        var scoring = calibration.Scoring;
        return new(
            Difference.name(scoring.Measure),
            scoring.FilterSize,
            scoring.FilterPasses,
            ReductionModule.name(scoring.Reduction),
            scoring.Reduction is Reduction.Top top ? top.q : 0,
            scoring.Border,
            scoring.MedianOffset,
            calibration.HeldOut,
            calibration.ImageThreshold,
            calibration.FalseAlarm,
            calibration.PixelThreshold,
            calibration.HeatScale
        );
    }

    /// <exception cref="InvalidDataException">A value is unknown or out of range.</exception>
    public Calibration ToCalibration()
    {
        if (Measure is null || Reduction is null || HeldOut is null)
            throw new InvalidDataException("its calibration is damaged");
        var measure = Difference.tryParse(Measure) ?? throw new InvalidDataException("its difference measure is unknown");
        var reduction =
            ReductionModule.tryParse(Top, Reduction) ?? throw new InvalidDataException($"its reduction '{Reduction}' is unknown");
        if (FilterSize < 1 || FilterSize % 2 == 0 || FilterPasses < 0 || Border < 0)
            throw new InvalidDataException("its mean filter is out of range");
        var normalisation = (MedianOffset ?? TypicalMedian) is { } offset ? Normalisation.NewByMedian(offset) : Normalisation.Unnormalised;
        var scoring = new Scoring(measure.Value, FilterSize, FilterPasses, reduction.Value, Border, normalisation);
        return new Calibration(scoring, HeldOut, ImageThreshold, FalseAlarm, PixelThreshold, HeatScale);
    }
}
