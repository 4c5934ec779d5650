using Fae.Core;
using Fae.Detection;
using Microsoft.FSharp.Collections;

namespace Fae.Training;

/// <summary>
/// What is usual at each place of a memory bank's map, <c>Fae.Core.MemoryBank.places</c>: from the distances of training pictures to the
/// entries that are not theirs.
/// </summary>
internal sealed class BankPlaces : IDisposable
{
    private const int BatchSize = 8;

    /// <summary>Pictures that are looked at, and how few are too few.</summary>
    private const int MostPictures = 48,
        FewestPictures = 8;

    /// <summary>Multiplications, a few seconds of them: of large pictures fewer are looked at.</summary>
    private const double MostProducts = 4e11;

    /// <summary>Where no place differs by more from the others, none is kept.</summary>
    private const float Negligible = 0.02f;

    private readonly FeatureExtractor extractor;
    private readonly DistanceToOthers distances;

    /// <summary>For a bank, (entries, d), and the number of the picture that each entry is of.</summary>
    public BankPlaces(FeatureExtractor extractor, NamedArray bank, int[] owners)
    {
        this.extractor = extractor;
        distances = new DistanceToOthers(bank, owners);
    }

    /// <summary>
    /// (1, 1, h, w), without a name; null where there are too few pictures or every place is like the others. Places are those of the
    /// straight view; <paramref name="views"/> are what pictures are inspected in.
    /// </summary>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public NamedArray? Fit(
        IEnumerable<Image> pictures,
        int number,
        Image? ignore,
        IReadOnlyList<View> views,
        Action<double> tell,
        CancellationToken stop
    )
    {
        if (number < FewestPictures)
            return null;
        var maps = new List<Image>();
        var most = MostPictures;
        var some = pictures
            .Select((picture, i) => (Picture: picture, Number: i))
            .Where(one => one.Number % Math.Max(1, number / MostPictures) == 0);
        foreach (var batch in some.Chunk(BatchSize))
        {
            foreach (var (embedding, one) in extractor.Embed([.. batch.Select(one => one.Picture)]).Zip(batch))
            {
                stop.ThrowIfCancellationRequested();
                most = Math.Clamp(
                    (int)(MostProducts / ((double)embedding.Pixels.Length * distances.Entries)),
                    FewestPictures,
                    MostPictures
                );
                maps.Add(InViews(distances.Map(embedding, one.Number, ignore), views));
                tell(Math.Min(1, maps.Count / (double)Math.Min(most, number)));
                if (maps.Count == most)
                    break;
            }
            if (maps.Count == most)
                break;
        }
        var places = MemoryBank.places(ListModule.OfSeq(maps));
        return places.Pixels.All(place => Math.Abs(place - 1) <= Negligible)
            ? null
            : new NamedArray("", [1, 1, places.Height, places.Width], places.Pixels);
    }

    /// <inheritdoc/>
    public void Dispose() => distances.Dispose();

    /// <summary>The mean over views, as the mean of the views' maps will be.</summary>
    private static Image InViews(Image map, IReadOnlyList<View> views) =>
        views.Count == 1
            ? map
            : views
                .Select(view => ViewModule.apply(view, map))
                .Aggregate((sum, view) => ImageModule.ofArray(1, sum.Height, sum.Width, [.. sum.Pixels.Zip(view.Pixels, (a, b) => a + b)]));
}
