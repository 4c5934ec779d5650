using Fae.Core;
using Fae.Detection;
using Fae.Training;

namespace Fae.Bench;

/// <summary>PatchCore beside the same in plain torch: making the memory bank, and a picture's anomaly map.</summary>
internal static class Features
{
    public static IEnumerable<Row?> Rows(bool tiny)
    {
        var (side, pictures, repeats) = tiny ? (64, 4, 1) : (256, 100, 40);
        var config = ConfigModule.set("network.kind", Setting.NewText("memory_bank"), ConfigModule.defaults).ResultValue;
        var backbone = Backbone.Read(Path.Combine(AppContext.BaseDirectory, "backbones", "resnet18.onnx"), config.Features);
        var images = Enumerable
            .Range(0, pictures)
            .Select(i => Noise.field(Fae.Core.Random.hash(1, (ulong)i), 0.2f, 3, side, side))
            .ToList();
        foreach (var (words, prepare) in Precisions(backbone, images))
        {
            IReadOnlyList<NamedArray> Fit(Backbone used)
            {
                using var extractor = new FeatureExtractor(used, 3);
                var fitter = new MemoryBankFitter(config.Network, extractor, Fae.Core.Random.ofSeed(1));
                return fitter.Fit(images, pictures, null, CancellationToken.None);
            }
            yield return Comparison.Run(
                $"PatchCore{words}: a bank of {config.Network.BankSize} from {pictures} pictures of {side}×{side}",
                3,
                new Effort(0, 1, Rounds: 3),
                () => Fit(prepare()),
                "patchcore_training",
                side,
                pictures
            );
            var used = prepare();
            using var network = new OnnxNetwork(config.Network, 3, Fit(used), used);
            yield return Comparison.Run(
                $"PatchCore{words}: the map of a picture of {side}×{side}",
                3,
                new Effort(tiny ? 0 : 2000, repeats),
                () => network.Reconstruct(images[..1]),
                "patchcore_inference",
                side,
                config.Network.BankSize
            );
        }
    }

    /// <summary>The backbone in 32-bit floats, as the peer has it, and in eight bits, by the ranges of some of the pictures.</summary>
    private static IEnumerable<(string Words, Func<Backbone> Prepare)> Precisions(Backbone backbone, List<Image> images) =>
        [("", () => backbone), (", int8", () => backbone.Quantised(3, [1], images[..Math.Min(32, images.Count)]))];
}
