using Fae.Core;

namespace Fae.Kernels;

/// <summary>Masks at another size.</summary>
public static class MaskKernel
{
    /// <summary>
    /// A mask of zeros and ones at another size: a pixel is one if half of what it covers is. A region that would vanish keeps one pixel.
    /// </summary>
    public static Image Resize(Image mask, int height, int width)
    {
        ArgumentNullException.ThrowIfNull(mask);
        if ((mask.Height, mask.Width) == (height, width))
            return mask;
        var small = ResampleKernel.Resize(mask, height, width);
        var pixels = Array.ConvertAll(small.Pixels, value => value >= 0.5f ? 1f : 0f);
        int Place(int row, int column) => row * height / mask.Height * width + column * width / mask.Width;
        var (runs, sizes) = ComponentsKernel.Of(mask, null);
        var kept = new bool[sizes.Length];
        foreach (var run in runs)
            for (var x = run.From; x < run.To && !kept[run.Component]; x++)
                kept[run.Component] = pixels[Place(run.Row, x)] > 0;
        foreach (var component in runs.GroupBy(run => run.Component).Where(component => !kept[component.Key]))
        {
            var middle = component.ElementAt(component.Count() / 2);
            pixels[Place(middle.Row, (middle.From + middle.To) / 2)] = 1;
        }
        return ImageModule.ofArray(1, height, width, pixels);
    }
}
