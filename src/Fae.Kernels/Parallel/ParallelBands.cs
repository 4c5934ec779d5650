namespace Fae.Kernels;

/// <summary>
/// Work on a plane split over threads by rows or columns. Each band is computed alone, so the number of threads changes no bit.
/// </summary>
public static class ParallelBands
{
    /// <summary>Below this many values a plane is not worth waking a second thread for.</summary>
    private const int WorthThreads = 1 << 15;

    /// <summary>
    /// Calls <paramref name="body"/> with [first, last) so that all of <paramref name="count"/> is covered once, cut at multiples of
    /// <paramref name="size"/>. Work that touches few <paramref name="values"/> in all is done on the calling thread.
    /// </summary>
    public static void ForEach(int count, int size, long values, Action<int, int> body)
    {
        ArgumentNullException.ThrowIfNull(body);
        var bands = (count + size - 1) / size;
        // Contiguous shares, a few a thread, so that a share rents its buffers once.
        var shares = Math.Min(bands, 4 * Environment.ProcessorCount);
        int Start(int share) => Math.Min(count, (int)((long)bands * share / shares) * size);
        if (bands < 2 || values < WorthThreads || Environment.ProcessorCount == 1)
            body(0, count);
        else
            Parallel.For(0, shares, share => body(Start(share), Start(share + 1)));
    }
}
