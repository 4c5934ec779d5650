using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using Fae.Core;
using Fae.Kernels;
using Microsoft.FSharp.Core;

namespace Fae.Detection;

/// <summary>What a detector says of one prepared image; heatmap and regions are at its size.</summary>
public sealed record Finding(Image Reconstruction, Image Heatmap, Verdict Verdict, IReadOnlyList<Region> Regions);

/// <summary>A trained model at work: prepared images in, findings out. Thread-safe.</summary>
public sealed class Detector : IDisposable
{
    private readonly IReconstructor network;
    private readonly Repairer repairer;
    private readonly FSharpOption<Image>? ignore;

    private Detector(ModelCard card, IReconstructor network, Repairer repairer, Calibration calibration)
    {
        Card = card;
        Calibration = calibration;
        this.network = network;
        this.repairer = repairer;
        ignore = card.Ignore is null ? null : FSharpOption<Image>.Some(card.Ignore);
    }

    /// <summary>What is known of the model.</summary>
    public ModelCard Card { get; }

    /// <summary>How it scores and what it calls anomalous.</summary>
    public Calibration Calibration { get; }

    /// <summary>A detector of what a model file holds, at work through this network, which it owns from now on.</summary>
    public static Detector Of(ModelCard card, IReconstructor network)
    {
        ArgumentNullException.ThrowIfNull(card);
        return new Detector(card, network, Repairer.Of(network, card.Config), card.Calibration);
    }

    /// <summary>Reads a model file, to work on the CPU through ONNX Runtime.</summary>
    /// <exception cref="InvalidDataException">It is damaged, no model of Fae's, or its weights do not fit its configuration.</exception>
    /// <exception cref="NotSupportedException">Its network is of a kind that there is no graph for.</exception>
    public static Detector Load(string path)
    {
        var (card, weights) = ModelFile.Read(path);
        return Of(card, new OnnxNetwork(card.Config.Network, card.Channels, weights));
    }

    /// <summary>The same detector with another calibration; it shares the network and does not own it.</summary>
    public Detector With(Calibration calibration) => new(Card, network, repairer, calibration);

    /// <summary>The same detector looking at pictures in the views and windows of this configuration; its thresholds are to be fitted anew.</summary>
    public Detector Seeing(Config config) => new(Card, network, Repairer.Of(network, config), Calibration);

    /// <summary>Thresholds for another way of scoring, from held-out good images.</summary>
    public Calibration Fit(Scoring scoring, CalibrationSettings settings, IReadOnlyList<Image> heldOut) =>
        Calibrator.Fit(scoring, settings, repairer, heldOut, Card.Ignore);

    /// <summary>Inspects prepared images: of the model's size, or, where it looks at windows, of any shapes.</summary>
    public IReadOnlyList<Finding> Inspect(IReadOnlyList<Image> images)
    {
        ArgumentNullException.ThrowIfNull(images);
        if (repairer.Inspect(images, Calibration.Scoring, Card.Ignore) is { } seen)
            return images.Zip(seen, (image, one) => Found(image, one.Answer, one.Heatmap, one.Score)).ToList();
        var pairs = images.Zip(repairer.Reconstruct(images));
        return images.Count == 1
            ? pairs.Select(pair => Judge(pair.First, pair.Second)).ToList()
            : pairs.AsParallel().AsOrdered().Select(pair => Judge(pair.First, pair.Second)).ToList();
    }

    /// <summary>f(x) of a prepared image, in the straight view alone.</summary>
    public Image Reconstruct(Image image) => Difference.colours(image.Channels, network.Reconstruct([image])[0]);

    /// <inheritdoc/>
    public void Dispose() => network.Dispose();

    private Finding Judge(Image image, Image reconstruction)
    {
        var heatmap = ScoringKernel.Heatmap(Calibration.Scoring, image, reconstruction);
        return Found(image, reconstruction, heatmap, ScoringKernel.Score(Calibration.Scoring, ignore, heatmap));
    }

    private Finding Found(Image image, Image reconstruction, Image heatmap, float score) =>
        new(Difference.colours(image.Channels, reconstruction), heatmap, CalibrationModule.verdict(Calibration, score), ScoringModule.regions(ignore, Calibration.PixelThreshold, heatmap).ToList());
}
