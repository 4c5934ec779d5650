using System.Numerics.Tensors;
using Fae.Core;
using Fae.Kernels;

namespace Fae.Detection;

/// <summary>
/// Test-time augmentation: f̄(x) = mean over views V of V⁻¹f(Vx), the mirrored and rotated views that leave a good part good. A large
/// picture is split into tiles, each reconstructed in all views, and the results are blended.
/// </summary>
public sealed class TestTimeAugmentation
{
    private readonly IReconstructor network;
    private readonly List<View> views;
    private readonly Tiling? tiling;

    /// <summary>At least one view; without tiling, pictures are not split.</summary>
    public TestTimeAugmentation(IReconstructor network, IEnumerable<View> views, Tiling? tiling = null)
    {
        this.network = network;
        this.views = views.ToList();
        this.tiling = tiling;
        if (this.views.Count == 0)
            throw new ArgumentException("at least one view is needed", nameof(views));
    }

    /// <summary>With the views and tiles of a configuration.</summary>
    public static TestTimeAugmentation Of(IReconstructor network, Config config) =>
        new(network, InputGeometry.views(config), InputGeometry.tiling(config)?.Value);

    /// <summary>Outputs, heatmaps and scores of a network that scores on its own device; null for one that does not.</summary>
    internal IReadOnlyList<(Image Answer, Image Heatmap, float Score)>? Inspect(IReadOnlyList<Image> images, Scoring way, Image? ignore) =>
        (network as IInspector)?.Inspect(images, views, tiling, way, ignore);

    /// <summary>f̄(x) for images of one size, or, with tiles, for images of any shape.</summary>
    public IReadOnlyList<Image> Reconstruct(IReadOnlyList<Image> images)
    {
        ArgumentNullException.ThrowIfNull(images);
        return tiling is null || images.All(image => image.Height == tiling.Side && image.Width == tiling.Side)
            ? InViews(images)
            : images.Select(image => TileKernel.InTiles(tiling, InViews, image)).ToList();
    }

    /// <summary>f̄(x) for images of the size that the network sees at once.</summary>
    internal IReadOnlyList<Image> InViews(IReadOnlyList<Image> images)
    {
        if (views is [{ Flip: false, Turns: 0 }])
            return network.Reconstruct(images);
        var sums = new Image[images.Count];
        foreach (var view in views)
        {
            var seen = network.Reconstruct(images.AsParallel().AsOrdered().Select(image => ViewModule.apply(view, image)).ToList());
            for (var i = 0; i < sums.Length; i++)
            {
                var answer = ViewModule.undo(view, seen[i]);
                sums[i] ??= ImageModule.constant(answer.Channels, answer.Height, answer.Width, 0);
                TensorPrimitives.MultiplyAdd(answer.Pixels, 1f / views.Count, sums[i].Pixels, sums[i].Pixels);
            }
        }
        return sums;
    }
}
