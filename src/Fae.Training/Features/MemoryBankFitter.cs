using System.Numerics.Tensors;
using Fae.Core;
using Fae.Detection;
using Fae.Kernels;

namespace Fae.Training;

/// <summary>What a fit in one pass is doing: its part in words, and how far it is, in [0, 1].</summary>
public sealed record FitProgress(string Part, double Done);

/// <summary>Prepared pictures of one size, and how many they are.</summary>
public sealed record FitPictures(IEnumerable<Image> Images, int Number)
{
    /// <summary>No pictures.</summary>
    public static readonly FitPictures None = new([], 0);
}

/// <summary>
/// The arrays of a memory bank of the training pictures, by which thresholds are found on the held-out ones, and of a bank of all pictures,
/// which inspects. That has the entries of the other and further ones, so no patch is farther from it.
/// </summary>
public sealed record FittedBank(IReadOnlyList<NamedArray> OfTraining, IReadOnlyList<NamedArray> OfAll);

/// <summary>
/// PatchCore's memory bank (Roth et al., CVPR 2022): the patches of all good pictures, at most <c>network.bank_cap</c> of them, thinned to
/// <c>network.bank_size</c> by greedy farthest points in a random projection.
/// </summary>
public sealed class MemoryBankFitter(NetworkSettings settings, FeatureExtractor extractor, Seed seed)
{
    private const int BatchSize = 8;

    /// <summary>Dimensions of the random projection.</summary>
    internal const int Projected = 64;

    /// <summary>Parts of a fit, as its progress calls them.</summary>
    public const string Features = "features",
        Places = "places";

    /// <summary>The name of the only bank among a model's arrays.</summary>
    public static readonly string Bank = MemoryBankGraph.Bank(1);

    /// <summary>Which of a model's banks it is, counted from 1.</summary>
    public int Number { get; init; } = 1;

    /// <summary>An earlier bank, (entries, d): its entries are patches beside those of the pictures.</summary>
    public NamedArray? From { get; init; }

    /// <summary>The same of an earlier bank of all pictures.</summary>
    public NamedArray? FromAll { get; init; }

    /// <summary>Training pictures that the earlier bank knows.</summary>
    public int Known { get; init; }

    /// <summary>
    /// The views of pictures that are inspected as a whole, for which it is to be found what is usual at each place; null where it is not.
    /// </summary>
    public IReadOnlyList<View>? Views { get; init; }

    /// <summary>The views of each picture whose patches enter, the straight one first.</summary>
    public IReadOnlyList<View> EntryViews { get; init; } = [ViewModule.straight];

    /// <summary>Called as it goes on.</summary>
    public Action<FitProgress>? Progress { get; init; }

    /// <summary>The bank of prepared pictures of one size; patches under the ignore mask do not enter it.</summary>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public IReadOnlyList<NamedArray> Fit(IEnumerable<Image> pictures, int number, Image? ignore, CancellationToken stop) =>
        Fit(new(pictures, number), FitPictures.None, ignore, stop).OfTraining;

    /// <summary>
    /// The bank of training pictures, and that of these and further ones. What is usual at each place is that of the training pictures for
    /// both.
    /// </summary>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public FittedBank Fit(FitPictures training, FitPictures further, Image? ignore, CancellationToken stop)
    {
        ArgumentNullException.ThrowIfNull(training);
        ArgumentNullException.ThrowIfNull(further);
        var (values, dimensions, owners) = Patches(training, further, ignore, stop);
        var ofTraining = owners.TakeWhile(owner => owner < training.Number).Count();
        if (ofTraining == 0)
            throw EveryPatchIgnored();
        var patches = new NamedArray(MemoryBankGraph.Bank(Number), [owners.Count, dimensions], values);
        var points = Points(patches);
        var (entries, chosen) = Coreset(
            [From, patches],
            [.. Points(From), .. points.AsSpan(0, ofTraining * Width(dimensions))],
            1,
            settings.BankSize,
            "coreset",
            stop
        );
        var earlier = From is null ? 0 : (int)From.Shape[0];
        NamedArray[] usual = Views is null ? [] : Usual(entries, [.. chosen.Select(i => i - earlier)], owners, training, ignore, stop);
        if (further.Number == 0)
            return new([entries, .. usual], [entries, .. usual]);

        // In proportion as many entries for the further pictures.
        var share = Math.Min(1.0, (double)further.Number / (Known + training.Number));
        var count = (int)Math.Ceiling((1 + share) * entries.Shape[0]);
        var (all, _) = Coreset(
            [entries, FromAll, patches],
            [.. Points(entries), .. Points(FromAll), .. points],
            (int)entries.Shape[0],
            count,
            "coreset, held-out pictures too",
            stop
        );
        return new([entries, .. usual], [all, .. usual]);
    }

    /// <summary>The entries of a bank of pictures, and the number of the picture that each is of.</summary>
    /// <exception cref="InvalidDataException">Every patch lies under the ignore mask.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    internal (NamedArray Bank, int[] Owners) FitWithOwners(FitPictures pictures, Image? ignore, CancellationToken stop)
    {
        var (values, dimensions, owners) = Patches(pictures, FitPictures.None, ignore, stop);
        if (owners.Count == 0)
            throw EveryPatchIgnored();
        var patches = new NamedArray(MemoryBankGraph.Bank(Number), [owners.Count, dimensions], values);
        var (bank, chosen) = Coreset([patches], Points(patches), 1, settings.BankSize, "coreset", stop);
        return (bank, [.. chosen.Select(i => owners[i])]);
    }

    private static InvalidDataException EveryPatchIgnored() => new("every patch of the good pictures lies under the ignore mask");

    /// <summary>Dimensions in which farthest points are looked for.</summary>
    private static int Width(int dimensions) => Math.Min(Projected, dimensions);

    /// <summary>Vectors in the random projection, or as they are if that has no fewer dimensions.</summary>
    private float[] Points(NamedArray? vectors)
    {
        if (vectors is null)
            return [];
        var dimensions = (int)vectors.Shape[1];
        return Projected < dimensions ? Project(vectors.Values, dimensions, seed) : vectors.Values;
    }

    /// <summary>
    /// Vectors of several arrays by their points: the first <paramref name="given"/> of all, then the farthest; and which they are.
    /// </summary>
    private (NamedArray Entries, int[] Chosen) Coreset(
        NamedArray?[] vectors,
        float[] points,
        int given,
        int count,
        string part,
        CancellationToken stop
    )
    {
        var arrays = vectors.OfType<NamedArray>().ToArray();
        var dimensions = (int)arrays[0].Shape[1];
        var size = Math.Min(count, points.Length / Width(dimensions));
        var chosen = CoresetKernel.Choose(points, Width(dimensions), given, size, done => Tell(part, done, size), stop);
        var entries = new float[size * dimensions];
        for (var i = 0; i < size; i++)
            Vector(arrays, chosen[i], dimensions).CopyTo(entries.AsSpan(i * dimensions));
        return (new(MemoryBankGraph.Bank(Number), [size, dimensions], entries), chosen);
    }

    /// <summary>A vector of arrays by its number in all of them.</summary>
    private static ReadOnlySpan<float> Vector(NamedArray[] arrays, int number, int dimensions)
    {
        foreach (var array in arrays)
        {
            if (number < array.Shape[0])
                return array.Values.AsSpan(number * dimensions, dimensions);
            number -= (int)array.Shape[0];
        }
        throw new ArgumentOutOfRangeException(nameof(number));
    }

    /// <summary>What is usual at each place; nothing where no place differs.</summary>
    private NamedArray[] Usual(
        NamedArray entries,
        int[] chosen,
        List<int> owners,
        FitPictures training,
        Image? ignore,
        CancellationToken stop
    )
    {
        using var places = new BankPlaces(extractor, entries, [.. chosen.Select(i => i < 0 ? -1 : owners[i])]);
        void Done(double done) => Progress?.Invoke(new FitProgress(Places, done));
        var usual = places.Fit(training.Images, training.Number, ignore, Views!, Done, stop);
        return usual is null ? [] : [usual with { Name = MemoryBankGraph.Places(Number) }];
    }

    /// <summary>
    /// Vectors one after the other: the same number of each view of a picture, drawn from the seed, if all are too many; and the number of
    /// the picture that each is of.
    /// </summary>
    private (float[] Values, int Dimensions, List<int> Owners) Patches(
        FitPictures training,
        FitPictures further,
        Image? ignore,
        CancellationToken stop
    )
    {
        var inAll = (training.Number + further.Number) * EntryViews.Count;
        var each = Math.Max(1, settings.BankCap / inAll);
        var hidden = EntryViews.Select(view => ignore is null ? null : ViewModule.apply(view, ignore)).ToList();
        var (values, owners) = (new List<float>(), new List<int>());
        var dimensions = 0;
        var done = 0;
        var pictures = training.Images.Concat(further.Images);
        foreach (var some in pictures.SelectMany(picture => EntryViews.Select(view => ViewModule.apply(view, picture))).Chunk(BatchSize))
        {
            stop.ThrowIfCancellationRequested();
            foreach (var embedding in extractor.Embed(some))
            {
                dimensions = embedding.Channels;
                var visible = Visible(embedding, hidden[done % EntryViews.Count]);
                foreach (var place in Drawn(visible, each, Fae.Core.Random.fork((ulong)done, seed)))
                {
                    for (var d = 0; d < dimensions; d++)
                        values.Add(embedding.Pixels[d * embedding.Area + place]);
                    owners.Add(done / EntryViews.Count);
                }
                done++;
            }
            Tell(Features, done, inAll);
        }
        return ([.. values], dimensions, owners);
    }

    /// <summary>The places of an embedding whose centres are not ignored.</summary>
    internal static IEnumerable<int> Visible(Image embedding, Image? ignore)
    {
        for (var y = 0; y < embedding.Height; y++)
        for (var x = 0; x < embedding.Width; x++)
        {
            var hidden =
                ignore is not null
                && ignore.Pixels[
                    (2 * y + 1) * ignore.Height / (2 * embedding.Height) * ignore.Width + (2 * x + 1) * ignore.Width / (2 * embedding.Width)
                ] >= 0.5f;
            if (!hidden)
                yield return y * embedding.Width + x;
        }
    }

    /// <summary>Some of the places, in their order: those with the smallest random numbers.</summary>
    internal static IEnumerable<int> Drawn(IEnumerable<int> places, int count, Seed seed)
    {
        var all = places.ToArray();
        var key = Fae.Core.Random.mix64(seed.State);
        return all.Length <= count ? all : all.OrderBy(place => Fae.Core.Random.hash(key, (ulong)place)).Take(count).Order();
    }

    /// <summary>Vectors one after the other in the random projection of a seed.</summary>
    internal static float[] Project(float[] patches, int dimensions, Seed seed)
    {
        var matrix = MemoryBank.projection(Fae.Core.Random.mix64(seed.State), Projected, dimensions);
        var projected = new float[patches.Length / dimensions * Projected];
        Parallel.For(
            0,
            patches.Length / dimensions,
            i =>
            {
                var patch = patches.AsSpan(i * dimensions, dimensions);
                for (var d = 0; d < Projected; d++)
                    projected[i * Projected + d] = TensorPrimitives.Dot(patch, matrix[d]);
            }
        );
        return projected;
    }

    private void Tell(string part, int done, int all) => Progress?.Invoke(new FitProgress(part, (double)done / all));
}
