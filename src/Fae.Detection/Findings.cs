using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Fae.Core;
using Fae.Imaging;

namespace Fae.Detection;

/// <summary>An anomalous region in pixels of the original picture.</summary>
public sealed record ImageRegion(int Left, int Top, int Width, int Height, int Area, float Peak);

/// <summary>A region in JSON: <c>box</c> is left, top, width, height.</summary>
public sealed record RegionJson(IReadOnlyList<int> Box, int Area, float Peak);

/// <summary>
/// The JSON of one inspected picture, for <c>inspect --json</c>, <c>watch</c>, the server and the library. What only some of them write
/// is null elsewhere and left out.
/// </summary>
/// <param name="Path">What the picture is called.</param>
/// <param name="Score">The image score.</param>
/// <param name="PValue">The share of good parts that would score as high.</param>
/// <param name="Anomalous">Whether the score is above the threshold.</param>
/// <param name="Threshold">The threshold of the image score.</param>
/// <param name="Fingerprint">Of the model that judged.</param>
/// <param name="Regions">Where it is anomalous.</param>
public sealed record InspectionJson(
    string Path,
    float Score,
    double PValue,
    bool Anomalous,
    float Threshold,
    string Fingerprint,
    IReadOnlyList<RegionJson> Regions
)
{
    /// <summary>The JSON of a finding, by the calibration and the model that it was made with.</summary>
    public InspectionJson(string path, Picture picture, Finding finding, Calibration calibration, string fingerprint)
        : this(
            path,
            finding.Prediction.Score,
            finding.Prediction.PValue,
            finding.Prediction.Anomalous,
            calibration.ImageThreshold,
            fingerprint,
            Findings.RegionsJson(picture, finding)
        )
    {
        static int? Some(int count) => count > 0 ? count : null;
        (PagesNotInspected, BandsNotInspected) = (Some(picture.Unread.FurtherPages), Some(picture.Unread.FurtherBands));
    }

    /// <summary>The heatmap's file, or a data URL; null if none was requested.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public string? Heatmap { get; init; }

    /// <summary>The server's name of the model.</summary>
    public string? Model { get; init; }

    /// <summary>Of the original picture.</summary>
    public int? Width { get; init; }

    /// <summary>Of the original picture.</summary>
    public int? Height { get; init; }

    /// <summary>Further pages of the file, or frames; the verdict is of the first alone.</summary>
    public int? PagesNotInspected { get; init; }

    /// <summary>Bands of the file beyond grey or colour that are no transparency; null if there are none.</summary>
    public int? BandsNotInspected { get; init; }

    /// <summary>In the server's history.</summary>
    public long? Id { get; init; }

    /// <summary>Data URLs of what the network saw, by name.</summary>
    public IReadOnlyDictionary<string, string>? Views { get; init; }

    /// <summary>UTC, ISO 8601.</summary>
    public string? Time { get; init; }

    /// <summary>Of the file, in bytes.</summary>
    public long? Size { get; init; }

    /// <summary>When the file was last written, in ticks of UTC.</summary>
    public long? Changed { get; init; }

    /// <summary>Where <c>watch --move</c> put the file.</summary>
    public string? MovedTo { get; init; }

    /// <summary>On one line.</summary>
    public string ToText() => JsonSerializer.Serialize(this, DetectionJson.Default.InspectionJson);
}

/// <summary>The JSON of a picture that could not be read.</summary>
public sealed record UnreadableJson(string Path, string Problem)
{
    /// <summary>UTC, ISO 8601.</summary>
    public string? Time { get; init; }

    /// <summary>Of the file, in bytes.</summary>
    public long? Size { get; init; }

    /// <summary>When the file was last written, in ticks of UTC.</summary>
    public long? Changed { get; init; }

    /// <summary>Where <c>watch --move</c> put the file.</summary>
    public string? MovedTo { get; init; }

    /// <summary>On one line.</summary>
    public string ToText() => JsonSerializer.Serialize(this, DetectionJson.Default.UnreadableJson);
}

/// <summary>How Fae's programs write JSON of any type, in the form of the library's.</summary>
[RequiresUnreferencedCode("The members of a type are found by reflection.")]
[RequiresDynamicCode("The members of a type are found by reflection.")]
public static class FaeJson
{
    /// <summary>On one line.</summary>
    public static JsonSerializerOptions Compact { get; } =
        new(DetectionJson.Default.Options)
        {
            // The description of the HTTP interface asks for types that nothing has written yet.
            TypeInfoResolver = new DefaultJsonTypeInfoResolver(),
        };

    /// <summary>For people.</summary>
    public static JsonSerializerOptions Indented { get; } = new(Compact) { WriteIndented = true };
}

/// <summary>What a detector found on a picture, in pixels of the original picture.</summary>
public static class Findings
{
    /// <summary>The regions of a finding, scaled to the original picture.</summary>
    public static IReadOnlyList<ImageRegion> Regions(Picture picture, Finding finding)
    {
        ArgumentNullException.ThrowIfNull(picture);
        ArgumentNullException.ThrowIfNull(finding);
        if (finding.InStrips is { } exact)
            return exact;
        var sx = (double)picture.OriginalWidth / picture.Image.Width;
        var sy = (double)picture.OriginalHeight / picture.Image.Height;
        return finding
            .Regions.Select(r => new StripRegion(r.X, r.Y, r.Width, r.Height, r.Area, r.Peak, continues: false))
            .Select(region => Original(InOriginal(region, sx, sy, picture.OriginalWidth, picture.OriginalHeight)))
            .ToList();
    }

    /// <summary>
    /// A region in whole pixels of an original of so many columns and rows, of which one pixel that the detector looks at is
    /// <paramref name="sx"/> columns wide and <paramref name="sy"/> rows high.
    /// </summary>
    public static StripRegion InOriginal(StripRegion region, double sx, double sy, int width, long height)
    {
        var (left, top) = ((int)Math.Floor(region.X * sx), (long)Math.Floor(region.Y * sy));
        var right = Math.Min(width, (int)Math.Ceiling((region.X + region.Width) * sx));
        var bottom = Math.Min(height, (long)Math.Ceiling((region.Y + region.Height) * sy));
        var area = (long)Math.Round(region.Area * sx * sy);
        return new StripRegion(left, top, right - left, (int)(bottom - top), area, region.Peak, region.Continues);
    }

    /// <summary>A region in pixels of the original as one of a picture.</summary>
    internal static ImageRegion Original(StripRegion region) =>
        new(region.X, (int)region.Y, region.Width, region.Height, (int)Math.Min(int.MaxValue, region.Area), region.Peak);

    /// <summary>The same for JSON.</summary>
    public static IReadOnlyList<RegionJson> RegionsJson(Picture picture, Finding finding) =>
        Regions(picture, finding)
            .Select(region => new RegionJson([region.Left, region.Top, region.Width, region.Height], region.Area, region.Peak))
            .ToList();

    /// <summary>The heatmap over the picture as PNG, at the picture's own size, or smaller where it was inspected in strips.</summary>
    public static byte[] HeatmapPng(float threshold, Picture picture, Finding finding)
    {
        ArgumentNullException.ThrowIfNull(picture);
        ArgumentNullException.ThrowIfNull(finding);
        var overlay = HeatmapColours.overlay(threshold, picture.Image, finding.Heatmap);
        if (finding.InStrips is not null)
            return ImageEncoder.toPng(overlay);
        return ImageEncoder.toPng(ImageEncoder.resize(picture.OriginalHeight, picture.OriginalWidth, overlay));
    }
}
