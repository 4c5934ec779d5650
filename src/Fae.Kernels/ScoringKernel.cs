using System;
using System.Buffers;
using System.Collections.Generic;
using System.Linq;
using Fae.Core;
using Microsoft.FSharp.Core;

namespace Fae.Kernels;

/// <summary>Heatmaps and light division for whole images, by the fast kernels.</summary>
public static class ScoringKernel
{
    /// <summary>A = G_k^n(D(x, r)), equation (2), as one plane.</summary>
    public static Image Heatmap(Scoring scoring, Image x, Image r)
    {
        var map = new float[x.Area];
        DifferenceKernel.Map(scoring.Measure, x.Pixels, r.Pixels, map, x.Channels, x.Height, x.Width);
        MeanFilterKernel.Apply(map, map, x.Height, x.Width, scoring.FilterSize, scoring.FilterPasses);
        return ImageModule.ofArray(1, x.Height, x.Width, map);
    }

    /// <summary>The image score of a heatmap, as <c>Fae.Core.Scoring.score</c> says, without sorting it.</summary>
    public static float Score(Scoring scoring, FSharpOption<Image>? ignore, Image heatmap) => Scores([scoring], ignore, heatmap)[0];

    /// <summary>The scores of one heatmap by several ways that differ in reduction, frame and norm; what they share is computed once.</summary>
    public static float[] Scores(IReadOnlyList<Scoring> scorings, FSharpOption<Image>? ignore, Image heatmap)
    {
        ArgumentNullException.ThrowIfNull(scorings);
        ArgumentNullException.ThrowIfNull(heatmap);
        var scores = new float[scorings.Count];
        var rented = ArrayPool<float>.Shared.Rent(heatmap.Area);
        foreach (var frame in scorings.Select(s => s.Frame).Distinct())
        {
            var values = Counted(frame, ignore, heatmap, rented);
            var median = scorings.Any(s => s.Frame == frame && s.Typical > 0) ? Selection.Nth(values, values.Length / 2) : 0;
            foreach (var reduction in scorings.Where(s => s.Frame == frame).Select(s => s.Reduction).Distinct())
            {
                var reduced = Reduce(reduction, values);
                for (var i = 0; i < scores.Length; i++)
                    if (scorings[i].Frame == frame && scorings[i].Reduction.Equals(reduction))
                        scores[i] = scorings[i].Typical > 0 ? reduced / (median + scorings[i].Typical) : reduced;
            }
        }
        ArrayPool<float>.Shared.Return(rented);
        return scores;
    }

    /// <summary>The upper median of the values that count.</summary>
    public static float Median(int frame, FSharpOption<Image>? ignore, Image heatmap)
    {
        ArgumentNullException.ThrowIfNull(heatmap);
        var rented = ArrayPool<float>.Shared.Rent(heatmap.Area);
        var values = Counted(frame, ignore, heatmap, rented);
        var median = Selection.Nth(values, values.Length / 2);
        ArrayPool<float>.Shared.Return(rented);
        return median;
    }

    /// <summary>G_k^n on every plane.</summary>
    public static Image Smooth(Image image, int size, int passes)
    {
        var smooth = new float[image.Pixels.Length];
        for (var c = 0; c < image.Channels; c++)
            MeanFilterKernel.Apply(image.Pixels.AsMemory(c * image.Area, image.Area), smooth.AsMemory(c * image.Area, image.Area), image.Height, image.Width, size, passes);
        return ImageModule.ofArray(image.Channels, image.Height, image.Width, smooth);
    }

    /// <summary>The light divided out, as <c>Fae.Core.Light.divide</c> says.</summary>
    public static Image DivideLight(float sigma, Image image)
    {
        if (sigma <= 0)
            return image;
        var quotient = Smooth(image, Light.filterSize(sigma), 3).Pixels;
        for (var i = 0; i < quotient.Length; i++)
            quotient[i] = Math.Min(1f, 0.5f * image.Pixels[i] / (quotient[i] + Light.floor));
        return ImageModule.ofArray(image.Channels, image.Height, image.Width, quotient);
    }

    /// <summary>The values that count, as <c>Fae.Core.Scoring.counted</c> says, at the beginning of <paramref name="room"/>.</summary>
    private static Span<float> Counted(int frame, FSharpOption<Image>? ignore, Image heatmap, float[] room)
    {
        var border = 2 * frame < Math.Min(heatmap.Height, heatmap.Width) ? frame : 0;
        var width = heatmap.Width - 2 * border;
        var count = 0;
        for (var y = border; y < heatmap.Height - border; y++)
        {
            var row = heatmap.Pixels.AsSpan(y * heatmap.Width + border, width);
            if (ignore is null)
            {
                row.CopyTo(room.AsSpan(count));
                count += width;
                continue;
            }
            var hidden = ignore.Value.Pixels.AsSpan(y * heatmap.Width + border, width);
            for (var x = 0; x < width; x++)
                if (!(hidden[x] >= 0.5f))
                    room[count++] = row[x];
        }
        return room.AsSpan(0, count);
    }

    /// <summary>The reduction of values whose order may change.</summary>
    private static float Reduce(Reduction reduction, Span<float> values)
    {
        if (values.IsEmpty)
            return 0;
        if (reduction.IsSum)
            return (float)Total(values);
        if (reduction is not Reduction.Top top)
            return Largest(values);
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

    private static float Largest(ReadOnlySpan<float> values)
    {
        var largest = values[0];
        foreach (var value in values)
            largest = Math.Max(largest, value);
        return largest;
    }
}
