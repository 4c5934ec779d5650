using Fae.Core;
using Fae.Detection;
using Microsoft.ML.OnnxRuntime;
using static Onnx.TensorProto.Types;

namespace Fae.Training;

/// <summary>
/// Distances of a picture's patches to the entries of a memory bank that are of other pictures,
/// <c>Fae.Core.MemoryBank.nearestOfOthers</c>.
/// </summary>
internal sealed class DistanceToOthers : IDisposable
{
    private const string Input = "patches";
    private const string Output = "distances";

    /// <summary>Patches that are compared with all entries at once.</summary>
    private const int PatchesAtOnce = 2048;

    private readonly int[] owners;
    private readonly OnnxSession session;

    /// <summary>For a bank, (entries, d), and the number of the picture that each entry is of.</summary>
    public DistanceToOthers(NamedArray bank, int[] owners)
    {
        this.owners = owners;
        var graph = new OnnxGraph();
        var patches = graph.Input(Input, DataType.Float, "patches", bank.Shape[1]);
        graph.Output(Output, DataType.Float, MemoryBankGraph.Distances(graph, patches, graph.Weight(bank)), "patches", bank.Shape[0]);
        session = OnnxSession.Of(graph.ToModel("FaeDistanceToOthers"));
    }

    /// <summary>Entries that patches are compared with.</summary>
    public int Entries => owners.Length;

    /// <summary>
    /// (1, h, w): the distance of each place of an embedding (d, h, w) to the nearest entry of another picture; of ignored places the mean
    /// of the others; 0 where all entries are the picture's own.
    /// </summary>
    public Image Map(Image embedding, int picture, Image? ignore)
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

    /// <inheritdoc/>
    public void Dispose() => session.Dispose();

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
}
