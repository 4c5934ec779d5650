using Fae.Core;
using Fae.Detection;
using Microsoft.FSharp.Collections;
using Microsoft.ML.OnnxRuntime;
using static Onnx.TensorProto.Types;

namespace Fae.Training;

/// <summary>
/// What is usual at each place of a memory bank's map, <c>Fae.Core.MemoryBank.places</c>: from the distances of training pictures to the
/// entries that are not theirs.
/// </summary>
internal sealed class BankPlaces : IDisposable
{
    private const string Input = "patches";
    private const string Output = "distances";
    private const int BatchSize = 8;

    /// <summary>Patches that are compared with all entries at once.</summary>
    private const int PatchesAtOnce = 2048;

    /// <summary>Pictures that are looked at, and how few are too few.</summary>
    private const int MostPictures = 48,
        FewestPictures = 8;

    /// <summary>Multiplications, a few seconds of them: of large pictures fewer are looked at.</summary>
    private const double MostProducts = 4e11;

    /// <summary>Where no place differs by more from the others, none is kept.</summary>
    private const float Negligible = 0.02f;

    private readonly FeatureExtractor extractor;
    private readonly int[] owners;
    private readonly OnnxSession session;

    /// <summary>For a bank, (entries, d), and the number of the picture that each entry is of.</summary>
    public BankPlaces(FeatureExtractor extractor, NamedArray bank, int[] owners)
    {
        (this.extractor, this.owners) = (extractor, owners);
        var graph = new OnnxGraph();
        var patches = graph.Input(Input, DataType.Float, "patches", bank.Shape[1]);
        graph.Output(Output, DataType.Float, MemoryBankGraph.Distances(graph, patches, graph.Weight(bank)), "patches", bank.Shape[0]);
        session = OnnxSession.Of(graph.ToModel("FaeBankPlaces"));
    }

    /// <summary>
    /// (1, 1, h, w), without a name; null where there are too few pictures or every place is like the others. Places are those of the
    /// straight view; <paramref name="views"/> are what pictures are inspected in.
    /// </summary>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public NamedArray? Fit(
        IEnumerable<Image> pictures,
        int number,
        Image? ignore,
        IReadOnlyList<View> views,
        Action<double> tell,
        CancellationToken stop
    )
    {
        if (number < FewestPictures)
            return null;
        var maps = new List<Image>();
        var most = MostPictures;
        var some = pictures
            .Select((picture, i) => (Picture: picture, Number: i))
            .Where(one => one.Number % Math.Max(1, number / MostPictures) == 0);
        foreach (var batch in some.Chunk(BatchSize))
        {
            foreach (var (embedding, one) in extractor.Embed([.. batch.Select(one => one.Picture)]).Zip(batch))
            {
                stop.ThrowIfCancellationRequested();
                most = Math.Clamp((int)(MostProducts / ((double)embedding.Pixels.Length * owners.Length)), FewestPictures, MostPictures);
                maps.Add(InViews(Distances(embedding, one.Number, ignore), views));
                tell(Math.Min(1, maps.Count / (double)Math.Min(most, number)));
                if (maps.Count == most)
                    break;
            }
            if (maps.Count == most)
                break;
        }
        var places = MemoryBank.places(ListModule.OfSeq(maps));
        return places.Pixels.All(place => Math.Abs(place - 1) <= Negligible)
            ? null
            : new NamedArray("", [1, 1, places.Height, places.Width], places.Pixels);
    }

    /// <inheritdoc/>
    public void Dispose() => session.Dispose();

    /// <summary>Distances to the nearest entry of another picture; of ignored patches the mean of the others.</summary>
    private Image Distances(Image embedding, int picture, Image? ignore)
    {
        var distances = new float[embedding.Area];
        for (var from = 0; from < distances.Length; from += PatchesAtOnce)
        {
            var count = Math.Min(PatchesAtOnce, distances.Length - from);
            using var input = OrtValue.CreateTensorValueFromMemory(Patches(embedding, from, count), [count, embedding.Channels]);
            session.Run(
                Input,
                input,
                [Output],
                outputs =>
                {
                    var all = outputs[0].GetTensorDataAsSpan<float>();
                    for (var i = 0; i < count; i++)
                        distances[from + i] = Nearest(all.Slice(i * owners.Length, owners.Length), picture);
                    return 0;
                }
            );
        }
        var visible = MemoryBankFitter.Visible(embedding, ignore).ToHashSet();
        if (visible.Count < distances.Length && visible.Count > 0)
        {
            var mean = visible.Average(place => distances[place]);
            for (var i = 0; i < distances.Length; i++)
                if (!visible.Contains(i))
                    distances[i] = mean;
        }
        return ImageModule.ofArray(1, embedding.Height, embedding.Width, distances);
    }

    private float Nearest(ReadOnlySpan<float> distances, int picture)
    {
        var nearest = float.PositiveInfinity;
        for (var entry = 0; entry < distances.Length; entry++)
            if (owners[entry] != picture)
                nearest = Math.Min(nearest, distances[entry]);
        // A bank of one picture alone.
        return float.IsFinite(nearest) ? nearest : 0;
    }

    private static float[] Patches(Image embedding, int from, int count)
    {
        var patches = new float[count * embedding.Channels];
        for (var d = 0; d < embedding.Channels; d++)
        for (var i = 0; i < count; i++)
            patches[i * embedding.Channels + d] = embedding.Pixels[d * embedding.Area + from + i];
        return patches;
    }

    /// <summary>The mean over views, as the mean of the views' maps will be.</summary>
    private static Image InViews(Image map, IReadOnlyList<View> views) =>
        views.Count == 1
            ? map
            : views
                .Select(view => ViewModule.apply(view, map))
                .Aggregate((sum, view) => ImageModule.ofArray(1, sum.Height, sum.Width, [.. sum.Pixels.Zip(view.Pixels, (a, b) => a + b)]));
}
