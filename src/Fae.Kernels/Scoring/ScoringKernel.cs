using System.Buffers;
using System.Diagnostics;
using System.Numerics.Tensors;
using Fae.Core;
using Microsoft.FSharp.Core;

namespace Fae.Kernels;

/// <summary>Heatmaps, image scores and illumination correction of whole images.</summary>
public static class ScoringKernel
{
    /// <summary>A = G_k^n(D(x, r)), equation (2), as one plane; of a geometric mean, the mean of the filtered maps.</summary>
    public static Image Heatmap(Scoring scoring, Image x, Image r)
    {
        var map = new float[x.Area];
        // The map of the measure that was smoothed last: several filters of one measure follow each other.
        Measure? last = null;
        float[]? unfiltered = null;
        void Smoothed(Measure.Smoothed smoothed, Memory<float> plane)
        {
            unfiltered ??= ArrayPool<float>.Shared.Rent(x.Area);
            var whole = unfiltered.AsMemory(0, x.Area);
            if (last is null || !smoothed.Item3.Equals(last))
                DifferenceKernel.Map(smoothed.Item3, x.Pixels, r.Pixels, whole, x.Channels, x.Height, x.Width);
            last = smoothed.Item3;
            whole.CopyTo(plane);
            MeanFilterKernel.Apply(plane, plane, x.Height, x.Width, smoothed.filterSize, smoothed.passes);
        }
        void Filtered(Measure measure, float[] into)
        {
            var plane = into.AsMemory(0, x.Area);
            if (measure is Measure.Smoothed smoothed)
                Smoothed(smoothed, plane);
            else
                DifferenceKernel.Map(measure, x.Pixels, r.Pixels, plane, x.Channels, x.Height, x.Width);
            MeanFilterKernel.Apply(plane, plane, x.Height, x.Width, scoring.FilterSize, scoring.FilterPasses);
        }
        if (scoring.Measure is Measure.Geometric geometric)
            DifferenceKernel.GeometricMean(geometric, map, Filtered);
        else
            Filtered(scoring.Measure, map);
        if (unfiltered is not null)
            ArrayPool<float>.Shared.Return(unfiltered);
        return ImageModule.ofArray(1, x.Height, x.Width, map);
    }

    /// <summary>The image score of a heatmap, as <c>Fae.Core.Scoring.score</c> says, without sorting it.</summary>
    public static float Score(Scoring scoring, FSharpOption<Image>? ignore, Image heatmap) => Scores([scoring], ignore, heatmap)[0];

    /// <summary>
    /// The scores of one heatmap by several ways that differ in reduction, border and norm; what they share is computed once.
    /// </summary>
    public static float[] Scores(IReadOnlyList<Scoring> scorings, FSharpOption<Image>? ignore, Image heatmap)
    {
        ArgumentNullException.ThrowIfNull(scorings);
        ArgumentNullException.ThrowIfNull(heatmap);
        var scores = new float[scorings.Count];
        var rented = ArrayPool<float>.Shared.Rent(heatmap.Area);
        foreach (var border in scorings.Select(s => s.Border).Distinct())
        {
            var values = Counted(border, ignore, heatmap, rented);
            var median = scorings.Any(s => s.Border == border && s.MedianOffset is not null) ? Selection.Nth(values, values.Length / 2) : 0;
            foreach (var reduction in scorings.Where(s => s.Border == border).Select(s => s.Reduction).Distinct())
            {
                var reduced = Reduce(reduction, values);
                for (var i = 0; i < scores.Length; i++)
                    if (scorings[i].Border == border && scorings[i].Reduction.Equals(reduction))
                        scores[i] = scorings[i].Normalise(reduced, () => median);
            }
        }
        ArrayPool<float>.Shared.Return(rented);
        return scores;
    }

    /// <summary>The upper median of the values that count.</summary>
    public static float Median(int border, FSharpOption<Image>? ignore, Image heatmap)
    {
        ArgumentNullException.ThrowIfNull(heatmap);
        var rented = ArrayPool<float>.Shared.Rent(heatmap.Area);
        var values = Counted(border, ignore, heatmap, rented);
        var median = Selection.Nth(values, values.Length / 2);
        ArrayPool<float>.Shared.Return(rented);
        return median;
    }

    /// <summary>G_k^n on every plane.</summary>
    public static Image Smooth(Image image, int size, int passes)
    {
        var smooth = new float[image.Pixels.Length];
        for (var c = 0; c < image.Channels; c++)
            MeanFilterKernel.Apply(
                image.Pixels.AsMemory(c * image.Area, image.Area),
                smooth.AsMemory(c * image.Area, image.Area),
                image.Height,
                image.Width,
                size,
                passes
            );
        return ImageModule.ofArray(image.Channels, image.Height, image.Width, smooth);
    }

    /// <summary>Illumination correction, as <c>Fae.Core.Illumination.correct</c>.</summary>
    public static Image CorrectIllumination(float sigma, Image image)
    {
        if (sigma <= 0)
            return image;
        var quotient = Smooth(image, Illumination.filterSize(sigma), 3).Pixels;
        for (var i = 0; i < quotient.Length; i++)
            quotient[i] = Math.Min(1f, 0.5f * image.Pixels[i] / (quotient[i] + Illumination.floor));
        return ImageModule.ofArray(image.Channels, image.Height, image.Width, quotient);
    }

    /// <summary>The values that count, as <c>Fae.Core.Scoring.counted</c>, at the beginning of <paramref name="buffer"/>.</summary>
    private static Span<float> Counted(int border, FSharpOption<Image>? ignore, Image heatmap, float[] buffer)
    {
        border = 2 * border < Math.Min(heatmap.Height, heatmap.Width) ? border : 0;
        var width = heatmap.Width - 2 * border;
        var count = 0;
        for (var y = border; y < heatmap.Height - border; y++)
        {
            var row = heatmap.Pixels.AsSpan(y * heatmap.Width + border, width);
            if (ignore is null)
            {
                row.CopyTo(buffer.AsSpan(count));
                count += width;
                continue;
            }
            var hidden = ignore.Value.Pixels.AsSpan(y * heatmap.Width + border, width);
            for (var x = 0; x < width; x++)
                if (!(hidden[x] >= 0.5f))
                    buffer[count++] = row[x];
        }
        return buffer.AsSpan(0, count);
    }

    /// <summary>The reduction of values whose order may change.</summary>
    private static float Reduce(Reduction reduction, Span<float> values)
    {
        if (values.IsEmpty)
            return 0;
        if (reduction.IsSum)
            return (float)Total(values);
        if (reduction.IsMaximum)
            return TensorPrimitives.Max(values);
        if (reduction is not Reduction.Top top)
            throw new UnreachableException($"unknown reduction {reduction}");
        var count = Math.Max(1, (int)Math.Ceiling((double)top.q * values.Length));
        Selection.Nth(values, values.Length - count);
        return (float)(Total(values[^count..]) / count);
    }

    private static double Total(ReadOnlySpan<float> values)
    {
        var sum = 0.0;
        foreach (var value in values)
            sum += value;
        return sum;
    }
}
