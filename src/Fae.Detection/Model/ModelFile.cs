using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Fae.Core;

namespace Fae.Detection;

/// <summary>What is known of a model besides its weights.</summary>
public sealed record ModelCard(
    Config Config,
    int Channels,
    Calibration Calibration,
    IReadOnlyList<string> TrainedOn,
    IReadOnlyList<string> HeldOut,
    string Curve,
    string Choice,
    Image? Ignore
)
{
    /// <summary>
    /// Held-out good pictures with the scores that the model gave them when it was made; an export is compared with them.
    /// </summary>
    public IReadOnlyList<SelfCheckPicture> SelfCheck { get; init; } = [];

    /// <summary>
    /// Hash of weights and scoring. Scores of models with different hashes are not comparable. Empty if the model was not read from a file.
    /// </summary>
    public string Fingerprint { get; init; } = "";

    /// <summary>
    /// Digests of the prepared pixels of the pictures that it was trained on and that were held out, by their names: a picture is known by
    /// what it shows and not by its file.
    /// </summary>
    public IReadOnlyDictionary<string, string> Digests { get; init; } = new Dictionary<string, string>();

    /// <summary>The pretrained network whose features it uses, or null.</summary>
    public Backbone? Backbone { get; init; }

    /// <summary>How well features of fewer good pictures tell synthetic defects, as CSV (<c>Fae.Core.LearningCurve</c>); empty where it was
    /// not measured.</summary>
    public string Learning { get; init; } = "";

    /// <summary>
    /// Whether held-out pictures were trained on in the end, as memory banks do after the thresholds are found: they can no longer test the
    /// model. <see cref="ModelFile.WithoutHeldOut"/> names the file of the model that they can.
    /// </summary>
    public bool KnowsHeldOut => HeldOut.Any(TrainedOn.ToHashSet(StringComparer.Ordinal).Contains);

    /// <summary>The version of what trained it; empty where it is not known.</summary>
    public string Torch { get; init; } = "";

    /// <summary>The same without what takes memory and is not needed to inspect: the pretrained network and the self-check
    /// pictures.</summary>
    public ModelCard WithoutArrays() => this with { Backbone = null, SelfCheck = [] };

    /// <summary>The same model with other thresholds.</summary>
    public ModelCard With(Calibration calibration) =>
        this with
        {
            Calibration = calibration,
            SelfCheck = SelfCheck
                .Select(picture => picture with { PValue = Conformal.pValue(calibration.HeldOut, picture.Score) })
                .ToList(),
        };
}

/// <summary>
/// The model file: one safetensors file, weights as arrays, everything else in its metadata (all values texts): fae.format, fae.version,
/// fae.config (TOML), fae.channels, fae.calibration, fae.trained_on, fae.held_out, fae.digests, fae.curve, fae.choice,
/// fae.learning, fae.self_check;
/// self-check pictures are arrays of bytes, and so is the ONNX graph of a backbone (fae.backbone).
/// </summary>
public static class ModelFile
{
    /// <summary>The newest format that this build reads and the one that it writes.</summary>
    public const int Format = 3;

    private const string IgnoreMask = "fae.ignore_mask";
    private const string BackboneName = "fae.backbone";
    private const string SelfCheckPrefix = "fae.self_check.";

    /// <summary>The model file of a run's folder, or the file itself.</summary>
    public static string PathOf(string run) => Directory.Exists(run) ? Path.Combine(run, Main) : run;

    /// <summary>
    /// The file, beside a model's, of the same model before its memory banks got the held-out pictures; where there are no banks, there is
    /// none.
    /// </summary>
    public const string WithoutHeldOut = "held-out.safetensors";

    /// <summary>The name of the model file in a run's folder.</summary>
    public const string Main = "model.safetensors";

    /// <summary>Writes a model atomically; <paramref name="torch"/> is the version of what trained it.</summary>
    public static void Write(string path, ModelCard card, IReadOnlyList<NamedArray> weights, string torch)
    {
        ArgumentNullException.ThrowIfNull(card);
        var arrays = card.Ignore is { } ignore
            ? weights.Append(new NamedArray(IgnoreMask, [1, ignore.Height, ignore.Width], ignore.Pixels)).ToList()
            : weights;
        var bytes = card
            .SelfCheck.Select(
                (picture, i) => new NamedBytes($"{SelfCheckPrefix}{i}", [picture.Height, picture.Width, picture.Channels], picture.Pixels)
            )
            .Concat(card.Backbone is { } backbone ? [new NamedBytes(BackboneName, [backbone.Bytes.Length], backbone.Bytes)] : [])
            .ToList();
        SafeTensors.Write(
            path,
            new SafeTensorsContent(
                arrays,
                bytes,
                new Dictionary<string, string>
                {
                    ["fae.format"] = Format.ToString(CultureInfo.InvariantCulture),
                    ["fae.version"] = typeof(ModelFile).Assembly.GetName().Version?.ToString(3) ?? "",
                    ["fae.torch"] = torch,
                    ["fae.seed"] = card.Config.Train.Seed.ToString(CultureInfo.InvariantCulture),
                    ["fae.config"] = ConfigModule.toToml(card.Config),
                    ["fae.channels"] = card.Channels.ToString(CultureInfo.InvariantCulture),
                    ["fae.calibration"] = JsonSerializer.Serialize(
                        CalibrationJson.Of(card.Calibration),
                        DetectionJson.Default.CalibrationJson
                    ),
                    ["fae.trained_on"] = JsonSerializer.Serialize([.. card.TrainedOn], DetectionJson.Default.StringArray),
                    ["fae.held_out"] = JsonSerializer.Serialize([.. card.HeldOut], DetectionJson.Default.StringArray),
                    ["fae.digests"] = JsonSerializer.Serialize(
                        new Dictionary<string, string>(card.Digests),
                        DetectionJson.Default.DictionaryStringString
                    ),
                    ["fae.curve"] = card.Curve,
                    ["fae.choice"] = card.Choice,
                    ["fae.learning"] = card.Learning,
                    ["fae.self_check"] = JsonSerializer.Serialize(
                        [.. card.SelfCheck.Select(picture => new SelfCheckJson(picture.Score, picture.PValue))],
                        DetectionJson.Default.SelfCheckJsonArray
                    ),
                }
            )
        );
    }

    /// <summary>Reads a model.</summary>
    /// <exception cref="InvalidDataException">It is damaged, no model of Fae's, or of another format.</exception>
    public static (ModelCard Card, IReadOnlyList<NamedArray> Weights) Read(string path)
    {
        using var stream = File.OpenRead(path);
        return Read(stream);
    }

    /// <summary>Reads a model from the beginning of a stream that can be sought in.</summary>
    /// <exception cref="InvalidDataException">It is damaged, no model of Fae's, or of another format.</exception>
    public static (ModelCard Card, IReadOnlyList<NamedArray> Weights) Read(Stream stream)
    {
        var content = SafeTensors.Read(stream);
        string Text(string key) =>
            content.Metadata.TryGetValue(key, out var text)
                ? text
                : throw new InvalidDataException($"it is a safetensors file, but no Fae model: '{key}' is missing");
        try
        {
            if (!int.TryParse(Text("fae.format"), CultureInfo.InvariantCulture, out var format) || format < 1)
                throw new InvalidDataException("its format number is damaged");
            if (format != Format)
                throw new InvalidDataException(
                    $"it has format {format}, this build reads format {Format}: {(format > Format ? "use a newer Fae" : "train it again")}"
                );
            var calibration = Json(Text("fae.calibration"), DetectionJson.Default.CalibrationJson);
            var card = new ModelCard(
                ConfigOf(Text("fae.config")),
                int.Parse(Text("fae.channels"), CultureInfo.InvariantCulture),
                calibration.ToCalibration(),
                Texts(Text("fae.trained_on")),
                Texts(Text("fae.held_out")),
                Text("fae.curve"),
                Text("fae.choice"),
                content.Arrays.FirstOrDefault(a => a.Name == IgnoreMask) is { Shape: [1, var h, var w] } mask
                    ? ImageModule.ofArray(1, (int)h, (int)w, mask.Values)
                    : null
            )
            {
                SelfCheck = SelfCheckOf(content),
                Digests = Json(Text("fae.digests"), DetectionJson.Default.DictionaryStringString),
                Backbone = content.Bytes.FirstOrDefault(array => array.Name == BackboneName) is { } backbone
                    ? Backbone.Of(backbone.Values)
                    : null,
                Learning = content.Metadata.GetValueOrDefault("fae.learning", ""),
                Torch = content.Metadata.GetValueOrDefault("fae.torch", ""),
                Fingerprint = FingerprintOf(content, calibration),
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

    /// <summary>A digest of the weights and of how a score is computed; thresholds and the scores that they rest on are left out.</summary>
    private static string FingerprintOf(SafeTensorsContent content, CalibrationJson calibration)
    {
        using var digest = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var array in content.Arrays)
            digest.AppendData(MemoryMarshal.AsBytes(array.Values.AsSpan()));
        foreach (var array in content.Bytes.Where(array => array.Name == BackboneName))
            digest.AppendData(array.Values);
        digest.AppendData(
            JsonSerializer.SerializeToUtf8Bytes(
                calibration with
                {
                    HeldOut = [],
                    ImageThreshold = 0,
                    FalseAlarm = 0,
                    PixelThreshold = 0,
                    HeatScale = 0,
                },
                DetectionJson.Default.CalibrationJson
            )
        );
        return Convert.ToHexString(digest.GetHashAndReset())[..16];
    }

    private static List<SelfCheckPicture> SelfCheckOf(SafeTensorsContent content)
    {
        if (!content.Metadata.TryGetValue("fae.self_check", out var text))
            return [];
        var pictures = content.Bytes.ToDictionary(picture => picture.Name);
        return Json(text, DetectionJson.Default.SelfCheckJsonArray)
            .Select(
                (scored, i) =>
                    scored is not null
                    && pictures.TryGetValue($"{SelfCheckPrefix}{i}", out var picture)
                    && picture.Shape is [var height, var width, var channels]
                        ? new SelfCheckPicture(
                            checked((int)height),
                            checked((int)width),
                            checked((int)channels),
                            picture.Values,
                            scored.Score,
                            scored.PValue
                        )
                        : throw new InvalidDataException("its self-check pictures are damaged")
            )
            .ToList();
    }

    private static Config ConfigOf(string toml)
    {
        var config = ConfigText.Parse(toml, ConfigModule.defaults);
        return config.IsOk
            ? config.ResultValue
            : throw new InvalidDataException("its configuration is not one of this build: " + string.Join("; ", config.ErrorValue));
    }

    private static string[] Texts(string json) =>
        Json(json, DetectionJson.Default.StringArray)
            .Select(text => text ?? throw new InvalidDataException("its metadata is damaged"))
            .ToArray();

    private static T Json<T>(string text, JsonTypeInfo<T> type)
        where T : class => JsonSerializer.Deserialize(text, type) ?? throw new InvalidDataException("its metadata is damaged");
}
