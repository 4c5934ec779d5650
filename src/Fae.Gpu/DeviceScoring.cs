using System.Diagnostics;
using Fae.Core;
using Fae.Kernels;
using Microsoft.FSharp.Core;

namespace Fae.Gpu;

/// <summary>
/// Mean filter, difference maps, scores and occlusions in device memory. Only the score is downloaded. Not thread-safe.
/// </summary>
public sealed partial class DeviceScoring(DeviceMachine machine) : IDisposable
{
    /// <summary>Groups that keep a large GPU busy, and the rows that a group filters.</summary>
    private const int FewestGroups = 264,
        ShortestStrip = 32,
        LongestStrip = 256;

    private (int Height, int Width, int Border, Image? Ignore, DeviceMemory? Places, int Count)? known;

    /// <summary>G_k^n on every plane of an image.</summary>
    /// <exception cref="ArgumentException">An even or non-positive size, or negative passes.</exception>
    public Image Smooth(Image image, int size, int passes)
    {
        ArgumentNullException.ThrowIfNull(image);
        using var buffer = machine.Upload<float>(image.Pixels);
        Smooth(buffer.All, image.Channels, image.Height, image.Width, size, passes);
        return Fetch(buffer.All, image.Channels, image);
    }

    /// <summary>G_k^n on every plane, in place.</summary>
    /// <exception cref="ArgumentException">An even or non-positive size, or negative passes.</exception>
    public void Smooth(DeviceSpan planes, int channels, int height, int width, int size, int passes)
    {
        MeanFilterKernel.Check(size, passes);
        if (size == 1 || passes == 0)
            return;
        using var between = machine.Rent(DeviceValue.Real, planes.Length);
        for (var done = 0; done < passes; done += AtOnce(size))
            Mean(planes, planes, between.All, new(channels, height, width), size, Math.Min(AtOnce(size), passes - done));
    }

    /// <summary>The map of a measure, one plane.</summary>
    public Image Map(Measure measure, Image x, Image r)
    {
        ArgumentNullException.ThrowIfNull(x);
        ArgumentNullException.ThrowIfNull(r);
        using var a = machine.Upload<float>(x.Pixels);
        using var b = machine.Upload<float>(r.Pixels);
        using var map = machine.Rent(DeviceValue.Real, x.Area);
        Map(measure, a.All, b.All, map.All, new(x.Channels, x.Height, x.Width));
        return Fetch(map.All, 1, x);
    }

    /// <summary>A = G_k^n(D(x, r)) of channels × height × width values each, equation (2), into <paramref name="heatmap"/>.</summary>
    public void Heatmap(Scoring scoring, DeviceSpan x, DeviceSpan r, DeviceSpan heatmap, int channels, int height, int width)
    {
        ArgumentNullException.ThrowIfNull(scoring);
        var shape = new Shape(channels, height, width);
        void Filtered(Measure measure, DeviceSpan map)
        {
            Map(measure, x, r, map, shape);
            Smooth(map, 1, height, width, scoring.FilterSize, scoring.FilterPasses);
        }
        if (scoring.Measure is Measure.Geometric geometric)
            GeometricMean(geometric, heatmap, shape, Filtered);
        else
            Filtered(scoring.Measure, heatmap);
    }

    /// <summary>The image score of a heatmap.</summary>
    public float Score(Scoring scoring, FSharpOption<Image> ignore, Image heatmap)
    {
        ArgumentNullException.ThrowIfNull(heatmap);
        using var there = machine.Upload<float>(heatmap.Pixels);
        return Score(scoring, ignore?.Value, there.All, heatmap.Height, heatmap.Width);
    }

    /// <summary>The image score of a heatmap in device memory: two numbers are downloaded.</summary>
    public float Score(Scoring scoring, Image? ignore, DeviceSpan heatmap, int height, int width)
    {
        ArgumentNullException.ThrowIfNull(scoring);
        var (places, count) = Counted(scoring.Border, ignore, height, width);
        if (count == 0)
            return 0;
        using var gathered = places is null ? null : machine.Rent(DeviceValue.Real, count);
        if (gathered is not null)
            machine.Launch(nameof(DeviceKernels.Gather), count, heatmap, places!.All, gathered.All);
        var values = gathered?.All ?? heatmap;
        using var results = machine.Rent(DeviceValue.Real, 2);
        Reduce(scoring.Reduction, values, results.All);
        if (scoring.MedianOffset is not null)
            Rank(values, count - count / 2, state => machine.Launch(nameof(DeviceKernels.FinishRank), 1, state, results.All, 1));
        var (reduced, median) = machine.Download(results.All) is [var first, var second] ? (first, second) : default;
        return scoring.Normalise(reduced, () => median);
    }

    /// <summary>
    /// Lays an occlusion over a picture: <c>Fae.Core.Plan.render</c>'s step, from a mask of one plane and a fill of as many as the
    /// picture has.
    /// </summary>
    public (Image Pixels, Image Touched) Composite(Image picture, Image touched, Image mask, Image paint, float opacity)
    {
        ArgumentNullException.ThrowIfNull(picture);
        ArgumentNullException.ThrowIfNull(touched);
        ArgumentNullException.ThrowIfNull(mask);
        ArgumentNullException.ThrowIfNull(paint);
        using var pixels = machine.Upload<float>(picture.Pixels);
        using var marks = machine.Upload<float>(touched.Pixels);
        using var where = machine.Upload<float>(mask.Pixels);
        using var what = machine.Upload<float>(paint.Pixels);
        machine.Launch(
            nameof(DeviceKernels.Composite),
            picture.Area,
            pixels.All,
            where.All,
            what.All,
            marks.All,
            picture.Channels,
            opacity
        );
        return (Fetch(pixels.All, picture.Channels, picture), Fetch(marks.All, 1, picture));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        known?.Places?.Dispose();
        machine.Dispose();
    }

    private Image Fetch(DeviceSpan span, int channels, Image like) =>
        ImageModule.ofArray(channels, like.Height, like.Width, machine.Download(span));

    /// <summary>Some passes of G_k, at most <see cref="AtOnce"/>; source and destination may be the same.</summary>
    private void Mean(DeviceSpan source, DeviceSpan destination, DeviceSpan between, Shape shape, int size, int passes = 1)
    {
        void Down(DeviceSpan from, DeviceSpan to, int height, int width)
        {
            var across = shape.Channels * Parts(width, DeviceKernels.Columns);
            // Short strips read more neighbours twice, long ones leave processors idle.
            var strip = Math.Clamp(Parts(height * across, FewestGroups), ShortestStrip, LongestStrip);
            machine.LaunchGroups(
                nameof(DeviceKernels.MeanDown),
                (across, Parts(height, strip)),
                DeviceKernels.Columns,
                from,
                to,
                height,
                width,
                strip,
                size / 2,
                passes
            );
        }
        Down(source, between, shape.Height, shape.Width);
        Down(between, destination, shape.Width, shape.Height);
    }

    /// <summary>Passes of a window of this size that one launch can make.</summary>
    private static int AtOnce(int size) => Math.Min(DeviceKernels.MostPasses, 1 + DeviceKernels.Kept / size);

    private static int Parts(int whole, int part) => (whole + part - 1) / part;

    private void Reduce(Reduction reduction, DeviceSpan values, DeviceSpan results)
    {
        switch (reduction)
        {
            case { IsSum: true }:
                Sum(values, 0, null);
                break;
            case { IsMaximum: true }:
                Rank(values, 1, state => Sum(values, 1, state));
                break;
            case Reduction.Top top:
                var taken = Math.Max(1, (int)Math.Ceiling((double)top.q * values.Length));
                Rank(values, taken, state => Sum(values, taken, state));
                break;
            default:
                throw new UnreachableException($"unknown reduction {reduction}");
        }

        void Sum(DeviceSpan values, int taken, DeviceSpan? state)
        {
            var groups = Groups(values);
            using var partials = machine.Rent(DeviceValue.LongReal, groups);
            using var none = state is null ? machine.Rent(DeviceValue.Whole, 2) : null;
            var chosen = state ?? none!.All;
            var above = state is null ? 0 : 1;
            machine.LaunchGroups(nameof(DeviceKernels.Sums), (groups, 1), DeviceKernels.Reducing, values, partials.All, chosen, above);
            machine.LaunchGroups(
                nameof(DeviceKernels.FinishSum),
                (1, 1),
                DeviceKernels.Reducing,
                partials.All,
                chosen,
                results,
                0,
                above,
                Math.Max(1, taken)
            );
        }
    }

    /// <summary>How many groups add up or count these values.</summary>
    private static int Groups(DeviceSpan values) =>
        Math.Clamp(values.Length / (DeviceKernels.Reducing * DeviceKernels.ValuesPerThread), 1, DeviceKernels.MostGroups);

    /// <summary>
    /// Radix selection: finds the value of a rank, counted from the largest, digit by digit; calls <paramref name="found"/> with the
    /// state.
    /// </summary>
    private void Rank(DeviceSpan values, int rank, Action<DeviceSpan> found)
    {
        // One upload: the state, and a zero for each digit.
        Span<int> start = stackalloc int[2 + DeviceKernels.Reducing];
        (start[0], start[1]) = (0, rank);
        start[2..].Clear();
        using var memory = machine.Upload<int>(start);
        var (state, counts) = (memory.All.Slice(0, 2), memory.All.Slice(2, DeviceKernels.Reducing));
        for (var shift = 24; shift >= 0; shift -= 8)
        {
            machine.LaunchGroups(
                nameof(DeviceKernels.CountDigits),
                (Groups(values), 1),
                DeviceKernels.Reducing,
                values,
                counts,
                state,
                shift
            );
            machine.LaunchGroups(nameof(DeviceKernels.ChooseDigit), (1, 1), DeviceKernels.Reducing, counts, state);
        }
        found(state);
    }

    /// <summary>The places of the values that count, kept from picture to picture; none where all do.</summary>
    private (DeviceMemory? Places, int Count) Counted(int border, Image? ignore, int height, int width)
    {
        if (
            known is { } before
            && (before.Height, before.Width, before.Border) == (height, width, border)
            && ReferenceEquals(before.Ignore, ignore)
        )
            return (before.Places, before.Count);
        known?.Places?.Dispose();
        var indices = ScoringModule.countedIndices(border, ignore.ToOption(), height, width);
        var places = indices.Length == height * width || indices.Length == 0 ? null : machine.Upload<int>(indices);
        known = (height, width, border, ignore, places, indices.Length);
        return (places, indices.Length);
    }

    private readonly record struct Shape(int Channels, int Height, int Width)
    {
        public int Area => Height * Width;
    }
}
