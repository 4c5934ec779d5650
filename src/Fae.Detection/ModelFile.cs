using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Fae.Core;
using Microsoft.FSharp.Collections;

namespace Fae.Detection;

/// <summary>What is known of a model besides its weights.</summary>
public sealed record ModelCard(Config Config, int Channels, Calibration Calibration, IReadOnlyList<string> TrainedOn, IReadOnlyList<string> HeldOut, string Curve, string Choice, Image? Ignore)
{
    /// <summary>Held-out good pictures with what the model said of them when it was made: whatever is made of the model must say the same.</summary>
    public IReadOnlyList<Probe> Probes { get; init; } = [];

    /// <summary>Tells models apart whose scores are not to be compared, by their weights and their way of scoring; empty for one that was not read from a file.</summary>
    public string Fingerprint { get; init; } = "";

    /// <summary>The version of what trained it; empty where it is not known.</summary>
    public string Torch { get; init; } = "";

    /// <summary>The same model with other thresholds.</summary>
    public ModelCard With(Calibration calibration) => this with
    {
        Calibration = calibration,
        Probes = Probes.Select(probe => probe with { PValue = Conformal.pValue(calibration.HeldOut, probe.Score) }).ToList(),
    };
}

/// <summary>A picture as a camera gives it, height × width × channels bytes, and what a model said of it.</summary>
public sealed record Probe(int Height, int Width, int Channels, byte[] Pixels, float Score, double PValue);

/// <summary>
/// The model file: one safetensors file, weights as arrays, everything else in its metadata (all values texts): fae.format, fae.version,
/// fae.config (JSON, dotted keys), fae.channels, fae.calibration, fae.trained_on, fae.held_out, fae.curve, fae.choice, fae.probes; probe pictures are arrays of bytes.
/// </summary>
public static class ModelFile
{
    /// <summary>The newest format that this build reads and the one that it writes.</summary>
    public const int Format = 1;

    private const string IgnoreMask = "fae.ignore_mask";
    private const string ProbePicture = "fae.probe.";

    /// <summary>The model file of a run's folder, or the file itself.</summary>
    public static string PathOf(string run) => Directory.Exists(run) ? Path.Combine(run, "model.safetensors") : run;

    /// <summary>Writes a model atomically; <paramref name="torch"/> is the version of what trained it.</summary>
    public static void Write(string path, ModelCard card, IReadOnlyList<NamedArray> weights, string torch)
    {
        ArgumentNullException.ThrowIfNull(card);
        var arrays = card.Ignore is { } ignore ? weights.Append(new NamedArray(IgnoreMask, [1, ignore.Height, ignore.Width], ignore.Pixels)).ToList() : weights;
        var probes = card.Probes.Select((probe, i) => new NamedBytes($"{ProbePicture}{i}", [probe.Height, probe.Width, probe.Channels], probe.Pixels)).ToList();
        SafeTensors.Write(path, new SafeTensorsContent(arrays, probes, new Dictionary<string, string>
        {
            ["fae.format"] = Format.ToString(CultureInfo.InvariantCulture),
            ["fae.version"] = typeof(ModelFile).Assembly.GetName().Version?.ToString(3) ?? "",
            ["fae.torch"] = torch,
            ["fae.seed"] = card.Config.Train.Seed.ToString(CultureInfo.InvariantCulture),
            ["fae.config"] = ConfigToJson(card.Config).ToJsonString(),
            ["fae.channels"] = card.Channels.ToString(CultureInfo.InvariantCulture),
            ["fae.calibration"] = CalibrationToJson(card.Calibration).ToJsonString(),
            ["fae.trained_on"] = JsonSerializer.Serialize(card.TrainedOn),
            ["fae.held_out"] = JsonSerializer.Serialize(card.HeldOut),
            ["fae.curve"] = card.Curve,
            ["fae.choice"] = card.Choice,
            ["fae.probes"] = new JsonArray(card.Probes.Select(probe => (JsonNode?)new JsonObject { ["score"] = probe.Score, ["p_value"] = probe.PValue }).ToArray()).ToJsonString(),
        }));
    }

    /// <summary>Reads a model.</summary>
    /// <exception cref="InvalidDataException">It is damaged, no model of Fae's, or of a newer format.</exception>
    public static (ModelCard Card, IReadOnlyList<NamedArray> Weights) Read(string path)
    {
        using var stream = File.OpenRead(path);
        return Read(stream);
    }

    /// <summary>Reads a model from the beginning of a stream that can be sought in.</summary>
    /// <exception cref="InvalidDataException">It is damaged, no model of Fae's, or of a newer format.</exception>
    public static (ModelCard Card, IReadOnlyList<NamedArray> Weights) Read(Stream stream)
    {
        var content = SafeTensors.Read(stream);
        string Text(string key) => content.Metadata.TryGetValue(key, out var text)
            ? text
            : throw new InvalidDataException($"it is a safetensors file, but no Fae model: '{key}' is missing");
        try
        {
            if (!int.TryParse(Text("fae.format"), CultureInfo.InvariantCulture, out var format) || format < 1)
                throw new InvalidDataException("its format number is damaged");
            if (format > Format)
                throw new InvalidDataException($"it has format {format}, this build reads up to {Format}: use a newer Fae");
            var card = new ModelCard(
                ConfigFromJson(Parse(Text("fae.config"))),
                int.Parse(Text("fae.channels"), CultureInfo.InvariantCulture),
                CalibrationFromJson(Parse(Text("fae.calibration"))),
                Texts(Text("fae.trained_on")),
                Texts(Text("fae.held_out")),
                Text("fae.curve"),
                Text("fae.choice"),
                content.Arrays.FirstOrDefault(a => a.Name == IgnoreMask) is { Shape: [1, var h, var w] } mask ? ImageModule.ofArray(1, (int)h, (int)w, mask.Values) : null)
            {
                Probes = ProbesOf(content),
                Torch = content.Metadata.GetValueOrDefault("fae.torch", ""),
                Fingerprint = FingerprintOf(content, Parse(Text("fae.calibration"))),
            };
            if (card.Channels is not (1 or 3))
                throw new InvalidDataException($"it wants images of {card.Channels} channels");
            return (card, content.Arrays);
        }
        catch (Exception e) when (SafeTensors.MeansDamage(e))
        {
            throw new InvalidDataException("its metadata is damaged", e);
        }
    }

    /// <summary>A configuration as an object of dotted keys.</summary>
    public static JsonObject ConfigToJson(Config config)
    {
        var json = new JsonObject();
        foreach (var field in ConfigModule.fields)
            json[field.Key] = ToJson(field.Get.Invoke(config));
        return json;
    }

    /// <summary>A digest of the weights and of all that a score depends on besides them; thresholds and the scores that they rest on are left out.</summary>
    private static string FingerprintOf(SafeTensorsContent content, JsonObject calibration)
    {
        string[] scoring = ["measure", "filter_size", "filter_passes", "reduction", "top", "frame", "typical"];
        using var digest = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var array in content.Arrays)
            digest.AppendData(MemoryMarshal.AsBytes(array.Values.AsSpan()));
        foreach (var key in scoring)
            digest.AppendData(Encoding.UTF8.GetBytes($"{key}={calibration[key]?.ToJsonString()};"));
        return Convert.ToHexString(digest.GetHashAndReset())[..16];
    }

    /// <summary>Of a model that has none, none.</summary>
    private static List<Probe> ProbesOf(SafeTensorsContent content)
    {
        if (!content.Metadata.TryGetValue("fae.probes", out var text))
            return [];
        var pictures = content.Bytes.ToDictionary(picture => picture.Name);
        return JsonNode.Parse(text)!.AsArray().Select((said, i) =>
        {
            if (!pictures.TryGetValue($"{ProbePicture}{i}", out var picture) || picture.Shape is not [var height, var width, var channels])
                throw new InvalidDataException("its probe pictures are damaged");
            return new Probe(checked((int)height), checked((int)width), checked((int)channels), picture.Values, said!["score"]!.GetValue<float>(), said["p_value"]!.GetValue<double>());
        }).ToList();
    }

    private static JsonNode ToJson(Setting setting) => setting switch
    {
        Setting.Whole whole => whole.Item,
        Setting.Real real => real.Item,
        Setting.Flag flag => flag.Item,
        Setting.Text text => text.Item,
        Setting.Wholes wholes => new JsonArray(wholes.Item.Select(n => (JsonNode?)n).ToArray()),
        _ => throw new InvalidOperationException("a setting of an unknown kind"),
    };

    private static Config ConfigFromJson(JsonObject json)
    {
        // Models from before there were views were calibrated with one.
        if (!json.ContainsKey("score.views"))
            json["score.views"] = 1;
        var settings = json.Select(entry => Tuple.Create(entry.Key, FromJson(entry.Value!)));
        var applied = ConfigModule.apply(ListModule.OfSeq(settings), ConfigModule.defaults);
        var config = applied.IsOk ? ConfigModule.check(applied.ResultValue) : applied;
        return config.IsOk
            ? config.ResultValue
            : throw new InvalidDataException("its configuration is not one of this build: " + string.Join("; ", config.ErrorValue.Select(ConfigModule.explain)));
    }

    private static Setting FromJson(JsonNode node) => node switch
    {
        JsonArray array => Setting.NewWholes(ListModule.OfSeq(array.Select(n => n!.GetValue<long>()))),
        _ when node.GetValueKind() is JsonValueKind.True or JsonValueKind.False => Setting.NewFlag(node.GetValue<bool>()),
        _ when node.GetValueKind() == JsonValueKind.String => Setting.NewText(node.GetValue<string>()),
        _ => ConfigModule.parse(node.ToJsonString()),
    };

    private static JsonObject CalibrationToJson(Calibration calibration) => new()
    {
        ["measure"] = Difference.name(calibration.Scoring.Measure),
        ["filter_size"] = calibration.Scoring.FilterSize,
        ["filter_passes"] = calibration.Scoring.FilterPasses,
        ["reduction"] = ScoringModule.reductionName(calibration.Scoring.Reduction),
        ["top"] = calibration.Scoring.Reduction is Reduction.Top top ? top.q : 0,
        ["frame"] = calibration.Scoring.Frame,
        ["typical"] = calibration.Scoring.Typical,
        ["held_out"] = new JsonArray(calibration.HeldOut.Select(s => (JsonNode?)s).ToArray()),
        ["image_threshold"] = calibration.ImageThreshold,
        ["false_alarm"] = calibration.FalseAlarm,
        ["pixel_threshold"] = calibration.PixelThreshold,
        ["heat_scale"] = calibration.HeatScale,
    };

    private static Calibration CalibrationFromJson(JsonObject json)
    {
        float Number(string key) => json[key]!.GetValue<float>();
        var measure = Difference.tryParse(json["measure"]!.GetValue<string>()) ?? throw new InvalidDataException("its difference measure is unknown");
        var reduction = json["reduction"]!.GetValue<string>() switch
        {
            "sum" => Reduction.Sum,
            "max" => Reduction.Maximum,
            "top" => Reduction.NewTop(Number("top")),
            var other => throw new InvalidDataException($"its reduction '{other}' is unknown"),
        };
        var size = json["filter_size"]!.GetValue<int>();
        var passes = json["filter_passes"]!.GetValue<int>();
        var frame = json["frame"]!.GetValue<int>();
        if (size < 1 || size % 2 == 0 || passes < 0 || frame < 0)
            throw new InvalidDataException("its mean filter is out of range");
        return new Calibration(
            new Scoring(measure.Value, size, passes, reduction, frame, json["typical"]?.GetValue<float>() ?? 0),
            json["held_out"]!.AsArray().Select(n => n!.GetValue<float>()).ToArray(),
            Number("image_threshold"),
            json["false_alarm"]!.GetValue<double>(),
            Number("pixel_threshold"),
            Number("heat_scale"));
    }

    private static string[] Texts(string json) => JsonNode.Parse(json)!.AsArray().Select(text => text!.GetValue<string>()).ToArray();

    private static JsonObject Parse(string text) => JsonNode.Parse(text)?.AsObject() ?? throw new InvalidDataException("its metadata is damaged");
}
