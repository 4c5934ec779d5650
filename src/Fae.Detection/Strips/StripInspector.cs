using Fae.Core;
using Fae.Kernels;

namespace Fae.Detection;

/// <summary>The rows of a strip that are done: the prepared picture's planes, and one plane of heatmap. From row <c>Top</c> on.</summary>
public sealed record StripRows(long Top, Image Picture, Image Heatmap);

/// <summary>
/// A detector with tiles on a picture whose rows come one after the other: same heatmap, regions and score as on the whole picture, in
/// memory for a few hundred rows. Not thread-safe.
/// </summary>
public sealed class StripInspector
{
    private readonly Detector detector;
    private readonly RowChain stages;
    private readonly RegionTracker regions;
    private readonly ScoreRows score;
    private readonly Action<StripRows>? seen;
    private long done;

    /// <summary>For rows that have so many pixels when they are prepared, before the light is divided out.</summary>
    /// <param name="detector">One that <see cref="Problem"/> has nothing against.</param>
    /// <param name="width">Pixels of a prepared row.</param>
    /// <param name="longest">A region is cut after so many rows; 0: never.</param>
    /// <param name="seen">Hears of all rows that are done, in order.</param>
    /// <param name="scale">Rows that come for each prepared row, to be resized; null: they are prepared.</param>
    /// <exception cref="NotSupportedException">The detector cannot inspect strips.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A tile is wider than the rows.</exception>
    public StripInspector(Detector detector, int width, int longest = 0, Action<StripRows>? seen = null, double? scale = null)
    {
        ArgumentNullException.ThrowIfNull(detector);
        if (Problem(detector) is { } problem)
            throw new NotSupportedException(problem);
        var config = detector.Card.Config;
        var tiling = InputGeometry.tiling(config)!.Value;
        ArgumentOutOfRangeException.ThrowIfLessThan(width, tiling.Side);
        this.detector = detector;
        this.seen = seen;
        var way = detector.Calibration.Scoring;
        stages = new RowChain([
            .. PreparedRows.Stages(config, width, scale),
            new RowTiles(tiling, detector.InViews),
            new RowFilter(ScoringModule.reach(way), Difference.rowStep(way.Measure), PreparedRows.AtOnce, WithHeatmap),
        ]);
        regions = new RegionTracker(detector.Calibration.PixelThreshold, longest);
        score = new ScoreRows(way, width);
    }

    /// <summary>Rows, at most, that come between a prepared row and the end of the regions in it.</summary>
    public static int Delay(Detector detector)
    {
        ArgumentNullException.ThrowIfNull(detector);
        var config = detector.Card.Config;
        var way = detector.Calibration.Scoring;
        var light = config.Image.IlluminationSigma > 0 ? PreparedRows.LightReach(config.Image.IlluminationSigma) + PreparedRows.AtOnce : 0;
        return light + 2 * config.Image.Size + ScoringModule.reach(way) + PreparedRows.AtOnce;
    }

    /// <summary>Why a detector cannot inspect strips; null if it can.</summary>
    public static string? Problem(Detector detector)
    {
        ArgumentNullException.ThrowIfNull(detector);
        var config = detector.Card.Config;
        if (config.Image.Tile == 0)
            return "the model looks at whole pictures; train it with image.tile, to look at them in tiles";
        if (detector.Card.Ignore is not null)
            return "the model has an ignore mask, which belongs to whole pictures";
        return 2 * detector.Calibration.Scoring.Border >= config.Image.Size ? "its border leaves nothing of a tile" : null;
    }

    /// <summary>The next rows, before the light is divided out; returns the regions that ended, in pixels of the prepared rows.</summary>
    public IReadOnlyList<StripRegion> Push(Image rows)
    {
        var ended = new List<StripRegion>();
        foreach (var part in stages.Push(rows))
            Judge(part, ended);
        return ended;
    }

    /// <summary>The strip has ended: its last regions, and the verdict on all of it.</summary>
    /// <exception cref="InvalidOperationException">The strip has fewer rows than a tile.</exception>
    public (IReadOnlyList<StripRegion> Regions, Prediction Prediction) Complete()
    {
        var last = new List<StripRegion>();
        foreach (var part in stages.Complete())
            Judge(part, last);
        last.AddRange(regions.Complete());
        return (last, CalibrationModule.predict(detector.Calibration, score.Complete()));
    }

    private void Judge(Image rows, List<StripRegion> ended)
    {
        var channels = rows.Channels - 1;
        var heatmap = ImageModule.plane(channels, rows);
        score.Push(heatmap);
        seen?.Invoke(new StripRows(done, Difference.reconstruction(channels, rows), heatmap));
        done += rows.Height;
        ended.AddRange(regions.Push(heatmap));
    }

    /// <summary>From a picture's planes and the network's answer to the picture's planes and the heatmap.</summary>
    private Image WithHeatmap(Image rows)
    {
        var channels = detector.Card.Channels;
        var picture = Difference.reconstruction(channels, rows);
        var answer = ImageModule.ofArray(rows.Channels - channels, rows.Height, rows.Width, rows.Pixels[picture.Pixels.Length..]);
        var heatmap = ScoringKernel.Heatmap(detector.Calibration.Scoring, picture, answer);
        return ImageModule.ofArray(channels + 1, rows.Height, rows.Width, [.. picture.Pixels, .. heatmap.Pixels]);
    }
}
