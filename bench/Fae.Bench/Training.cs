using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using Fae.Core;
using Fae.Data;
using Fae.Engine;
using Microsoft.FSharp.Core;

namespace Fae.Bench;

/// <summary>
/// What data making and book-keeping cost a training: the same training loop over the same network, once with samples made as in a real
/// training, once with a batch that is there already. Both in this process, in turns; the ratio of the medians is the result.
/// </summary>
internal static class Training
{
    private const int Rounds = 5;
    private const int StepsOfRound = 12;
    private const int WarmUp = 2;

    /// <summary>Here the ratio is ours over the peer's: at most 1.05 is wanted.</summary>
    public static Row Row()
    {
        TorchRuntime.KeepFreedMemory();
        var config = ConfigModule.defaults;
        var images = Enumerable.Range(0, 16).Select(i => Noise.field(Fae.Core.Random.hash(1, (ulong)i), 0.2f, 3, config.Image.Size, config.Image.Size))
            .Select(noise => ImageModule.map(FuncConvert.FromFunc<float, float>(v => Math.Clamp(0.5f + v, 0, 1)), noise)).ToArray();
        var real = new TrainingSource(config, Gallery.OfImages(images), [], FSharpOption<Image>.None);
        var validation = new ValidationSet(images[..1], images[..1], [ImageModule.constant(1, config.Image.Size, config.Image.Size, 0)]);
        var ours = new List<double>();
        var bare = new List<double>();
        for (var round = 0; round < Rounds; round++)
        {
            bare.AddRange(Round(config, validation, new Nothing()));
            ours.AddRange(Round(config, validation, real));
        }
        var (oursMs, bareMs) = (Comparison.Median(ours), Comparison.Median(bare));
        return new Row("training step with data made", "the same loop over a batch that is there", oursMs, bareMs, oursMs / bareMs, 1.05);
    }

    private static List<double> Round(Config config, ValidationSet validation, ISampleSource source)
    {
        var settings = new TrainSettings(WarmUp + StepsOfRound, config.Train.Batch, config.Train.LearningRate, config.Train.Lambda, config.Train.HeldOut, 0, int.MaxValue);
        using var network = new Network(config.Network, 3, Fae.Core.Random.ofSeed(1));
        var times = new List<long>();
        var trainer = new Trainer(network, settings, config.Image.Size, source, validation) { Progress = _ => times.Add(Environment.TickCount64) };
        trainer.Run(null, CancellationToken.None);
        // The last step validates, so it is left out.
        return times.Skip(WarmUp).SkipLast(1).Zip(times.Skip(WarmUp - 1), (after, before) => (double)(after - before)).ToList();
    }

    /// <summary>Leaves the batch as it is.</summary>
    private sealed class Nothing : ISampleSource
    {
        /// <inheritdoc/>
        public void Fill(int step, int index, Batch batch)
        {
        }
    }
}
