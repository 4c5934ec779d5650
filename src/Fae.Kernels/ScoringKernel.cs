using System;
using Fae.Core;

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
}
