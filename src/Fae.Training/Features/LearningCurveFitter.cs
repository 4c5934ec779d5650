using System.Numerics.Tensors;
using Fae.Core;
using Fae.Detection;
using Microsoft.FSharp.Collections;

namespace Fae.Training;

/// <summary>
/// The curve of <c>Fae.Core.LearningCurve</c>, from features of some training and held-out pictures in a random projection. Every subset's
/// distances follow from those to single pictures, so that each pair of patches is compared once.
/// </summary>
public sealed class LearningCurveFitter(FeatureExtractor extractor, Seed seed)
{
    private const int BatchSize = 8;
    private const int Projected = MemoryBankFitter.Projected;

    /// <summary>Orders of the training pictures that the curve averages over.</summary>
    private const int Orders = 4;

    /// <summary>Training pictures, good and bad pictures of the validation, and patches of all training pictures together, at
    /// most.</summary>
    private const int MostTraining = 128,
        MostGood = 24,
        MostBad = 36,
        MostPatches = 25_000;

    /// <summary>The curve of so many good pictures of one size; of more than 128, of 128 of them.</summary>
    /// <param name="count">Of the training pictures.</param>
    /// <param name="training">The training picture of a number.</param>
    /// <param name="validation">Held-out good pictures, and copies with synthetic defects.</param>
    /// <param name="ignore">Patches under it are left out.</param>
    /// <param name="stop">Ends it.</param>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public IReadOnlyList<LearningPoint> Fit(
        int count,
        Func<int, Image> training,
        ValidationSet validation,
        Image? ignore,
        CancellationToken stop
    )
    {
        ArgumentNullException.ThrowIfNull(validation);
        ArgumentNullException.ThrowIfNull(training);
        var known = Vectors(Some(count, MostTraining).Select(training), ignore, MostPatches / Math.Min(MostTraining, count), stop);
        float[][][] Of(IReadOnlyList<Image> pictures, int most) =>
            Vectors(Some(pictures.Count, most).Select(i => pictures[i]), ignore, int.MaxValue, stop)
                .Select(picture => Distances(picture, known, stop))
                .ToArray();
        var orders = Enumerable.Range(0, Orders).Select(i => Order(known.Count, Fae.Core.Random.fork((ulong)(1000 + i), seed)));
        return LearningCurve
            .ofDistances(ListModule.OfSeq(orders), Of(validation.Clean, MostGood), Of(validation.Corrupted, MostBad))
            .ToList();
    }

    /// <summary>Some of so many numbers, evenly from first to last.</summary>
    private static IEnumerable<int> Some(int all, int most)
    {
        var some = Math.Min(most, all);
        return Enumerable.Range(0, some).Select(i => (int)((long)i * all / some));
    }

    /// <summary>The projected patches of each picture: one after the other, 64 numbers each.</summary>
    private List<float[]> Vectors(IEnumerable<Image> pictures, Image? ignore, int each, CancellationToken stop)
    {
        var all = new List<float[]>();
        foreach (var some in pictures.Chunk(BatchSize))
        {
            stop.ThrowIfCancellationRequested();
            foreach (var embedding in extractor.Embed(some))
            {
                var places = MemoryBankFitter.Drawn(
                    MemoryBankFitter.Visible(embedding, ignore),
                    each,
                    Fae.Core.Random.fork((ulong)all.Count, seed)
                );
                all.Add(MemoryBankFitter.Project(Patches(embedding, places.ToArray()), embedding.Channels, seed));
            }
        }
        return all;
    }

    private static float[] Patches(Image embedding, int[] places)
    {
        var patches = new float[places.Length * embedding.Channels];
        for (var i = 0; i < places.Length; i++)
        for (var d = 0; d < embedding.Channels; d++)
            patches[i * embedding.Channels + d] = embedding.Pixels[d * embedding.Area + places[i]];
        return patches;
    }

    /// <summary>[patch][training picture].</summary>
    private static float[][] Distances(float[] picture, List<float[]> known, CancellationToken stop)
    {
        var distances = new float[picture.Length / Projected][];
        Parallel.For(
            0,
            distances.Length,
            i =>
            {
                stop.ThrowIfCancellationRequested();
                var patch = picture.AsSpan(i * Projected, Projected);
                distances[i] = new float[known.Count];
                for (var t = 0; t < known.Count; t++)
                    distances[i][t] = Nearest(patch, known[t]);
            }
        );
        return distances;
    }

    private static float Nearest(ReadOnlySpan<float> patch, float[] vectors)
    {
        var nearest = float.PositiveInfinity;
        for (var at = 0; at < vectors.Length; at += Projected)
            nearest = Math.Min(nearest, TensorPrimitives.Distance(patch, vectors.AsSpan(at, Projected)));
        return nearest;
    }

    private static int[] Order(int count, Seed seed)
    {
        var key = Fae.Core.Random.mix64(seed.State);
        return Enumerable.Range(0, count).OrderBy(i => Fae.Core.Random.hash(key, (ulong)i)).ToArray();
    }
}
