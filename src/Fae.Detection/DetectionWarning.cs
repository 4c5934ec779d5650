using System.Globalization;
using Fae.Core;
using Fae.Imaging;

namespace Fae.Detection;

/// <summary>
/// Texts of the warnings about the pictures that a detector is given. <c>inspect</c>, <c>watch</c> and <c>serve</c> use the same.
/// </summary>
public static class DetectionWarning
{
    /// <summary>The latest scores differ from those of the held-out good pictures.</summary>
    public static string Drift(int scores, double significance) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"the scores of the latest {scores} pictures differ from those of good parts (probability by chance "
                + $"{significance:E0}): many are anomalous, or the camera or the light has changed"
        );

    /// <summary>A picture that scores far below every held-out good one; null of all others.</summary>
    public static string? FarBelow(IReadOnlyList<float> heldOut, float score) =>
        Outliers.isFarBelow([.. heldOut], score)
            ? string.Create(
                CultureInfo.InvariantCulture,
                $"a score of {score:G3} is far below those of all good parts (the lowest is {heldOut.Min():G3}): "
                    + $"the picture may show no part at all, or be black or white"
            )
            : null;

    /// <summary>A file of several pages, of which the first is inspected; null of all others.</summary>
    public static string? Pages(Picture picture)
    {
        ArgumentNullException.ThrowIfNull(picture);
        return picture.Unread.FurtherPages > 0 ? "the files hold several pages; only the first of each is inspected" : null;
    }

    /// <summary>A file with a band beyond the colours that is no transparency; null of all others.</summary>
    public static string? Bands(Picture picture)
    {
        ArgumentNullException.ThrowIfNull(picture);
        return picture.Unread.FurtherBands > 0
            ? "the files hold a further band (infrared, a mask); only grey or colour is inspected"
            : null;
    }

    /// <summary>A picture whose values are not those that the model was trained on; null of all others.</summary>
    public static string? Values(ValueSettings settings, Picture picture)
    {
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(picture);
        if (picture.Values is not { } found)
            return null;
        var span = found.Value;
        if (!ValueRange.isStrange(settings, span.Kind, span.Lowest, span.Highest))
            return null;
        var (low, high) = ValueRange.ofPicture(settings, span.Kind);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"values from {span.Lowest:G6} to {span.Highest:G6} are not those of the training pictures; {low:G6} is taken for black and "
                + $"{high:G6} for white"
        );
    }

    /// <summary>Colour pictures for a model of grey ones, or the reverse; null where both are of one kind.</summary>
    public static string? Colours(int channels, bool coloured) =>
        (channels, coloured) switch
        {
            (1, true) => "the pictures are in colour, the model was trained on grey ones: it does not see colours",
            (3, false) =>
                "the pictures are grey, the model was trained on colour: it will find everything unusual; give it the camera's colours",
            _ => null,
        };
}
