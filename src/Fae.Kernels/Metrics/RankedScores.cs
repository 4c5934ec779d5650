using System.Buffers;
using System.Numerics;

namespace Fae.Kernels;

/// <summary>What a score counts as.</summary>
internal enum Class
{
    Negative,
    Positive,

    /// <summary>It is not counted.</summary>
    Ignored,
}

/// <summary>The class of score <c>index</c> of part <c>part</c>.</summary>
internal interface ILabels
{
    /// <summary>Whether every score is counted.</summary>
    bool All { get; }

    Class Of(int part, int index);
}

/// <summary>
/// The scores of each class in rising order, as unsigned keys of the same order: one radix sort over parts that stay where they are, so
/// that the keys are all the memory it takes. The top bits of the range scatter the keys into buckets that fit a cache; each bucket is
/// then sorted there.
/// </summary>
internal sealed class RankedScores
{
    private const int BucketBits = 11;
    private const int Buckets = 1 << BucketBits;

    /// <summary>Buckets up to this size are sorted by radix, with as much room beside them; larger ones in place.</summary>
    private const int LargestBucket = 1 << 20;

    private readonly uint[] keys;
    private readonly int positives;

    private RankedScores(uint[] keys, int positives)
    {
        this.keys = keys;
        this.positives = positives;
    }

    /// <summary>Keys of the positives, rising.</summary>
    public ReadOnlyMemory<uint> Positives => keys.AsMemory(0, positives);

    /// <summary>Keys of the negatives, rising.</summary>
    public ReadOnlyMemory<uint> Negatives => keys.AsMemory(positives);

    /// <summary>The score of a key.</summary>
    public static float ScoreOf(uint key) => BitConverter.UInt32BitsToSingle((key & 0x80000000) != 0 ? key & 0x7FFFFFFF : ~key);

    /// <summary>A key of the same order; both zeros have one.</summary>
    public static uint KeyOf(float score)
    {
        var bits = BitConverter.SingleToUInt32Bits(score + 0f);
        return (bits & 0x80000000) != 0 ? ~bits : bits | 0x80000000;
    }

    /// <summary>Ranks the scores; null if one that counts is no number.</summary>
    public static RankedScores? Of<TLabels>(IReadOnlyList<ReadOnlyMemory<float>> parts, TLabels labels)
        where TLabels : struct, ILabels
    {
        var chunks = Chunks(parts);
        var ranges = new (uint Low, uint High, bool Nan)[chunks.Count];
        Parallel.For(0, chunks.Count, i => ranges[i] = RangeOf(parts, labels, chunks[i]));
        if (ranges.Any(r => r.Nan))
            return null;
        var low = ranges.Min(r => r.Low);
        var high = ranges.Max(r => r.High);
        if (low > high)
            return new RankedScores([], 0);
        var shift = Math.Max(0, 32 - BitOperations.LeadingZeroCount(high - low) - BucketBits);

        // How many of each class and bucket each chunk holds; then where it puts its first of them.
        var places = new int[chunks.Count][];
        Parallel.For(0, chunks.Count, i => places[i] = Count(parts, labels, chunks[i], low, shift));
        var starts = new int[2 * Buckets + 1];
        var at = 0;
        for (var bucket = 0; bucket < 2 * Buckets; bucket++)
        {
            starts[bucket] = at;
            foreach (var place in places)
                (place[bucket], at) = (at, at + place[bucket]);
        }
        starts[2 * Buckets] = at;

        var keys = GC.AllocateUninitializedArray<uint>(at);
        Parallel.For(0, chunks.Count, i => Scatter(parts, labels, chunks[i], low, shift, places[i], keys));
        if (shift > 0)
            Parallel.For(0, 2 * Buckets, bucket => SortBucket(keys.AsSpan(starts[bucket]..starts[bucket + 1]), low, shift));
        return new RankedScores(keys, starts[Buckets]);
    }

    /// <summary>Runs of a part, a few for each core.</summary>
    private static List<(int Part, int From, int To)> Chunks(IReadOnlyList<ReadOnlyMemory<float>> parts)
    {
        var most = Math.Max(1 << 16, (int)(parts.Sum(p => (long)p.Length) / (4 * Environment.ProcessorCount)) + 1);
        var chunks = new List<(int, int, int)>();
        for (var part = 0; part < parts.Count; part++)
        for (var from = 0; from < parts[part].Length; from += most)
            chunks.Add((part, from, Math.Min(parts[part].Length, from + most)));
        return chunks;
    }

    private static (uint Low, uint High, bool Nan) RangeOf<TLabels>(
        IReadOnlyList<ReadOnlyMemory<float>> parts,
        TLabels labels,
        (int Part, int From, int To) chunk
    )
        where TLabels : struct, ILabels
    {
        var scores = parts[chunk.Part].Span;
        if (labels.All)
            return RangeOf(scores[chunk.From..chunk.To]);
        var (low, high) = (uint.MaxValue, uint.MinValue);
        for (var i = chunk.From; i < chunk.To; i++)
        {
            if (labels.Of(chunk.Part, i) == Class.Ignored)
                continue;
            if (float.IsNaN(scores[i]))
                return (low, high, true);
            var key = KeyOf(scores[i]);
            low = Math.Min(low, key);
            high = Math.Max(high, key);
        }
        return (low, high, false);
    }

    /// <summary>In vectors: a value that is no number differs from itself.</summary>
    private static (uint Low, uint High, bool Nan) RangeOf(ReadOnlySpan<float> scores)
    {
        var (low, high) = (float.PositiveInfinity, float.NegativeInfinity);
        var (lows, highs, numbers) = (new Vector<float>(low), new Vector<float>(high), Vector<int>.AllBitsSet);
        var i = 0;
        for (; i <= scores.Length - Vector<float>.Count; i += Vector<float>.Count)
        {
            var values = new Vector<float>(scores[i..]);
            numbers &= Vector.Equals(values, values);
            lows = Vector.Min(lows, values);
            highs = Vector.Max(highs, values);
        }
        var nan = numbers != Vector<int>.AllBitsSet;
        for (var lane = 0; lane < Vector<float>.Count; lane++)
            (low, high) = (Math.Min(low, lows[lane]), Math.Max(high, highs[lane]));
        for (; i < scores.Length; i++)
            (low, high, nan) = (Math.Min(low, scores[i]), Math.Max(high, scores[i]), nan || float.IsNaN(scores[i]));
        return nan ? (0, 0, true) : (KeyOf(low), KeyOf(high), false);
    }

    private static int BucketOf(uint key, uint low, int shift, Class label) =>
        (int)((key - low) >> shift) + (label == Class.Positive ? 0 : Buckets);

    private static int[] Count<TLabels>(
        IReadOnlyList<ReadOnlyMemory<float>> parts,
        TLabels labels,
        (int Part, int From, int To) chunk,
        uint low,
        int shift
    )
        where TLabels : struct, ILabels
    {
        var counts = new int[2 * Buckets];
        var scores = parts[chunk.Part].Span;
        for (var i = chunk.From; i < chunk.To; i++)
        {
            var label = labels.Of(chunk.Part, i);
            if (label != Class.Ignored)
                counts[BucketOf(KeyOf(scores[i]), low, shift, label)]++;
        }
        return counts;
    }

    private static void Scatter<TLabels>(
        IReadOnlyList<ReadOnlyMemory<float>> parts,
        TLabels labels,
        (int Part, int From, int To) chunk,
        uint low,
        int shift,
        int[] places,
        uint[] keys
    )
        where TLabels : struct, ILabels
    {
        var scores = parts[chunk.Part].Span;
        for (var i = chunk.From; i < chunk.To; i++)
        {
            var label = labels.Of(chunk.Part, i);
            if (label == Class.Ignored)
                continue;
            var key = KeyOf(scores[i]);
            keys[places[BucketOf(key, low, shift, label)]++] = key;
        }
    }

    /// <summary>Keys of one bucket differ in their last <paramref name="bits"/> bits, counted from <paramref name="low"/>.</summary>
    private static void SortBucket(Span<uint> bucket, uint low, int bits)
    {
        if (bucket.Length < 256 || bucket.Length > LargestBucket)
        {
            bucket.Sort();
            return;
        }
        var room = ArrayPool<uint>.Shared.Rent(bucket.Length);
        var other = room.AsSpan(0, bucket.Length);
        Span<int> starts = stackalloc int[Buckets];
        for (var done = 0; done < bits; done += BucketBits)
        {
            var mask = (1u << Math.Min(BucketBits, bits - done)) - 1;
            starts.Clear();
            foreach (var key in bucket)
                starts[(int)(((key - low) >> done) & mask)]++;
            var at = 0;
            for (var i = 0; i < starts.Length; i++)
                (starts[i], at) = (at, at + starts[i]);
            foreach (var key in bucket)
                other[starts[(int)(((key - low) >> done) & mask)]++] = key;
            other.CopyTo(bucket);
        }
        ArrayPool<uint>.Shared.Return(room);
    }
}
