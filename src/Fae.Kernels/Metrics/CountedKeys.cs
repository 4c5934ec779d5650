namespace Fae.Kernels;

/// <summary>
/// Keys in falling order, each with how often it occurs, and of keys of region pixels the size of their regions: in one or two bytes each,
/// because only the step from one key to the next is kept. Equal keys of equal size are one entry, so that equal contents are equal bytes.
/// </summary>
internal sealed class CountedKeys(bool sized)
{
    /// <summary>Bytes that an entry may take: the step and a flag, a size, a count.</summary>
    private const int LargestEntry = 5 + 5 + 10;

    /// <summary>Keys that are worth a thread.</summary>
    private const int LeastPiece = 1 << 16;

    private readonly List<byte[]> chunks = [];
    private readonly List<int> lengths = [];
    private int used;
    private uint last = uint.MaxValue;

    /// <summary>Sum of the counts.</summary>
    public long Count { get; private set; }

    /// <summary>Adds an entry below all others; of equal keys the smaller size comes first.</summary>
    public void Append(uint key, uint size, long count, ChunkPool pool)
    {
        if (chunks.Count == 0 || used > ChunkPool.Bytes - LargestEntry)
        {
            chunks.Add(pool.Take());
            lengths.Add(0);
            used = 0;
        }
        var chunk = chunks[^1];
        Write(chunk, ((ulong)(last - key) << 1) | (count > 1 ? 1u : 0u));
        if (sized)
            Write(chunk, size);
        if (count > 1)
            Write(chunk, (ulong)count);
        lengths[^1] = used;
        last = key;
        Count += count;
    }

    /// <summary>The keys of rising ones. Several threads write a piece each: entries depend on the key before them alone.</summary>
    public static CountedKeys OfRising(ReadOnlyMemory<uint> keys, ChunkPool pool)
    {
        var pieces = Math.Max(1, Math.Min(Environment.ProcessorCount, keys.Length / LeastPiece));
        // Bounds in falling order, none between equal keys.
        var bounds = new int[pieces + 1];
        bounds[0] = keys.Length;
        for (var i = 1; i < pieces; i++)
            bounds[i] = FirstEqual(keys.Span, Math.Min(bounds[i - 1], (int)((long)keys.Length * (pieces - i) / pieces)));
        var written = new CountedKeys[pieces];
        Parallel.For(0, pieces, i => written[i] = OfPiece(keys.Span, bounds[i + 1], bounds[i], pool));
        var whole = written[0];
        foreach (var piece in written[1..])
            whole.Continue(piece);
        return whole;
    }

    private static int FirstEqual(ReadOnlySpan<uint> keys, int at)
    {
        while (at > 0 && keys[at - 1] == keys[at])
            at--;
        return at;
    }

    private static CountedKeys OfPiece(ReadOnlySpan<uint> keys, int from, int to, ChunkPool pool)
    {
        var counted = new CountedKeys(false) { last = to < keys.Length ? keys[to] : uint.MaxValue };
        for (var i = to - 1; i >= from; )
        {
            var (key, end) = (keys[i], i);
            while (i >= from && keys[i] == key)
                i--;
            counted.Append(key, 0, end - i, pool);
        }
        return counted;
    }

    /// <summary>Takes the entries of a piece that began below this one's last key.</summary>
    private void Continue(CountedKeys piece)
    {
        chunks.AddRange(piece.chunks);
        lengths.AddRange(piece.lengths);
        (used, last, Count) = (piece.chunks.Count > 0 ? piece.used : used, piece.last, Count + piece.Count);
    }

    /// <summary>Both together. Their chunks go back to the pool while they are read, so that the sum takes no more room than the
    /// two.</summary>
    public static CountedKeys Merge(CountedKeys a, CountedKeys b, ChunkPool pool)
    {
        var merged = new CountedKeys(a.IsSized);
        var (left, right) = (a.Read(pool), b.Read(pool));
        var (more, most) = (left.Next(), right.Next());
        while (more || most)
        {
            var order =
                !most ? 1
                : !more ? -1
                : left.CompareTo(right);
            var (key, size) = order >= 0 ? (left.Key, left.Size) : (right.Key, right.Size);
            var count = 0L;
            if (order >= 0)
                (count, more) = (left.Count, left.Next());
            if (order <= 0)
                (count, most) = (count + right.Count, right.Next());
            merged.Append(key, size, count, pool);
        }
        return merged;
    }

    /// <summary>Reads from the highest key down; with a pool, what was read is given back to it.</summary>
    public Reader Read(ChunkPool? pool = null) => new(this, pool);

    private bool IsSized => sized;

    private void Write(byte[] chunk, ulong value)
    {
        for (; value >= 0x80; value >>= 7)
            chunk[used++] = (byte)(value | 0x80);
        chunk[used++] = (byte)value;
    }

    /// <summary>An entry after the other.</summary>
    internal sealed class Reader(CountedKeys keys, ChunkPool? pool)
    {
        private byte[] chunk = [];
        private int number = -1;
        private int at;
        private int end;

        public uint Key { get; private set; } = uint.MaxValue;

        public uint Size { get; private set; }

        public long Count { get; private set; }

        /// <summary>Goes to the next entry; not to be asked again after it said that there is none.</summary>
        public bool Next()
        {
            if (at == end && !NextChunk())
                return false;
            var step = ReadNumber();
            Key -= (uint)(step >> 1);
            if (keys.IsSized)
                Size = (uint)ReadNumber();
            Count = (step & 1) == 0 ? 1 : (long)ReadNumber();
            return true;
        }

        /// <summary>Above 0 if this entry comes first.</summary>
        public int CompareTo(Reader other)
        {
            if (Key != other.Key)
                return Key > other.Key ? 1 : -1;
            return other.Size.CompareTo(Size);
        }

        private bool NextChunk()
        {
            if (number >= 0)
                pool?.Give(chunk);
            if (++number >= keys.chunks.Count)
                return false;
            (chunk, at, end) = (keys.chunks[number], 0, keys.lengths[number]);
            return true;
        }

        private ulong ReadNumber()
        {
            ulong value = chunk[at++];
            if (value < 0x80)
                return value;
            value &= 0x7F;
            for (var shift = 7; ; shift += 7)
            {
                ulong next = chunk[at++];
                value |= (next & 0x7F) << shift;
                if (next < 0x80)
                    return value;
            }
        }
    }
}
