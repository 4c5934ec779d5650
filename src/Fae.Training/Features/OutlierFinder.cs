using Fae.Core;
using Fae.Detection;
using Microsoft.FSharp.Collections;

namespace Fae.Training;

/// <summary>
/// How far a good picture is from the others: its number, the map of the distances of its places, (1, h, w), over what is usual there, and
/// its score, ≥ 0.
/// </summary>
public sealed record PictureDistance(int Number, Image Map, float Score);

/// <summary>
/// Good pictures that are unlike the others, by pretrained features: each picture's patches are compared with a memory bank's entries of
/// all other pictures, <c>Fae.Core.Outliers.ofDistances</c>. Bad pictures among the good ones are far from them, also where they are in the
/// bank themselves.
/// </summary>
/// <param name="settings">How large the bank is: <c>network.bank_size</c> and <c>network.bank_cap</c>.</param>
/// <param name="extractor">The features.</param>
/// <param name="seed">What is random follows from it.</param>
public sealed class OutlierFinder(NetworkSettings settings, FeatureExtractor extractor, Seed seed)
{
    private const int BatchSize = 8;

    /// <summary>The share of the work when the bank is there: features are computed twice.</summary>
    private const double Banked = 0.5;

    /// <summary>
    /// The distances of prepared pictures of one size, in their order; empty for fewer than two. Patches under the ignore mask do not
    /// count. <paramref name="tell"/> gets the share that is done, in [0, 1].
    /// </summary>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    /// <exception cref="InvalidDataException">Every patch lies under the ignore mask.</exception>
    public IReadOnlyList<PictureDistance> Find(FitPictures pictures, Image? ignore, Action<double> tell, CancellationToken stop)
    {
        ArgumentNullException.ThrowIfNull(pictures);
        ArgumentNullException.ThrowIfNull(tell);
        if (pictures.Number < 2)
            return [];
        var fitter = new MemoryBankFitter(settings, extractor, seed)
        {
            Progress = progress => tell(progress.Part == MemoryBankFitter.Features ? Banked * progress.Done : Banked),
        };
        var (bank, owners) = fitter.FitWithOwners(pictures, ignore, stop);
        using var distances = new DistanceToOthers(bank, owners);
        var maps = new List<Image>();
        foreach (var batch in pictures.Images.Chunk(BatchSize))
        {
            foreach (var embedding in extractor.Embed(batch))
            {
                stop.ThrowIfCancellationRequested();
                maps.Add(distances.Map(embedding, maps.Count, ignore));
            }
            tell(Banked + (1 - Banked) * maps.Count / pictures.Number);
        }
        return
        [
            .. Outliers
                .ofDistances(ListModule.OfSeq(maps))
                .Select((found, number) => new PictureDistance(number, found.Item1, found.Item2)),
        ];
    }
}
