using ILGPU;

namespace Fae.Gpu;

/// <summary>The mean filter.</summary>
internal static partial class DeviceKernels
{
    /// <summary>Columns of a group: a thread each.</summary>
    public const int Columns = 128;

    /// <summary>Values of its column that a thread can keep in shared memory: 2·k for three passes of width k.</summary>
    public const int Kept = 62;

    /// <summary>Passes that one launch makes at most.</summary>
    public const int MostPasses = 3;

    /// <summary>Rows that a group gathers before it writes them: a warp's width.</summary>
    private const int Gathered = 32;

    /// <summary>
    /// The mean over 2·reach + 1 places down each column, cut at the ends, <paramref name="passes"/> times, written transposed: launched
    /// twice, it filters a plane in both directions. A group takes <see cref="Columns"/> columns and <paramref name="strip"/> rows of
    /// them. A thread walks down its column once: each pass has a running sum and hands its mean on to the next, which is reach places
    /// behind. (passes − 1)·(2·reach + 1) is at most <see cref="Kept"/>. Sums are pairs of floats, because few GPUs have fast doubles; of
    /// shares value / size, because a sum of the largest floats is none.
    /// </summary>
    public static void MeanDown(
        ArrayView<float> source,
        ArrayView<float> destination,
        int height,
        int width,
        int strip,
        int reach,
        int passes
    )
    {
        var kept = SharedMemory.Allocate<float>(Kept * Columns);
        var tile = SharedMemory.Allocate<float>(Columns * (Gathered + 1));
        var across = (width + Columns - 1) / Columns;
        var start = (long)(Grid.IdxX / across) * height * width;
        var left = Grid.IdxX % across * Columns;
        var lane = Group.IdxX;
        var column = left + lane;
        var first = Grid.IdxY * strip;
        var last = IntrinsicMath.Min(height, first + strip);
        var size = 2 * reach + 1;
        var whole = 1f / size;
        // The first place that each pass reads.
        var low = IntrinsicMath.Max(0, first - passes * reach);
        var second = IntrinsicMath.Max(0, first - (passes - 1) * reach);
        var third = IntrinsicMath.Max(0, first - (passes - 2) * reach);
        var one = default(RunningSum);
        var two = default(RunningSum);
        var three = default(RunningSum);
        var slot = lane;
        for (var y = low; y < last + passes * reach; y++)
        {
            var at = y - passes * reach;
            if (column < width)
            {
                var isFull = y - low >= size;
                var from = start + (long)y * width + column;
                one = Plus(one, y < height ? source[from] * whole : 0f);
                one = Plus(one, isFull && y - size < height ? -source[from - (long)size * width] * whole : 0f);
                var mean = Mean(one, y - reach, second, height, reach);
                if (passes > 1)
                {
                    mean *= whole;
                    two = Plus(two, mean);
                    two = Plus(two, isFull ? -kept[slot] : 0f);
                    kept[slot] = mean;
                    mean = Mean(two, y - 2 * reach, third, height, reach);
                }
                if (passes > 2)
                {
                    var place = slot + size * Columns;
                    mean *= whole;
                    three = Plus(three, mean);
                    three = Plus(three, isFull ? -kept[place] : 0f);
                    kept[place] = mean;
                    mean = Mean(three, at, first, height, reach);
                }
                slot = slot + Columns < size * Columns ? slot + Columns : lane;
                if (at >= first)
                    tile[lane * (Gathered + 1) + (at - first) % Gathered] = mean;
            }
            if (at < first || ((at - first) % Gathered != Gathered - 1 && at != last - 1))
                continue;
            Group.Barrier();
            var begin = at - (at - first) % Gathered;
            var place32 = lane % Gathered;
            for (var other = lane / Gathered; other < Columns; other += Columns / Gathered)
                if (left + other < width && begin + place32 <= at)
                    destination[start + (long)(left + other) * height + begin + place32] = tile[other * (Gathered + 1) + place32];
            Group.Barrier();
        }
    }

    /// <summary>The sum, and what rounding took from it (Knuth's two-sum).</summary>
    private static RunningSum Plus(RunningSum running, float value)
    {
        var sum = running.Sum + value;
        var part = sum - running.Sum;
        return new RunningSum { Sum = sum, Rest = running.Rest + ((running.Sum - (sum - part)) + (value - part)) };
    }

    /// <summary>The mean at a place; zero before the first place that counts, and after the end.</summary>
    private static float Mean(RunningSum running, int at, int from, int length, int reach)
    {
        if (at < from || at >= length)
            return 0f;
        var count = IntrinsicMath.Min(length - 1, at + reach) - IntrinsicMath.Max(0, at - reach) + 1;
        var sum = running.Sum + running.Rest;
        return count == 2 * reach + 1 ? sum : sum * ((2 * reach + 1) / (float)count);
    }

    private struct RunningSum
    {
        public float Sum;
        public float Rest;
    }
}
