using Fae.Core;
using Fae.Data;
using Fae.Detection;
using Fae.Kernels;
using Fae.Training;
using Microsoft.FSharp.Core;

namespace Fae.Bench;

/// <summary>
/// A training step with its data made, beside the same network's step in Debian's torch and beside the same loop over a batch that is
/// there already: what data making and book-keeping cost. Ours and the bare loop take turns in this process.
/// </summary>
internal static class Training
{
    private const int WarmUp = 2;

    public static IEnumerable<Row?> Rows(bool tiny)
    {
        TorchRuntime.SetEnvironment();
        TorchRuntime.KeepFreedMemory();
        var (side, rounds, steps) = tiny ? (64, 1, 2) : (256, 5, 12);
        var config = ConfigModule.set("image.size", Setting.NewWhole(side), ConfigModule.defaults).ResultValue;
        var images = Enumerable
            .Range(0, 16)
            .Select(i => Noise.field(Fae.Core.Random.hash(1, (ulong)i), 0.2f, 3, side, side))
            .Select(noise => ImageModule.map(FuncConvert.FromFunc<float, float>(v => Math.Clamp(0.5f + v, 0, 1)), noise))
            .ToArray();
        var real = new TrainingSource(config, ImageCache.OfImages(images), [], FSharpOption<Image>.None);
        var validation = new ValidationSet(images[..1], images[..1], [ImageModule.constant(1, side, side, 0)]);
        var ours = new List<double>();
        var bare = new List<double>();
        var inBFloat16 = new List<double>();
        var bfloat16 = ConfigModule.set("train.precision", Setting.NewText("bfloat16"), config).ResultValue;
        for (var round = 0; round < rounds; round++)
        {
            bare.AddRange(Round(config, validation, new Nothing(), steps));
            ours.AddRange(Round(config, validation, real, steps));
            if (ProcessorFeatures.TrainsInBFloat16)
                inBFloat16.AddRange(Round(bfloat16, validation, real, steps));
        }
        var work = $"training step, batch {config.Train.Batch} of {side}×{side} RGB, data made";
        yield return Comparison.Beside(
            work,
            0.95,
            Comparison.Median(ours),
            new PeerTimes("the same loop over a batch that is there", bare),
            Comparison.Median
        );
        var peer = Comparison.Peer("training", side, config.Train.Batch, new Effort(tiny ? 0 : 2000, rounds * steps));
        yield return Comparison.Beside(work, 1.3, Comparison.Median(ours), peer, Comparison.Median);
        if (!ProcessorFeatures.TrainsInBFloat16)
            yield break;
        work += ", in bfloat16";
        yield return Comparison.Beside(
            work,
            1.2,
            Comparison.Median(inBFloat16),
            new PeerTimes("the same in 32-bit floats", ours),
            Comparison.Median
        );
        yield return Comparison.Beside(work, 1.3, Comparison.Median(inBFloat16), peer, Comparison.Median);
    }

    /// <summary>The milliseconds of so many steps of the training loop, after a few that do not count.</summary>
    public static List<double> Round(
        Config config,
        ValidationSet validation,
        ISampleSource source,
        int steps,
        TorchSharp.torch.Device? device = null
    )
    {
        var settings = new TrainSettings(
            WarmUp + steps + 1,
            config.Train.Batch,
            config.Train.LearningRate,
            config.Train.Lambda,
            config.Train.HeldOut,
            config.Train.Groups,
            config.Train.DropOutliers,
            0,
            int.MaxValue,
            config.Train.Precision
        );
        using var network = new Network(config.Network, 3, Fae.Core.Random.ofSeed(1), device);
        var times = new List<double>();
        var clock = System.Diagnostics.Stopwatch.StartNew();
        var trainer = new Trainer(network, config.Objective, settings, config.Image.Size, source, validation)
        {
            Progress = _ => times.Add(clock.Elapsed.TotalMilliseconds),
        };
        trainer.Run(null, CancellationToken.None);
        // The last step validates, so it is left out.
        return times.Skip(WarmUp).SkipLast(1).Zip(times.Skip(WarmUp - 1), (after, before) => after - before).ToList();
    }

    /// <summary>Leaves the batch as it is.</summary>
    private sealed class Nothing : ISampleSource
    {
        /// <inheritdoc/>
        public void Fill(int step, int index, HostBatch batch) { }
    }
}
