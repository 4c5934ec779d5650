using System;
using System.Collections.Generic;
using Fae.Core;
using Microsoft.FSharp.Core;

namespace Fae.Kernels;

/// <summary>
/// Mean filter, difference maps, scores and occlusions on a machine's memory: from two images that are there to one number, without a pixel leaving it. Not for two
/// threads at once.
/// </summary>
public sealed class DeviceScoring(DeviceMachine machine) : IDisposable
{
    /// <summary>Passes are made together as long as they reach so far: half of what a group reads is then its own.</summary>
    private const int MostReach = 48;

    private (int Height, int Width, int Frame, Image? Ignore, DeviceMemory? Places, int Count)? known;

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
        var atOnce = Math.Max(1, MostReach / (size / 2));
        for (var done = 0; done < passes; done += atOnce)
            Mean(planes, planes, between.All, new(channels, height, width), size, Math.Min(atOnce, passes - done));
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
        Map(scoring.Measure, x, r, heatmap, new(channels, height, width));
        Smooth(heatmap, 1, height, width, scoring.FilterSize, scoring.FilterPasses);
    }

    /// <summary>The image score of a heatmap.</summary>
    public float Score(Scoring scoring, FSharpOption<Image> ignore, Image heatmap)
    {
        ArgumentNullException.ThrowIfNull(heatmap);
        using var there = machine.Upload<float>(heatmap.Pixels);
        return Score(scoring, ignore?.Value, there.All, heatmap.Height, heatmap.Width);
    }

    /// <summary>The image score of a heatmap that is there: two numbers are fetched.</summary>
    public float Score(Scoring scoring, Image? ignore, DeviceSpan heatmap, int height, int width)
    {
        ArgumentNullException.ThrowIfNull(scoring);
        var (places, count) = Counted(scoring.Frame, ignore, height, width);
        if (count == 0)
            return 0;
        using var gathered = places is null ? null : machine.Rent(DeviceValue.Real, count);
        if (gathered is not null)
            machine.Launch(nameof(DeviceKernels.Gather), count, heatmap, places!.All, gathered.All);
        var values = gathered?.All ?? heatmap;
        using var results = machine.Rent(DeviceValue.Real, 2);
        Reduce(scoring.Reduction, values, results.All);
        if (scoring.Typical > 0)
            Rank(values, count - count / 2, state => machine.Launch(nameof(DeviceKernels.FinishRank), 1, state, results.All, 1));
        var (reduced, median) = machine.Download(results.All) is [var first, var second] ? (first, second) : default;
        return scoring.Typical > 0 ? reduced / (median + scoring.Typical) : reduced;
    }

    /// <summary>Lays an occlusion over a picture: <c>Fae.Core.Plan.render</c>'s step, from a mask of one plane and a fill of as many as the picture has.</summary>
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
        machine.Launch(nameof(DeviceKernels.Composite), picture.Area, pixels.All, where.All, what.All, marks.All, picture.Channels, opacity);
        return (Fetch(pixels.All, picture.Channels, picture), Fetch(marks.All, 1, picture));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        known?.Places?.Dispose();
        machine.Dispose();
    }

    private Image Fetch(DeviceSpan span, int channels, Image like) => ImageModule.ofArray(channels, like.Height, like.Width, machine.Download(span));

    /// <summary>Some passes of G_k, one where the window is too large for several; source and destination may be the same.</summary>
    private void Mean(DeviceSpan source, DeviceSpan destination, DeviceSpan between, Shape shape, int size, int passes = 1)
    {
        static int Parts(int whole, int part) => (whole + part - 1) / part;
        var rows = shape.Channels * shape.Height;
        var reach = size / 2;
        if (passes * reach <= MostReach)
        {
            var run = (DeviceKernels.Room - 2 * passes * reach) / DeviceKernels.Lanes * DeviceKernels.Lanes;
            void Along(DeviceSpan from, DeviceSpan to, int lines, int perPlane, int lineStep, int step, int length) => machine.LaunchGroups(
                nameof(DeviceKernels.MeanAlong), (Parts(lines, DeviceKernels.Lanes), Parts(length, run)), DeviceKernels.Filtering, from, to, lines, perPlane, shape.Area, lineStep, step, length, run, reach, passes);
            Along(source, between, rows, shape.Height, shape.Width, 1, shape.Width);
            Along(between, destination, shape.Channels * shape.Width, shape.Width, 1, shape.Width, shape.Height);
            return;
        }

        machine.LaunchGroups(nameof(DeviceKernels.MeanOfRows), (Parts(rows, DeviceKernels.Lanes), Parts(shape.Width, DeviceKernels.Run)), DeviceKernels.Lanes, source, between, rows, shape.Width, reach);
        var threads = shape.Channels * shape.Width * Parts(shape.Height, DeviceKernels.Run);
        machine.Launch(nameof(DeviceKernels.MeanOfColumns), threads, between, destination, shape.Height, shape.Width, reach);
    }

    private void Map(Measure measure, DeviceSpan x, DeviceSpan r, DeviceSpan map, Shape shape)
    {
        if (measure is Measure.Weighted weighted)
            Sum(weighted.Item, x, r, map, shape);
        else if (measure.IsMse)
            machine.Launch(nameof(DeviceKernels.Mse), shape.Area, x, r, map, shape.Channels);
        else if (measure.IsRelative)
            machine.Launch(nameof(DeviceKernels.Relative), shape.Area, x, r, map, shape.Channels, Difference.relativeFloor);
        else if (measure.IsSsim)
            Ssim(x, r, map, shape);
        else if (measure.IsOwn)
            Copy(map, shape, r.Slice(shape.Channels * shape.Area, shape.Area));
        else
            Gms(x, r, map, shape, measure.IsMultiGms ? Difference.scales(shape.Height, shape.Width) : 1);
    }

    /// <summary>map ← plane.</summary>
    private void Copy(DeviceSpan map, Shape shape, DeviceSpan plane) => machine.Launch(nameof(DeviceKernels.MeanPlane), shape.Area, plane, map, 1);

    private void Sum(IEnumerable<Tuple<float, Measure>> terms, DeviceSpan x, DeviceSpan r, DeviceSpan map, Shape shape)
    {
        using var sum = machine.Rent(DeviceValue.Real, shape.Area);
        foreach (var (weight, measure) in terms)
        {
            Map(measure, x, r, map, shape);
            machine.Launch(nameof(DeviceKernels.AddWeighted), shape.Area, map, sum.All, weight);
        }
        Copy(map, shape, sum.All);
    }

    private void Ssim(DeviceSpan x, DeviceSpan r, DeviceSpan map, Shape shape)
    {
        var volume = shape.Channels * shape.Area;
        using var buffers = machine.Rent(DeviceValue.Real, 7 * volume);
        DeviceSpan Part(int i) => buffers.All.Slice(i * volume, volume);
        var (between, products) = (Part(5), Part(6));
        Mean(x, Part(0), between, shape, Difference.ssimWindow);
        Mean(r, Part(1), between, shape, Difference.ssimWindow);
        MeanOfProduct(x, x, Part(2));
        MeanOfProduct(r, r, Part(3));
        MeanOfProduct(x, r, Part(4));
        machine.Launch(nameof(DeviceKernels.Ssim), shape.Area, buffers.All.Slice(0, 5 * volume), map, shape.Channels, Difference.ssimC1, Difference.ssimC2);

        void MeanOfProduct(DeviceSpan a, DeviceSpan b, DeviceSpan mean)
        {
            machine.Launch(nameof(DeviceKernels.Product), volume, a, b, products);
            Mean(products, mean, between, shape, Difference.ssimWindow);
        }
    }

    /// <summary>The mean over so many sizes, each half of the one before.</summary>
    private void Gms(DeviceSpan x, DeviceSpan r, DeviceSpan map, Shape shape, int scales)
    {
        using var planes = machine.Rent(DeviceValue.Real, 6 * shape.Area);
        DeviceSpan Part(int i, int length) => planes.All.Slice(i * shape.Area, length);
        var (a, b, sum) = (Part(0, shape.Area), Part(1, shape.Area), Part(5, shape.Area));
        machine.Launch(nameof(DeviceKernels.MeanPlane), shape.Area, x, a, shape.Channels);
        machine.Launch(nameof(DeviceKernels.MeanPlane), shape.Area, r, b, shape.Channels);
        for (var scale = 0; scale < scales; scale++)
        {
            var (height, width) = (shape.Height >> scale, shape.Width >> scale);
            var at = Part(4, height * width);
            machine.Launch(nameof(DeviceKernels.Gms), height * width, a, b, at, height, width, Difference.gmsConstant);
            machine.Launch(nameof(DeviceKernels.AddSpread), shape.Area, at, sum, shape.Height, shape.Width, scale, 1f / scales);
            if (scale + 1 == scales)
                break;
            // To and fro between two places: a plane is not halved into itself.
            var (halfA, halfB) = scale % 2 == 0 ? (2, 3) : (0, 1);
            var area = (height / 2) * (width / 2);
            machine.Launch(nameof(DeviceKernels.Halve), area, a, Part(halfA, area), width);
            machine.Launch(nameof(DeviceKernels.Halve), area, b, Part(halfB, area), width);
            (a, b) = (Part(halfA, area), Part(halfB, area));
        }
        Copy(map, shape, sum);
    }

    private void Reduce(Reduction reduction, DeviceSpan values, DeviceSpan results)
    {
        if (reduction.IsSum)
            Sum(values, 0, null);
        else
        {
            var taken = reduction is Reduction.Top top ? Math.Max(1, (int)Math.Ceiling((double)top.q * values.Length)) : 1;
            Rank(values, taken, state => Sum(values, taken, state));
        }

        void Sum(DeviceSpan values, int taken, DeviceSpan? state)
        {
            using var partials = machine.Rent(DeviceValue.LongReal, DeviceKernels.Partials);
            using var none = state is null ? machine.Rent(DeviceValue.Whole, 2) : null;
            var chosen = state ?? none!.All;
            var above = state is null ? 0 : 1;
            machine.Launch(nameof(DeviceKernels.Sums), DeviceKernels.Partials, values, partials.All, chosen, above);
            machine.Launch(nameof(DeviceKernels.FinishSum), 1, partials.All, chosen, results, 0, above, Math.Max(1, taken));
        }
    }

    /// <summary>Finds the value of a rank from above, digit by digit of its key, and goes on with what was found.</summary>
    private void Rank(DeviceSpan values, int rank, Action<DeviceSpan> found)
    {
        using var counts = machine.Rent(DeviceValue.Whole, 256);
        using var state = machine.Upload<int>([0, rank]);
        for (var shift = 24; shift >= 0; shift -= 8)
        {
            machine.Launch(nameof(DeviceKernels.CountDigits), values.Length, values, counts.All, state.All, shift);
            machine.Launch(nameof(DeviceKernels.ChooseDigit), 1, counts.All, state.All);
        }
        found(state.All);
    }

    /// <summary>The places of the values that count, kept from picture to picture; none where all do.</summary>
    private (DeviceMemory? Places, int Count) Counted(int frame, Image? ignore, int height, int width)
    {
        if (known is { } before && (before.Height, before.Width, before.Frame) == (height, width, frame) && ReferenceEquals(before.Ignore, ignore))
            return (before.Places, before.Count);
        known?.Places?.Dispose();
        var hidden = ignore is null ? null : FSharpOption<Image>.Some(ignore);
        var numbered = Array.ConvertAll(ScoringModule.counted(frame, hidden, ImageModule.init(1, height, width, FuncConvert.FromFunc((int _, int y, int x) => BitConverter.Int32BitsToSingle(y * width + x)))), BitConverter.SingleToInt32Bits);
        var places = numbered.Length == height * width || numbered.Length == 0 ? null : machine.Upload<int>(numbered);
        known = (height, width, frame, ignore, places, numbered.Length);
        return (places, numbered.Length);
    }

    private readonly record struct Shape(int Channels, int Height, int Width)
    {
        public int Area => Height * Width;
    }
}
