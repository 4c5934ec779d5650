using System;
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
        return Smooth(ImageModule.ofArray(1, x.Height, x.Width, map), scoring.FilterSize, scoring.FilterPasses);
    }

    /// <summary>The image score of a heatmap, as <c>Fae.Core.Scoring.score</c> says, without sorting it.</summary>
    public static float Score(Scoring scoring, FSharpOption<Image>? ignore, Image heatmap) => Scores([scoring], ignore, heatmap)[0];

    /// <summary>The scores of one heatmap by several ways that differ in reduction, frame and norm; what they share is computed once.</summary>
    public static float[] Scores(IReadOnlyList<Scoring> scorings, FSharpOption<Image>? ignore, Image heatmap)
    {
        ArgumentNullException.ThrowIfNull(scorings);
        var scores = new float[scorings.Count];
        foreach (var sameFrame in Enumerable.Range(0, scorings.Count).GroupBy(i => scorings[i].Frame))
        {
            var values = Counted(sameFrame.Key, ignore, heatmap);
            var reduced = sameFrame.Select(i => scorings[i].Reduction).Distinct().ToDictionary(r => r, r => Reduce(r, values));
            var median = sameFrame.Any(i => scorings[i].Typical > 0) ? Selection.Nth(values, values.Length / 2) : 0;
            foreach (var i in sameFrame)
                scores[i] = scorings[i].Typical > 0 ? reduced[scorings[i].Reduction] / (median + scorings[i].Typical) : reduced[scorings[i].Reduction];
        }
        return scores;
    }

    /// <summary>The upper median of the values that count.</summary>
    public static float Median(int frame, FSharpOption<Image>? ignore, Image heatmap)
    {
        var values = Counted(frame, ignore, heatmap);
        return Selection.Nth(values, values.Length / 2);
    }

    /// <summary>G_k^n on every plane.</summary>
    public static Image Smooth(Image image, int size, int passes)
    {
        var smooth = new float[image.Pixels.Length];
        for (var c = 0; c < image.Channels; c++)
            MeanFilterKernel.Apply(image.Pixels.AsSpan(c * image.Area, image.Area), smooth.AsSpan(c * image.Area, image.Area), image.Height, image.Width, size, passes);
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

    private static float[] Counted(int frame, FSharpOption<Image>? ignore, Image heatmap)
    {
        ArgumentNullException.ThrowIfNull(heatmap);
        if (ignore is not null)
            return ScoringModule.counted(frame, ignore, heatmap);
        var border = 2 * frame < Math.Min(heatmap.Height, heatmap.Width) ? frame : 0;
        var width = heatmap.Width - 2 * border;
        var height = heatmap.Height - 2 * border;
        var values = new float[height * width];
        for (var y = 0; y < height; y++)
            heatmap.Pixels.AsSpan((y + border) * heatmap.Width + border, width).CopyTo(values.AsSpan(y * width));
        return values;
    }

    /// <summary>The reduction of values whose order may change.</summary>
    private static float Reduce(Reduction reduction, float[] values)
    {
        if (values.Length == 0)
            return 0;
        if (reduction is not Reduction.Top top)
            return reduction.IsSum ? (float)values.Sum(v => (double)v) : values.Max();
        var count = Math.Max(1, (int)Math.Ceiling((double)top.q * values.Length));
        Selection.Nth(values, values.Length - count);
        var sum = 0.0;
        for (var i = values.Length - count; i < values.Length; i++)
            sum += values[i];
        return (float)(sum / count);
    }
}
