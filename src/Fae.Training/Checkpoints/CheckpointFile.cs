using System.Globalization;
using System.Text.Json;
using Fae.Detection;

namespace Fae.Training;

/// <summary>A checkpoint on disk: one safetensors file with the prefixes net., best. and adam.</summary>
public static class CheckpointFile
{
    private const string Net = "net.";
    private const string Best = "best.";
    private const string Optimiser = "adam.";

    /// <summary>Writes a checkpoint atomically; <paramref name="fingerprint"/> identifies the run.</summary>
    public static void Write(string path, Checkpoint checkpoint, string fingerprint)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        var arrays = checkpoint
            .Weights.Select(a => a with { Name = Net + a.Name })
            .Concat(checkpoint.Best.Select(a => a with { Name = Best + a.Name }))
            .Concat(checkpoint.Optimiser)
            .ToList();
        SafeTensors.Write(
            path,
            new SafeTensorsContent(
                arrays,
                [],
                new Dictionary<string, string>
                {
                    ["fae.step"] = checkpoint.Step.ToString(CultureInfo.InvariantCulture),
                    ["fae.best_auroc"] = checkpoint.BestAuroc.ToString("R", CultureInfo.InvariantCulture),
                    ["fae.fingerprint"] = fingerprint,
                    ["fae.curve"] = JsonSerializer.Serialize(checkpoint.Curve),
                }
            )
        );
    }

    /// <summary>Reads a checkpoint of the run with this fingerprint.</summary>
    /// <exception cref="InvalidDataException">It is damaged, or of another configuration or data set.</exception>
    public static Checkpoint Read(string path, string fingerprint)
    {
        using var stream = File.OpenRead(path);
        return Read(stream, fingerprint);
    }

    /// <summary>Reads a checkpoint from the beginning of a seekable stream.</summary>
    /// <exception cref="InvalidDataException">It is damaged, or of another configuration or data set.</exception>
    public static Checkpoint Read(Stream stream, string fingerprint)
    {
        var content = SafeTensors.Read(stream);
        if (!content.Metadata.TryGetValue("fae.fingerprint", out var found) || found != fingerprint)
            throw new InvalidDataException("it belongs to another configuration, seed or data set");
        if (
            !int.TryParse(content.Metadata.GetValueOrDefault("fae.step"), CultureInfo.InvariantCulture, out var step)
            || !double.TryParse(content.Metadata.GetValueOrDefault("fae.best_auroc"), CultureInfo.InvariantCulture, out var auroc)
        )
            throw new InvalidDataException("its metadata is damaged");
        List<NamedArray> Under(string prefix, bool strip) =>
            content
                .Arrays.Where(a => a.Name.StartsWith(prefix, StringComparison.Ordinal))
                .Select(a => strip ? a with { Name = a.Name[prefix.Length..] } : a)
                .ToList();
        return new Checkpoint(
            step,
            Under(Net, true),
            Under(Optimiser, false),
            Under(Best, true),
            auroc,
            Curve(content.Metadata.GetValueOrDefault("fae.curve", "[]"))
        );
    }

    private static TrainProgress[] Curve(string json)
    {
        try
        {
            return JsonSerializer.Deserialize<TrainProgress[]>(json) ?? [];
        }
        catch (JsonException e)
        {
            throw new InvalidDataException("its training curve is damaged", e);
        }
    }
}
