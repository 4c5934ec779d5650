using Fae.Core;

namespace Fae.Kernels;

/// <summary>
/// A training sample before a pixel is touched: which picture, seen how (the neighbourhood of the window, turned; the window's first row
/// and column in it; rotated by an angle in radians and shifted by pixels, or not), its light, the plan of its corruption, and its noise.
/// A few hundred bytes.
/// </summary>
public sealed record SampleRecipe(
    int Picture,
    StridedView Context,
    int Top,
    int Left,
    bool IsPixelExact,
    float Angle,
    float ShiftX,
    float ShiftY,
    float Gain,
    float Offset,
    IReadOnlyList<Occlusion> Plan,
    float Sigma,
    ulong Key
);

/// <summary>A source that gives recipes of its samples, so that a GPU can make them.</summary>
public interface IRecipeSource : ISampleSource
{
    /// <summary>The good pictures by number; null where they do not all stay in memory.</summary>
    IReadOnlyList<Image>? Pictures { get; }

    /// <summary>The pictures that patches are taken from.</summary>
    IReadOnlyList<Image> Bank { get; }

    /// <summary>1 where training shall not look, of the pictures' size; null where it may look everywhere.</summary>
    Image? Ignored { get; }

    /// <summary>Whether the target has the input's noise.</summary>
    bool NoiseOnTarget { get; }

    /// <summary>What <see cref="ISampleSource.Fill"/> makes sample <paramref name="index"/> of step <paramref name="step"/> of.</summary>
    SampleRecipe Recipe(int step, int index);
}
