using System;
using System.Collections.Generic;
using System.Linq;
using Fae.Core;
using Fae.Kernels;

namespace Fae.Engine;

/// <summary>
/// The network looking at a picture in several ways that leave a good part good, its answers turned back and averaged: f̄(x) = mean of V⁻¹f(Vx).
/// What it repairs in one view and not in another counts half: fewer false alarms, for as many times the work.
/// </summary>
public sealed class Repairer
{
    private readonly Network network;
    private readonly List<View> views;

    /// <summary>At least one view.</summary>
    public Repairer(Network network, IEnumerable<View> views)
    {
        this.network = network;
        this.views = views.ToList();
        if (this.views.Count == 0)
            throw new ArgumentException("a picture must be looked at in some way", nameof(views));
    }

    /// <summary>f̄(x) for square images of one size.</summary>
    public IReadOnlyList<Image> Reconstruct(IReadOnlyList<Image> images)
    {
        ArgumentNullException.ThrowIfNull(images);
        if (views is [{ Flip: false, Turns: 0 }])
            return network.Reconstruct(images);
        var sums = images.Select(image => new float[image.Pixels.Length]).ToArray();
        foreach (var view in views)
        {
            var seen = network.Reconstruct(images.AsParallel().AsOrdered().Select(image => ViewModule.apply(view, image)).ToList());
            for (var i = 0; i < sums.Length; i++)
                Loops.AddScaled(ViewModule.undo(view, seen[i]).Pixels, 1f / views.Count, sums[i]);
        }
        return images.Zip(sums, (image, sum) => ImageModule.ofArray(image.Channels, image.Height, image.Width, sum)).ToList();
    }
}
