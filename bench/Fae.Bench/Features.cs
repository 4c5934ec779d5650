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
        using var extractor = new FeatureExtractor(backbone, 3);
        IReadOnlyList<NamedArray> Fit() =>
            new MemoryBankFitter(config.Network, extractor, Fae.Core.Random.ofSeed(1)).Fit(images, pictures, null, CancellationToken.None);
        yield return Comparison.Run(
            $"PatchCore: a bank of {config.Network.BankSize} from {pictures} pictures of {side}×{side}",
            3,
            new Effort(0, 1),
            () => Fit(),
            "patchcore_training",
            side,
            pictures
        );
        using var network = new OnnxNetwork(config.Network, 3, Fit(), backbone);
        yield return Comparison.Run(
            $"PatchCore: the map of a picture of {side}×{side}",
            3,
            new Effort(tiny ? 0 : 2000, repeats),
            () => network.Reconstruct(images[..1]),
            "patchcore_inference",
            side,
            config.Network.BankSize
        );
    }
}
