using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Fae.Core;
using Fae.Detection;
using Fae.Imaging;
using Microsoft.FSharp.Core;

namespace Fae;

/// <summary>
/// A trained model, loaded from the file that <c>fae train</c> wrote. Runs by ONNX Runtime, without libtorch: on the CPU, or where its
/// options say. Thread-safe: one detector serves a whole program.
/// </summary>
/// <example>
/// <code>
/// using var detector = Detector.Load("model.safetensors");
/// Inspection part = detector.Inspect("part.png");
/// if (part.Verdict != Verdict.Good) Reject(part);
/// </code>
/// </example>
public sealed class Detector : IDisposable
{
    private const int AtOnce = 8;
    private readonly Detection.Detector inner;
    private readonly Lock large = new();

    private Detector(Detection.Detector inner) => this.inner = inner;

    /// <summary>The side of the square that the network sees, or the shorter side where it is not square.</summary>
    public int Size => inner.Card.Config.Image.Size;

    /// <summary>Planes of a picture: 1 for grey, 3 for colour. Pictures of the other kind are converted.</summary>
    public int Channels => inner.Card.Channels;

    /// <summary>Scores above are anomalous.</summary>
    public float Threshold => inner.Calibration.ImageThreshold;

    /// <summary>The share of good parts that are called anomalous, at most on average.</summary>
    public double FalseAlarm => inner.Calibration.FalseAlarm;

    /// <summary>The scores of the held-out good parts that the threshold rests on, ascending.</summary>
    public IReadOnlyList<float> GoodScores => inner.Calibration.HeldOut.Order().ToList();

    /// <summary>Reads a model file, or the model of a run's folder.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="InvalidDataException">It is damaged or no model of Fae's; the message says how.</exception>
    /// <exception cref="NotSupportedException">Its network is one of those that work in libtorch alone, or the options ask for an
    /// execution provider that the program's ONNX Runtime lacks.</exception>
    /// <exception cref="PlatformNotSupportedException">Fae's native libraries are not there for this system.</exception>
    public static Detector Load(string path, DetectorOptions? options = null)
    {
        if (Platform.problem() is { } problem)
            throw new PlatformNotSupportedException(problem.Value);
        return new(Detection.Detector.Load(ModelFile.PathOf(path), (options ?? DetectorOptions.Default).ForOnnx()));
    }

    /// <summary>Reads a model file, or says why it cannot.</summary>
    public static bool TryLoad(
        string path,
        [NotNullWhen(true)] out Detector? detector,
        [NotNullWhen(false)] out string? problem,
        DetectorOptions? options = null
    )
    {
        try
        {
            (detector, problem) = (Load(path, options), null);
            return true;
        }
        catch (Exception e) when (e is IOException or InvalidDataException or NotSupportedException or UnauthorizedAccessException)
        {
            (detector, problem) = (null, $"{path}: {e.Message}");
            return false;
        }
    }

    /// <summary>The same detector at another rate of false alarms; it shares the network and lives as long as this one.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is no rate, or lower than the held-out good parts can promise.</exception>
    public Detector At(double falseAlarm)
    {
        var changed = CalibrationModule.atRate(falseAlarm, inner.Calibration);
        return changed.IsOk
            ? new Detector(inner.With(changed.ResultValue))
            : throw new ArgumentOutOfRangeException(
                nameof(falseAlarm),
                $"{falseAlarm} is no rate that {inner.Calibration.HeldOut.Length} held-out good parts can promise"
            );
    }

    /// <summary>Inspects a picture. One that cannot be read gives an inspection that says so.</summary>
    public Inspection Inspect(ImageSource image)
    {
        ArgumentNullException.ThrowIfNull(image);
        return Judge([Prepare(image)])[0];
    }

    /// <summary>Inspects pictures together, which is faster than one after the other; the answers are in their order.</summary>
    public IReadOnlyList<Inspection> Inspect(IReadOnlyList<ImageSource> images, CancellationToken stop = default)
    {
        ArgumentNullException.ThrowIfNull(images);
        return images
            .Chunk(AtOnce)
            .SelectMany(some =>
            {
                stop.ThrowIfCancellationRequested();
                return Judge(some.AsParallel().AsOrdered().Select(Prepare).ToList());
            })
            .ToList();
    }

    /// <summary>
    /// Begins to inspect a strip: a picture without an end, whose rows come from a line-scan camera. The detector must have tiles
    /// (<c>image.tile</c>); it lives at least as long as the strip.
    /// </summary>
    /// <param name="width">Pixels of a row.</param>
    /// <param name="format">How rows lie in memory: one of the formats whose rows stand for themselves, neither planar nor a
    /// mosaic.</param>
    /// <param name="bits">Those that sixteen-bit values use (12 for Mono12), 0 where they are as the training pictures had them.</param>
    /// <param name="longestRegion">A region is reported in parts of at most so many rows; 0: only when it has ended.</param>
    /// <exception cref="NotSupportedException">The detector has no tiles, or it has an ignore mask, or the format is planar or a
    /// mosaic.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A row is narrower than a tile.</exception>
    public StripInspection InspectStrip(int width, PixelFormat format, int bits = 0, int longestRegion = StripInspection.UsualLongest) =>
        new(inner, width, format, bits, longestRegion);

    /// <summary>Inspects a picture on another thread.</summary>
    public Task<Inspection> InspectAsync(ImageSource image, CancellationToken stop = default) => Task.Run(() => Inspect(image), stop);

    /// <summary>
    /// Inspects a stream of pictures, in order. Pictures are read while earlier ones are inspected; waiting pictures are inspected in small
    /// batches.
    /// </summary>
    public async IAsyncEnumerable<Inspection> InspectAsync(
        IAsyncEnumerable<ImageSource> images,
        [EnumeratorCancellation] CancellationToken stop = default
    )
    {
        ArgumentNullException.ThrowIfNull(images);
        var prepared = Channel.CreateBounded<Prepared>(AtOnce);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var reading = Task.Run(() => Read(images, prepared.Writer, ended.Token), CancellationToken.None);
        try
        {
            while (await prepared.Reader.WaitToReadAsync(stop).ConfigureAwait(false))
            {
                var some = new List<Prepared>();
                while (some.Count < AtOnce && prepared.Reader.TryRead(out var one))
                    some.Add(one);
                foreach (var inspection in await Task.Run(() => Judge(some), stop).ConfigureAwait(false))
                    yield return inspection;
            }
        }
        finally
        {
            await ended.CancelAsync().ConfigureAwait(false);
            await reading.ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => inner.Dispose();

    private async Task Read(IAsyncEnumerable<ImageSource> images, ChannelWriter<Prepared> writer, CancellationToken stop)
    {
        try
        {
            await foreach (var image in images.WithCancellation(stop).ConfigureAwait(false))
                await writer.WriteAsync(Prepare(image), stop).ConfigureAwait(false);
            writer.Complete();
        }
#pragma warning disable CA1031 // whatever the caller's sequence throws is thrown where its answers are read
        catch (Exception e)
#pragma warning restore CA1031
        {
            writer.Complete(e);
        }
    }

    private Prepared Prepare(ImageSource image)
    {
        if (image.Path is { } path && LargePictures.Suits(inner, path))
        {
            // One at a time: each takes some hundred megabytes.
            FSharpResult<Inspected, ImageProblem> inspected;
            lock (large)
                inspected = LargePictures.Inspect(inner, path);
            return inspected.IsOk
                ? new Prepared(path, inspected.ResultValue.Picture, null, inspected.ResultValue.Finding)
                : new Prepared(path, null, inspected.ErrorValue.Reason);
        }
        var read = image.Prepare(inner.Card);
        return read.IsOk ? new Prepared(image.Name, read.ResultValue, null) : new Prepared(image.Name, null, read.ErrorValue.Reason);
    }

    private List<Inspection> Judge(IReadOnlyList<Prepared> some)
    {
        var pictures = some.Where(one => one.Finding is null).Select(one => one.Picture).OfType<Picture>().ToList();
        var findings = new Queue<Finding>(inner.Inspect(pictures.Select(picture => picture.Image).ToList()));
        return some.Select(one =>
                one.Picture is { } picture
                    ? new Inspection(one.Name, picture, one.Finding ?? findings.Dequeue(), inner.Calibration, inner.Card.Fingerprint)
                    : new Inspection(one.Name, one.Problem ?? "", inner.Calibration, inner.Card.Fingerprint)
            )
            .ToList();
    }

    private sealed record Prepared(string Name, Picture? Picture, string? Problem, Finding? Finding = null);
}
