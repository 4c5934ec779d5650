using Fae.Core;
using Fae.Detection;
using Fae.Imaging;
using Microsoft.FSharp.Core;

namespace Fae;

/// <summary>What a detector says of a picture.</summary>
public enum Verdict
{
    /// <summary>The part is like those that the detector learned from.</summary>
    Good,

    /// <summary>It is not.</summary>
    Anomalous,

    /// <summary>The picture could not be read: <see cref="Inspection.Problem"/> says why. Never taken for good.</summary>
    Unreadable,
}

/// <summary>A connected region at or above the pixel threshold, in pixels of the picture as it was given.</summary>
/// <param name="Left">Of its box.</param>
/// <param name="Top">Of its box.</param>
/// <param name="Width">Of its box.</param>
/// <param name="Height">Of its box.</param>
/// <param name="Area">Pixels that belong to it.</param>
/// <param name="Peak">The largest value of the heatmap in it.</param>
public sealed record AnomalousRegion(int Left, int Top, int Width, int Height, int Area, float Peak);

/// <summary>A plane of values, row by row.</summary>
public sealed record Plane(int Width, int Height, ReadOnlyMemory<float> Values)
{
    internal static Plane Of(Image image) => new(image.Width, image.Height, image.Pixels);
}

/// <summary>The verdict on one picture, with where and how sure.</summary>
public sealed class Inspection
{
    private readonly Picture? picture;
    private readonly Finding? finding;
    private readonly Calibration calibration;

    internal Inspection(string name, Picture picture, Finding finding, Calibration calibration, string fingerprint)
    {
        Name = name;
        Fingerprint = fingerprint;
        this.picture = picture;
        this.finding = finding;
        this.calibration = calibration;
        Regions = Findings
            .Regions(picture, finding)
            .Select(r => new AnomalousRegion(r.Left, r.Top, r.Width, r.Height, r.Area, r.Peak))
            .ToList();
    }

    internal Inspection(string name, string problem, Calibration calibration, string fingerprint)
    {
        Name = name;
        Fingerprint = fingerprint;
        Problem = problem;
        this.calibration = calibration;
        Regions = [];
    }

    /// <summary>What the picture was called.</summary>
    public string Name { get; }

    /// <summary>Of the model that judged, as <c>fae inspect --json</c> and the server write it.</summary>
    public string Fingerprint { get; }

    /// <summary>Good, anomalous, or unreadable.</summary>
    public Verdict Verdict =>
        finding is null ? Verdict.Unreadable
        : finding.Prediction.Anomalous ? Verdict.Anomalous
        : Verdict.Good;

    /// <summary>Whether the picture was read and is anomalous.</summary>
    public bool Anomalous => Verdict == Verdict.Anomalous;

    /// <summary>Why the picture could not be read, else null.</summary>
    public string? Problem { get; }

    /// <summary>The image score, above <see cref="Threshold"/> for anomalous pictures; not a number for unreadable ones.</summary>
    public float Score => finding?.Prediction.Score ?? float.NaN;

    /// <summary>
    /// The share of good parts, (0, 1], that would score as high: the conformal p-value against the held-out good ones; not a number for
    /// unreadable pictures.
    /// </summary>
    public double PValue => finding?.Prediction.PValue ?? double.NaN;

    /// <summary>Scores above are anomalous.</summary>
    public float Threshold => calibration.ImageThreshold;

    /// <summary>Values of the heatmap at or above it are anomalous.</summary>
    public float PixelThreshold => calibration.PixelThreshold;

    /// <summary>Width of the picture as it was given, upright; 0 for unreadable ones.</summary>
    public int Width => picture?.OriginalWidth ?? 0;

    /// <summary>Height of the picture as it was given, upright; 0 for unreadable ones.</summary>
    public int Height => picture?.OriginalHeight ?? 0;

    /// <summary>Where it is anomalous.</summary>
    public IReadOnlyList<AnomalousRegion> Regions { get; }

    /// <summary>
    /// The heatmap at the size that the detector looks at; smaller where a file was too large to hold; null for unreadable pictures.
    /// </summary>
    public Plane? Heatmap => finding is null ? null : Plane.Of(finding.Heatmap);

    /// <summary>1 where the heatmap is at or above <see cref="PixelThreshold"/>, else 0; null for unreadable pictures.</summary>
    public Plane? Mask => finding is null ? null : Plane.Of(ImageModule.map(Above, finding.Heatmap));

    /// <summary>The heatmap over the picture, at the picture's own size or smaller where its file was too large to hold, as a PNG file's
    /// bytes.</summary>
    /// <exception cref="InvalidOperationException">The picture is unreadable.</exception>
    public byte[] HeatmapPng() =>
        picture is null || finding is null
            ? throw new InvalidOperationException($"{Name} could not be read: {Problem}")
            : Findings.HeatmapPng(calibration.PixelThreshold, picture, finding);

    /// <summary>The form of <c>fae inspect --json</c>; of an unreadable picture, its path and problem.</summary>
    public string ToJson() =>
        picture is null || finding is null
            ? new UnreadableJson(Name, Problem ?? "").ToText()
            : new InspectionJson(Name, picture, finding, calibration, Fingerprint).ToText();

    private FSharpFunc<float, float> Above => FuncConvert.FromFunc<float, float>(value => value >= calibration.PixelThreshold ? 1 : 0);
}
