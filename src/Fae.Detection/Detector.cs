using Fae.Core;
using Fae.Kernels;
using Microsoft.FSharp.Core;

namespace Fae.Detection;

/// <summary>The result for one prepared image; heatmap and regions have its size.</summary>
public sealed record Finding(Image Reconstruction, Image Heatmap, Prediction Prediction, IReadOnlyList<Region> Regions)
{
    /// <summary>
    /// Of a picture that was inspected in strips, the regions in its own pixels; the heatmap is then smaller than what was inspected, each
    /// value the largest of those that it stands for, and has no reconstruction. Null of others.
    /// </summary>
    public IReadOnlyList<ImageRegion>? InStrips { get; init; }
}

/// <summary>A trained model: prepared images in, findings out. Thread-safe.</summary>
public sealed class Detector : IDisposable
{
    private readonly IReconstructor network;
    private readonly TestTimeAugmentation views;
    private readonly FSharpOption<Image>? ignore;
    private readonly bool owns;
    private volatile bool disposed;

    private Detector(ModelCard card, IReconstructor network, TestTimeAugmentation views, Calibration calibration, bool owns)
    {
        this.owns = owns;
        Card = card;
        Calibration = calibration;
        this.network = network;
        this.views = views;
        ignore = card.Ignore.ToOption();
    }

    /// <summary>What is known of the model, without its pretrained network and its self-check pictures.</summary>
    public ModelCard Card { get; }

    /// <summary>Scoring and thresholds.</summary>
    public Calibration Calibration { get; }

    /// <summary>A detector from a model card and a network, which it owns from now on.</summary>
    public static Detector Of(ModelCard card, IReconstructor network)
    {
        ArgumentNullException.ThrowIfNull(card);
        var known = card.WithoutArrays();
        return new Detector(known, network, TestTimeAugmentation.Of(network, card.Config), card.Calibration, owns: true);
    }

    /// <summary>Reads a model file, for ONNX Runtime: on the CPU, or as the options say.</summary>
    /// <exception cref="InvalidDataException">It is damaged, no model of Fae's, or its weights do not fit its configuration.</exception>
    /// <exception cref="NotSupportedException">Its network is of a kind that there is no graph for, or the options' provider is not
    /// there.</exception>
    public static Detector Load(string path, OnnxOptions? options = null)
    {
        var (card, weights) = ModelFile.Read(path);
        return Of(card, new OnnxNetwork(card.Config.Network, card.Channels, weights, card.Backbone, options));
    }

    /// <summary>The same detector with another calibration; it shares the network and lives as long as this one.</summary>
    public Detector With(Calibration calibration) => new(Card, network, views, calibration, owns: false);

    /// <summary>The same detector with the views and tiles of this configuration; its thresholds are to be fitted anew.</summary>
    public Detector WithViews(Config config) => new(Card, network, TestTimeAugmentation.Of(network, config), Calibration, owns: false);

    /// <summary>Thresholds for another way of scoring, from held-out good images.</summary>
    public Calibration Fit(ScoringCandidate candidate, CalibrationSettings settings, IReadOnlyList<Image> heldOut) =>
        Calibrator.Fit(candidate, settings, views, heldOut, Card.Ignore);

    /// <summary>Inspects prepared images: of the model's size, or, with tiles, of any shape.</summary>
    /// <exception cref="ObjectDisposedException">It, or the detector whose network it shares, has been disposed of.</exception>
    public IReadOnlyList<Finding> Inspect(IReadOnlyList<Image> images)
    {
        ArgumentNullException.ThrowIfNull(images);
        ObjectDisposedException.ThrowIf(disposed, this);
        if (views.Inspect(images, Calibration.Scoring, Card.Ignore) is { } seen)
            return images.Zip(seen, (image, one) => Found(image, one.Answer, one.Heatmap, one.Score)).ToList();
        var pairs = images.Zip(views.Reconstruct(images));
        return images.Count == 1
            ? pairs.Select(pair => Judge(pair.First, pair.Second)).ToList()
            : pairs.AsParallel().AsOrdered().Select(pair => Judge(pair.First, pair.Second)).ToList();
    }

    /// <summary>A prepared image and the network's whole output for it, over all views.</summary>
    public ReconstructionPair Answer(Image image) => new(image, views.Reconstruct([image])[0]);

    /// <summary>f(x) of a prepared image, in the straight view alone.</summary>
    public Image Reconstruct(Image image) => Difference.reconstruction(image.Channels, network.Reconstruct([image])[0]);

    /// <summary>f̄(x) of windows of a tile's size.</summary>
    internal IReadOnlyList<Image> InViews(IReadOnlyList<Image> windows)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        return views.InViews(windows);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        disposed = true;
        if (owns)
            network.Dispose();
    }

    private Finding Judge(Image image, Image reconstruction)
    {
        var heatmap = ScoringKernel.Heatmap(Calibration.Scoring, image, reconstruction);
        return Found(image, reconstruction, heatmap, ScoringKernel.Score(Calibration.Scoring, ignore, heatmap));
    }

    private Finding Found(Image image, Image reconstruction, Image heatmap, float score) =>
        new(
            Difference.reconstruction(image.Channels, reconstruction),
            heatmap,
            CalibrationModule.predict(Calibration, score),
            ScoringModule.regions(ignore, Calibration.PixelThreshold, heatmap).ToList()
        );
}
