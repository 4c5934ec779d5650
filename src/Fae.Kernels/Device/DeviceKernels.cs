using ILGPU;

namespace Fae.Kernels;

/// <summary>
/// The kernels of the accelerator, in C# that ILGPU compiles to PTX for a GPU or for its CPU accelerator. Images are planes one after another; a kernel's
/// index is a column, a pixel or a lane, but for the one that shares memory. They say again what <c>Fae.Core</c> says; the laws of the specification run on them.
/// </summary>
internal static class DeviceKernels
{
    /// <summary>Rows that a group filters together, and columns that it takes at a time: a warp's width.</summary>
    public const int Lanes = 32;

    /// <summary>Pixels of a row, or of a column, that one thread filters: the more, the fewer are read twice, and the fewer threads there are.</summary>
    public const int Run = 256;

    /// <summary>Threads that a sum is shared by; each adds up every so manieth value.</summary>
    public const int Partials = 1024;

    /// <summary>Threads that filter <see cref="Lanes"/> lines together, all passes in shared memory, and the places of a line that there is room for: odd, so that lanes hit different banks.</summary>
    public const int Filtering = 4 * Lanes, Room = 191;

    /// <summary>
    /// The mean over 2·reach + 1 places along each of <paramref name="lines"/> lines, cut at the ends, <paramref name="passes"/> times: rows and columns commute, so that all passes along
    /// one direction follow each other in shared memory, and a line is read once. A group takes <see cref="Lanes"/> lines and <paramref name="run"/> places of each, with the neighbours
    /// that the passes reach; run + 2·reach·passes is at most <see cref="Room"/>. Line n begins at n / perPlane · planeStep + n % perPlane · lineStep.
    /// </summary>
    public static void MeanAlong(ArrayView<float> source, ArrayView<float> destination, int lines, int perPlane, int planeStep, int lineStep, int step, int length, int run, int reach, int passes)
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
                destination[Start(top + row, perPlane, planeStep, lineStep) + (long)(low + place) * step] = passes % 2 == 1 ? odd[row * Room + place] : even[row * Room + place];
        }
    }

    /// <summary>
    /// The mean over 2·reach + 1 pixels along each row, cut at the borders, for windows too large for <see cref="MeanAlong"/>. A group takes <see cref="Lanes"/> rows and <see cref="Run"/> columns of them: what enters and what leaves
    /// the windows is read row by row into shared memory, where each lane keeps a running sum of its own row.
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
    public static void MeanOfColumns(Index1D thread, ArrayView<float> source, ArrayView<float> destination, int height, int width, int reach)
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

    /// <summary>a·b, pixel by pixel.</summary>
    public static void Product(Index1D i, ArrayView<float> a, ArrayView<float> b, ArrayView<float> product) => product[i] = a[i] * b[i];

    /// <summary>Squared difference, averaged over the channels.</summary>
    public static void Mse(Index1D i, ArrayView<float> x, ArrayView<float> r, ArrayView<float> map, int channels)
    {
        var sum = 0f;
        for (var c = 0; c < channels; c++)
        {
            var d = x[c * map.Length + i] - r[c * map.Length + i];
            sum += d * d;
        }
        map[i] = sum / channels;
    }

    /// <summary>|x − r| / (|x| + |r| + floor), averaged over the channels.</summary>
    public static void Relative(Index1D i, ArrayView<float> x, ArrayView<float> r, ArrayView<float> map, int channels, float floor)
    {
        var sum = 0f;
        for (var c = 0; c < channels; c++)
        {
            var a = x[c * map.Length + i];
            var b = r[c * map.Length + i];
            sum += IntrinsicMath.Abs(a - b) / (IntrinsicMath.Abs(a) + IntrinsicMath.Abs(b) + floor);
        }
        map[i] = sum / channels;
    }

    /// <summary>1 − SSIM from the five windowed means, one after the other in <paramref name="means"/>: x, r, x², r², x·r; averaged over the channels.</summary>
    public static void Ssim(Index1D i, ArrayView<float> means, ArrayView<float> map, int channels, float c1, float c2)
    {
        var volume = channels * map.Length;
        var sum = 0f;
        for (var c = 0; c < channels; c++)
        {
            var at = c * map.Length + i;
            var mx = means[at];
            var mr = means[volume + at];
            var vx = means[2 * volume + at] - mx * mx;
            var vr = means[3 * volume + at] - mr * mr;
            var cxr = means[4 * volume + at] - mx * mr;
            var index = (2 * mx * mr + c1) * (2 * cxr + c2) / ((mx * mx + mr * mr + c1) * (vx + vr + c2));
            sum += IntrinsicMath.Max(0f, 1f - index);
        }
        map[i] = sum / channels;
    }

    /// <summary>The mean of the channels, as one plane.</summary>
    public static void MeanPlane(Index1D i, ArrayView<float> image, ArrayView<float> plane, int channels)
    {
        var sum = 0f;
        for (var c = 0; c < channels; c++)
            sum += image[c * plane.Length + i];
        plane[i] = sum / channels;
    }

    /// <summary>1 − GMS of two planes: Prewitt gradients, the border continued by its nearest pixel.</summary>
    public static void Gms(Index1D i, ArrayView<float> x, ArrayView<float> r, ArrayView<float> map, int height, int width, float constant)
    {
        var a = Gradient(i, x, height, width);
        var b = Gradient(i, r, height, width);
        map[i] = IntrinsicMath.Max(0f, 1f - (2 * a * b + constant) / (a * a + b * b + constant));
    }

    /// <summary>The mean of each two by two pixels of a plane of this width.</summary>
    public static void Halve(Index1D i, ArrayView<float> plane, ArrayView<float> half, int width)
    {
        var at = (long)(i.X / (width / 2)) * 2 * width + i.X % (width / 2) * 2;
        half[i] = 0.25f * (plane[at] + plane[at + 1] + plane[at + width] + plane[at + width + 1]);
    }

    /// <summary>sum += weight · the map of a plane that was halved so many times, at the pixels that its values stand for.</summary>
    public static void AddSpread(Index1D i, ArrayView<float> map, ArrayView<float> sum, int height, int width, int halvings, float weight)
    {
        var y = IntrinsicMath.Min((height >> halvings) - 1, i.X / width >> halvings);
        var x = IntrinsicMath.Min((width >> halvings) - 1, i.X % width >> halvings);
        sum[i] += weight * map[(long)y * (width >> halvings) + x];
    }

    /// <summary>sum += weight · term.</summary>
    public static void AddWeighted(Index1D i, ArrayView<float> term, ArrayView<float> sum, float weight) => sum[i] += weight * term[i];

    /// <summary>x̃ ← (1 − αm)·x̃ + αm·t, and what was touched ← max(touched, max(α, ½)·m): one occlusion laid over a picture.</summary>
    public static void Composite(Index1D i, ArrayView<float> pixels, ArrayView<float> mask, ArrayView<float> paint, ArrayView<float> touched, int channels, float opacity)
    {
        var m = mask[i];
        var weight = opacity * m;
        if (weight <= 0f)
            return;
        for (var c = 0; c < channels; c++)
        {
            var at = c * mask.Length + i;
            pixels[at] = (1f - weight) * pixels[at] + weight * paint[at];
        }
        touched[i] = IntrinsicMath.Max(touched[i], IntrinsicMath.Max(0.5f, opacity) * m);
    }

    /// <summary>The values at some places.</summary>
    public static void Gather(Index1D i, ArrayView<float> plane, ArrayView<int> places, ArrayView<float> values) => values[i] = plane[places[i]];

    /// <summary>Counts, of the values whose keys begin with the digits chosen so far, the next digit: eight bits from <paramref name="shift"/>.</summary>
    public static void CountDigits(Index1D i, ArrayView<float> values, ArrayView<int> counts, ArrayView<int> state, int shift)
    {
        var key = Key(values[i]);
        if (shift == 24 || (int)(key >> (shift + 8)) == state[0])
            Atomic.Add(ref counts[(int)(key >> shift & 255u)], 1);
    }

    /// <summary>
    /// One thread: the digit in which the value of the wanted rank from above lies. <paramref name="state"/>: the digits so far, and the rank among those that share them;
    /// the counts are cleared for the next digit.
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

    /// <summary>The sums of every <see cref="Partials"/>th value; of those alone above the value in <paramref name="state"/>, if asked.</summary>
    public static void Sums(Index1D lane, ArrayView<float> values, ArrayView<double> partials, ArrayView<int> state, int aboveAlone)
    {
        var sum = 0.0;
        for (long i = lane.X; i < values.Length; i += Partials)
            if (aboveAlone == 0 || Key(values[i]) > (uint)state[0])
                sum += values[i];
        partials[lane] = sum;
    }

    /// <summary>One thread: the sum of the partial sums, and of the value in <paramref name="state"/> as often as it counts, over <paramref name="count"/>.</summary>
    public static void FinishSum(Index1D one, ArrayView<double> partials, ArrayView<int> state, ArrayView<float> results, int at, int withState, int count)
    {
        var sum = 0.0;
        for (var i = 0; i < Partials; i++)
            sum += partials[i];
        if (withState != 0)
            sum += state[1] * (double)Value((uint)state[0]);
        results[at] = (float)(sum / count);
    }

    /// <summary>One thread: the value in <paramref name="state"/>.</summary>
    public static void FinishRank(Index1D one, ArrayView<int> state, ArrayView<float> results, int at) => results[at] = Value((uint)state[0]);

    /// <summary>Where a line begins.</summary>
    private static long Start(int line, int perPlane, int planeStep, int lineStep) => (long)(line / perPlane) * planeStep + (long)(line % perPlane) * lineStep;

    /// <summary>Keys are ordered as the values are.</summary>
    private static uint Key(float value)
    {
        var bits = Interop.FloatAsInt(value);
        return (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
    }

    private static float Value(uint key) => Interop.IntAsFloat((key & 0x80000000u) != 0 ? key & 0x7FFFFFFFu : ~key);

    private static float Gradient(int i, ArrayView<float> plane, int height, int width)
    {
        var y = i / width;
        var x = i % width;
        var above = (long)IntrinsicMath.Max(0, y - 1) * width;
        var here = (long)y * width;
        var below = (long)IntrinsicMath.Min(height - 1, y + 1) * width;
        var left = IntrinsicMath.Max(0, x - 1);
        var right = IntrinsicMath.Min(width - 1, x + 1);
        var gx = plane[above + right] + plane[here + right] + plane[below + right] - plane[above + left] - plane[here + left] - plane[below + left];
        var gy = plane[below + left] + plane[below + x] + plane[below + right] - plane[above + left] - plane[above + x] - plane[above + right];
        return System.MathF.Sqrt(gx * gx + gy * gy) / 3f;
    }
}
