using ILGPU;

namespace Fae.Gpu;

/// <summary>
/// GPU kernels in C#, which ILGPU compiles to PTX or runs on its CPU accelerator. An image is a sequence of planes. A kernel's index is a
/// column, a pixel or a lane; the mean filter uses groups with shared memory. The kernels equal <c>Fae.Core</c>, and the specification
/// tests them.
/// </summary>
internal static partial class DeviceKernels
{
    /// <summary>Rows that a group filters together, and columns that it takes at a time: a warp's width.</summary>
    public const int Lanes = 32;

    /// <summary>
    /// Pixels of a row, or of a column, that one thread filters: the more, the fewer are read twice, and the fewer threads there are.
    /// </summary>
    public const int Run = 256;

    /// <summary>Threads that a sum is shared by; each adds up every so manieth value.</summary>
    public const int Partials = 1024;

    /// <summary>
    /// Threads that filter <see cref="Lanes"/> lines together, all passes in shared memory, and the places of a line that there is room
    /// for: odd, so that lanes hit different banks.
    /// </summary>
    public const int Filtering = 4 * Lanes,
        Room = 191;

    /// <summary>
    /// The mean over 2·reach + 1 places along each of <paramref name="lines"/> lines, cut at the ends, <paramref name="passes"/> times:
    /// rows and columns commute, so that all passes along one direction follow each other in shared memory, and a line is read once. A
    /// group takes <see cref="Lanes"/> lines and <paramref name="run"/> places of each, with the neighbours that the passes reach; run +
    /// 2·reach·passes is at most <see cref="Room"/>. Line n begins at n / perPlane · planeStep + n % perPlane · lineStep.
    /// </summary>
    public static void MeanAlong(
        ArrayView<float> source,
        ArrayView<float> destination,
        int lines,
        int perPlane,
        int planeStep,
        int lineStep,
        int step,
        int length,
        int run,
        int reach,
        int passes
    )
    {
        var even = SharedMemory.Allocate<float>(Lanes * Room);
        var odd = SharedMemory.Allocate<float>(Lanes * Room);
        var top = Grid.IdxX * Lanes;
        var first = Grid.IdxY * run;
        var last = IntrinsicMath.Min(length, first + run);
        var low = IntrinsicMath.Max(0, first - passes * reach);
        var span = IntrinsicMath.Min(length, last + passes * reach) - low;
        for (var i = Group.IdxX; i < Lanes * span; i += Filtering)
        {
            // Neighbouring threads read neighbouring pixels, whichever way the lines run.
            var row = step == 1 ? i / span : i % Lanes;
            var place = step == 1 ? i % span : i / Lanes;
            if (top + row < lines)
                even[row * Room + place] = source[Start(top + row, perPlane, planeStep, lineStep) + (long)(low + place) * step];
        }
        Group.Barrier();
        var lane = Group.IdxX % Lanes * Room - low;
        var full = 1.0 / (2 * reach + 1);
        for (var pass = 1; pass <= passes; pass++)
        {
            var from = IntrinsicMath.Max(0, first - (passes - pass) * reach);
            var to = IntrinsicMath.Min(length, last + (passes - pass) * reach);
            var share = (to - from + 3) / 4;
            var begin = from + Group.IdxX / Lanes * share;
            var sum = 0.0;
            for (var x = IntrinsicMath.Max(0, begin - reach); x < IntrinsicMath.Min(length, begin + reach); x++)
                if (begin < to)
                    sum += pass % 2 == 1 ? even[lane + x] : odd[lane + x];
            for (var x = begin; x < IntrinsicMath.Min(to, begin + share); x++)
            {
                if (x + reach < length)
                    sum += pass % 2 == 1 ? even[lane + x + reach] : odd[lane + x + reach];
                if (x - reach - 1 >= 0 && x > begin)
                    sum -= pass % 2 == 1 ? even[lane + x - reach - 1] : odd[lane + x - reach - 1];
                var count = IntrinsicMath.Min(length - 1, x + reach) - IntrinsicMath.Max(0, x - reach) + 1;
                var mean = (float)(count == 2 * reach + 1 ? sum * full : sum / count);
                if (pass % 2 == 1)
                    odd[lane + x] = mean;
                else
                    even[lane + x] = mean;
            }
            Group.Barrier();
        }
        for (var i = Group.IdxX; i < Lanes * (last - first); i += Filtering)
        {
            var row = step == 1 ? i / (last - first) : i % Lanes;
            var place = first - low + (step == 1 ? i % (last - first) : i / Lanes);
            if (top + row < lines)
                destination[Start(top + row, perPlane, planeStep, lineStep) + (long)(low + place) * step] =
                    passes % 2 == 1 ? odd[row * Room + place] : even[row * Room + place];
        }
    }

    /// <summary>
    /// The mean over 2·reach + 1 pixels along each row, cut at the borders, for windows too large for <see cref="MeanAlong"/>. A group
    /// takes <see cref="Lanes"/> rows and <see cref="Run"/> columns of them: what enters and what leaves the windows is read row by row
    /// into shared memory, where each lane keeps a running sum of its own row.
    /// </summary>
    public static void MeanOfRows(ArrayView<float> source, ArrayView<float> destination, int rows, int width, int reach)
    {
        var entering = SharedMemory.Allocate<float>(Lanes * (Lanes + 1));
        var leaving = SharedMemory.Allocate<float>(Lanes * (Lanes + 1));
        var lane = Group.IdxX;
        var top = Grid.IdxX * Lanes;
        var first = Grid.IdxY * Run;
        var last = IntrinsicMath.Min(width, first + Run);
        var sum = 0.0;
        var mine = (long)IntrinsicMath.Min(rows - 1, top + lane) * width;
        for (var x = IntrinsicMath.Max(0, first - reach); x < IntrinsicMath.Min(width, first + reach); x++)
            sum += source[mine + x];
        for (var at = first; at < last; at += Lanes)
        {
            for (var i = 0; i < Lanes; i++)
            {
                var row = (long)IntrinsicMath.Min(rows - 1, top + i) * width;
                var enters = at + lane + reach;
                // What left before the run's first window was never added.
                var leaves = at + lane - reach - 1;
                entering[i * (Lanes + 1) + lane] = enters < width ? source[row + enters] : 0f;
                leaving[i * (Lanes + 1) + lane] = leaves >= 0 && leaves < width && at + lane > first ? source[row + leaves] : 0f;
            }
            Group.Barrier();
            for (var i = 0; i < Lanes; i++)
            {
                var x = at + i;
                sum += entering[lane * (Lanes + 1) + i] - (double)leaving[lane * (Lanes + 1) + i];
                var count = IntrinsicMath.Min(width - 1, x + reach) - IntrinsicMath.Max(0, x - reach) + 1;
                leaving[lane * (Lanes + 1) + i] = (float)(sum / count);
            }
            Group.Barrier();
            for (var i = 0; i < Lanes; i++)
                if (top + i < rows && at + lane < last)
                    destination[(long)(top + i) * width + at + lane] = leaving[i * (Lanes + 1) + lane];
            Group.Barrier();
        }
    }

    /// <summary>The same down each column, a run of rows a thread: neighbouring threads read neighbouring pixels.</summary>
    public static void MeanOfColumns(
        Index1D thread,
        ArrayView<float> source,
        ArrayView<float> destination,
        int height,
        int width,
        int reach
    )
    {
        var runs = (height + Run - 1) / Run;
        var column = thread.X % width;
        var first = thread.X / width % runs * Run;
        var start = (long)(thread.X / width / runs) * height * width + column;
        var sum = 0.0;
        for (var y = IntrinsicMath.Max(0, first - reach); y < IntrinsicMath.Min(height, first + reach); y++)
            sum += source[start + (long)y * width];
        for (var y = first; y < IntrinsicMath.Min(height, first + Run); y++)
        {
            if (y + reach < height)
                sum += source[start + (long)(y + reach) * width];
            if (y - reach - 1 >= 0 && y > first)
                sum -= source[start + (long)(y - reach - 1) * width];
            var count = IntrinsicMath.Min(height - 1, y + reach) - IntrinsicMath.Max(0, y - reach) + 1;
            destination[start + (long)y * width] = (float)(sum / count);
        }
    }

    /// <summary>Where a line begins.</summary>
    private static long Start(int line, int perPlane, int planeStep, int lineStep) =>
        (long)(line / perPlane) * planeStep + (long)(line % perPlane) * lineStep;
}
