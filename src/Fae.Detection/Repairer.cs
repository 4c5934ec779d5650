using System;
using System.Collections.Generic;
using System.Linq;
using Fae.Core;
using Fae.Kernels;

namespace Fae.Detection;

/// <summary>
/// The network looking at a picture in several ways that leave a good part good, its answers turned back and averaged: f̄(x) = mean of V⁻¹f(Vx).
/// What it repairs in one view and not in another counts half: fewer false alarms, for as many times the work. A large picture is looked at in
/// windows, each in all views, and the answers are blended.
/// </summary>
public sealed class Repairer
{
    private readonly IReconstructor network;
    private readonly List<View> views;
    private readonly Tiling? tiling;

    /// <summary>At least one view; without windows, pictures are looked at whole.</summary>
    public Repairer(IReconstructor network, IEnumerable<View> views, Tiling? tiling = null)
    {
        this.network = network;
        this.views = views.ToList();
        this.tiling = tiling;
        if (this.views.Count == 0)
            throw new ArgumentException("a picture must be looked at in some way", nameof(views));
    }

    /// <summary>As a configuration says.</summary>
    public static Repairer Of(IReconstructor network, Config config) => new(network, ConfigModule.views(config), ConfigModule.tiling(config)?.Value);

    /// <summary>What a network that scores itself says of images, looked at in the same ways; null of one that does not.</summary>
    internal IReadOnlyList<(Image Answer, Image Heatmap, float Score)>? Inspect(IReadOnlyList<Image> images, Scoring way, Image? ignore) =>
        (network as IInspector)?.Inspect(images, views, tiling, way, ignore);

    /// <summary>f̄(x) for square images of one size, or, in windows, for images of any shapes.</summary>
    public IReadOnlyList<Image> Reconstruct(IReadOnlyList<Image> images)
    {
        ArgumentNullException.ThrowIfNull(images);
        return tiling is null || images.All(image => image.Height == tiling.Side && image.Width == tiling.Side)
            ? InViews(images)
            : images.Select(image => TileKernel.InTiles(tiling, InViews, image)).ToList();
    }

    private IReadOnlyList<Image> InViews(IReadOnlyList<Image> images)
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
                Loops.AddScaled(answer.Pixels, 1f / views.Count, sums[i].Pixels);
            }
        }
        return sums;
    }
}
