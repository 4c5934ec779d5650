using ILGPU;

namespace Fae.Gpu;

/// <summary>Kernels of the image score: gather, sums in a fixed order, and radix selection.</summary>
internal static partial class DeviceKernels
{
    /// <summary>The values at some places.</summary>
    public static void Gather(Index1D i, ArrayView<float> plane, ArrayView<int> places, ArrayView<float> values) =>
        values[i] = plane[places[i]];

    /// <summary>Zeros.</summary>
    public static void Clear(Index1D i, ArrayView<float> plane) => plane[i] = 0f;

    /// <summary>
    /// Counts, of the values whose keys begin with the digits chosen so far, the next digit: eight bits from <paramref name="shift"/>.
    /// Each group counts in shared memory first: most values of a heatmap share their first digit, and atomics on one place of global
    /// memory would wait for each other.
    /// </summary>
    public static void CountDigits(ArrayView<float> values, ArrayView<int> counts, ArrayView<int> state, int shift)
    {
        var own = SharedMemory.Allocate<int>(Reducing);
        own[Group.IdxX] = 0;
        Group.Barrier();
        for (var i = (long)Grid.IdxX * Reducing + Group.IdxX; i < values.Length; i += (long)Grid.DimX * Reducing)
        {
            var key = Key(values[i]);
            if (shift == 24 || (int)(key >> (shift + 8)) == state[0])
                Atomic.Add(ref own[(int)(key >> shift & 255u)], 1);
        }
        Group.Barrier();
        if (own[Group.IdxX] > 0)
            Atomic.Add(ref counts[Group.IdxX], own[Group.IdxX]);
    }

    /// <summary>
    /// One group: the digit in which the value of the wanted rank from above lies. <paramref name="state"/>: the digits so far, and the
    /// rank among those that share them; the counts are cleared for the next digit.
    /// </summary>
    public static void ChooseDigit(ArrayView<int> counts, ArrayView<int> state)
    {
        var all = SharedMemory.Allocate<int>(Reducing);
        var digit = Group.IdxX;
        var mine = counts[digit];
        var before = state[0];
        var left = state[1];
        all[digit] = mine;
        counts[digit] = 0;
        Group.Barrier();
        // How many values have this digit or a larger one.
        for (var step = 1; step < Reducing; step *= 2)
        {
            var larger = digit + step < Reducing ? all[digit + step] : 0;
            Group.Barrier();
            all[digit] += larger;
            Group.Barrier();
        }
        var above = all[digit] - mine;
        if (above < left && above + mine >= left)
        {
            state[0] = before << 8 | digit;
            state[1] = left - above;
        }
    }

    /// <summary>
    /// The sum of each group's share of the values, added in a fixed order; of those alone above the value in <paramref name="state"/>, if
    /// asked.
    /// </summary>
    public static void Sums(ArrayView<float> values, ArrayView<double> partials, ArrayView<int> state, int aboveAlone)
    {
        var sum = 0.0;
        for (var i = (long)Grid.IdxX * Reducing + Group.IdxX; i < values.Length; i += (long)Grid.DimX * Reducing)
            if (aboveAlone == 0 || Key(values[i]) > (uint)state[0])
                sum += values[i];
        sum = OfGroup(sum);
        if (Group.IdxX == 0)
            partials[Grid.IdxX] = sum;
    }

    /// <summary>
    /// One group: the sum of the partial sums, and of the value in <paramref name="state"/> as often as it counts, over <paramref
    /// name="count"/>.
    /// </summary>
    public static void FinishSum(
        ArrayView<double> partials,
        ArrayView<int> state,
        ArrayView<float> results,
        int at,
        int withState,
        int count
    )
    {
        var sum = 0.0;
        for (var i = (long)Group.IdxX; i < partials.Length; i += Reducing)
            sum += partials[i];
        sum = OfGroup(sum);
        if (Group.IdxX != 0)
            return;
        if (withState != 0)
            sum += state[1] * (double)Value((uint)state[0]);
        results[at] = (float)(sum / count);
    }

    /// <summary>One thread: the value in <paramref name="state"/>.</summary>
    public static void FinishRank(Index1D one, ArrayView<int> state, ArrayView<float> results, int at) =>
        results[at] = Value((uint)state[0]);

    /// <summary>The sum of a number of each thread of the group, added pair by pair.</summary>
    private static double OfGroup(double mine)
    {
        var sums = SharedMemory.Allocate<double>(Reducing);
        sums[Group.IdxX] = mine;
        Group.Barrier();
        for (var half = Reducing / 2; half > 0; half /= 2)
        {
            if (Group.IdxX < half)
                sums[Group.IdxX] += sums[Group.IdxX + half];
            Group.Barrier();
        }
        return sums[0];
    }

    /// <summary>Keys are ordered as the values are.</summary>
    private static uint Key(float value)
    {
        var bits = Interop.FloatAsInt(value);
        return (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
    }

    private static float Value(uint key) => Interop.IntAsFloat((key & 0x80000000u) != 0 ? key & 0x7FFFFFFFu : ~key);
}
