using Fae.Core;
using Fae.Detection;
using Fae.Training;
using Microsoft.FSharp.Collections;

namespace Fae.Bench;

/// <summary>What the benchmarks inspect, and by which model.</summary>
internal static class Specimen
{
    /// <summary>Something like a part: a gradient with grain.</summary>
    public static Image Picture(ulong key, int height, int width)
    {
        var grain = Noise.field(key, 0.03f, 3, height, width).Pixels;
        for (var i = 0; i < grain.Length; i++)
            grain[i] = Math.Clamp(0.3f + 0.4f * (i % width) / width + grain[i], 0, 1);
        return ImageModule.ofArray(3, height, width, grain);
    }

    /// <summary>The default configuration with some keys set to whole numbers.</summary>
    public static Config Set(params (string Key, int Value)[] settings) =>
        ConfigModule
            .apply(ListModule.OfSeq(settings.Select(s => Tuple.Create(s.Key, Setting.NewWhole(s.Value)))), ConfigModule.defaults)
            .ResultValue;

    /// <summary>Writes a model of this configuration with weights as they are drawn; thresholds from two noisy pictures.</summary>
    public static void WriteModel(string path, Config config)
    {
        using var network = new Network(config.Network, 3, Fae.Core.Random.ofSeed(1));
        var scoring = new ScoringCandidate(Measure.Mse, 9, 2, Reduction.Maximum, 0, false);
        var side = config.Image.Size;
        var calibration = Calibrator.Fit(
            scoring,
            config.Calibration,
            TestTimeAugmentation.Of(network, config),
            [Picture(1, side, side), Picture(2, side, side)],
            null
        );
        ModelFile.Write(path, new ModelCard(config, 3, calibration, [], [], "", "", null), network.Save(), TorchRuntime.Version);
    }
}
