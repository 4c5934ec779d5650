using ILGPU;

namespace Fae.Gpu;

/// <summary>Kernels of the image score: gather, sums in a fixed order, and radix selection.</summary>
internal static partial class DeviceKernels
{
    /// <summary>The values at some places.</summary>
    public static void Gather(Index1D i, ArrayView<float> plane, ArrayView<int> places, ArrayView<float> values) =>
        values[i] = plane[places[i]];

    /// <summary>
    /// Counts, of the values whose keys begin with the digits chosen so far, the next digit: eight bits from <paramref name="shift"/>.
    /// </summary>
    public static void CountDigits(Index1D i, ArrayView<float> values, ArrayView<int> counts, ArrayView<int> state, int shift)
    {
        var key = Key(values[i]);
        if (shift == 24 || (int)(key >> (shift + 8)) == state[0])
            Atomic.Add(ref counts[(int)(key >> shift & 255u)], 1);
    }

    /// <summary>
    /// One thread: the digit in which the value of the wanted rank from above lies. <paramref name="state"/>: the digits so far, and the
    /// rank among those that share them; the counts are cleared for the next digit.
    /// </summary>
    public static void ChooseDigit(Index1D one, ArrayView<int> counts, ArrayView<int> state)
    {
        var left = state[1];
        var chosen = -1;
        for (var digit = 255; digit >= 0; digit--)
        {
            var count = counts[digit];
            counts[digit] = 0;
            if (chosen < 0 && count >= left)
                chosen = digit;
            if (chosen < 0)
                left -= count;
        }
        state[0] = state[0] << 8 | chosen;
        state[1] = left;
    }

    /// <summary>
    /// The sums of every <see cref="Partials"/>th value; of those alone above the value in <paramref name="state"/>, if asked.
    /// </summary>
    public static void Sums(Index1D lane, ArrayView<float> values, ArrayView<double> partials, ArrayView<int> state, int aboveAlone)
    {
        var sum = 0.0;
        for (long i = lane.X; i < values.Length; i += Partials)
            if (aboveAlone == 0 || Key(values[i]) > (uint)state[0])
                sum += values[i];
        partials[lane] = sum;
    }

    /// <summary>
    /// One thread: the sum of the partial sums, and of the value in <paramref name="state"/> as often as it counts, over <paramref
    /// name="count"/>.
    /// </summary>
    public static void FinishSum(
        Index1D one,
        ArrayView<double> partials,
        ArrayView<int> state,
        ArrayView<float> results,
        int at,
        int withState,
        int count
    )
    {
        var sum = 0.0;
        for (var i = 0; i < Partials; i++)
            sum += partials[i];
        if (withState != 0)
            sum += state[1] * (double)Value((uint)state[0]);
        results[at] = (float)(sum / count);
    }

    /// <summary>One thread: the value in <paramref name="state"/>.</summary>
    public static void FinishRank(Index1D one, ArrayView<int> state, ArrayView<float> results, int at) =>
        results[at] = Value((uint)state[0]);

    /// <summary>Keys are ordered as the values are.</summary>
    private static uint Key(float value)
    {
        var bits = Interop.FloatAsInt(value);
        return (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
    }

    private static float Value(uint key) => Interop.IntAsFloat((key & 0x80000000u) != 0 ? key & 0x7FFFFFFFu : ~key);
}
