using Fae.Core;

namespace Fae.Detection;

/// <summary>A network f. Thread-safe.</summary>
public interface IReconstructor : IDisposable
{
    /// <summary>
    /// f(x) for images of one size: the planes of the reconstruction, and, of networks that mark anomalies themselves, one plane more,
    /// their own map.
    /// </summary>
    IReadOnlyList<Image> Reconstruct(IReadOnlyList<Image> images);
}

/// <summary>A network that computes scores on its own device.</summary>
public interface IInspector : IReconstructor
{
    /// <summary>
    /// Of each image the answer in these views and windows, as <see cref="TestTimeAugmentation"/> says, its heatmap, and its score;
    /// pixels of <paramref name="ignore"/> ≥ ½ do not count.
    /// </summary>
    IReadOnlyList<(Image Answer, Image Heatmap, float Score)> Inspect(
        IReadOnlyList<Image> images,
        IReadOnlyList<View> views,
        Tiling? tiling,
        Scoring way,
        Image? ignore
    );
}

/// <summary>Conversion between images of one size and an array N × C × H × W.</summary>
public static class Batches
{
    /// <summary>Batch size.</summary>
    private const int Largest = 8;

    /// <summary>
    /// f(x) of all images, some at a time; <paramref name="forward"/> gets an array N × C × H × W with its shape, and the images that are
    /// in it.
    /// </summary>
    public static IReadOnlyList<Image> Run(IReadOnlyList<Image> images, Func<float[], long[], Image[], List<Image>> forward)
    {
        ArgumentNullException.ThrowIfNull(images);
        return images
            .Chunk(Largest)
            .SelectMany(some => forward(Join(some), [some.Length, some[0].Channels, some[0].Height, some[0].Width], some))
            .ToList();
    }

    private static float[] Join(Image[] images)
    {
        if (images.Length == 1)
            return images[0].Pixels;
        var volume = images[0].Pixels.Length;
        var joined = new float[images.Length * volume];
        for (var i = 0; i < images.Length; i++)
            images[i].Pixels.CopyTo(joined, i * volume);
        return joined;
    }

    public static List<Image> Split(ReadOnlySpan<float> values, Image[] images)
    {
        var volume = values.Length / images.Length;
        var parts = new List<Image>(images.Length);
        for (var i = 0; i < images.Length; i++)
            parts.Add(
                ImageModule.ofArray(volume / images[i].Area, images[i].Height, images[i].Width, values.Slice(i * volume, volume).ToArray())
            );
        return parts;
    }
}
