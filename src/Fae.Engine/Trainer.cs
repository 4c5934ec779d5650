using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Runtime.InteropServices;
using System.Threading;
using System;
using Fae.Core;
using Fae.Detection;
using Fae.Kernels;
using static TorchSharp.torch;

namespace Fae.Engine;

/// <summary>One line of the training curve.</summary>
public sealed record TrainProgress(int Step, int Steps, double Loss, double ImagesPerSecond, double? CleanError, double? SyntheticAuroc, TimeSpan Left);

/// <summary>How a training ended.</summary>
public enum TrainEnd
{
    /// <summary>All steps were taken.</summary>
    Finished,

    /// <summary>It was asked to stop; a checkpoint holds where it was.</summary>
    Stopped,

    /// <summary>The loss became NaN or infinite.</summary>
    Diverged,
}

/// <summary>What a training left: the best and the last weights, the curve of validations, and where it ended.</summary>
public sealed record TrainOutcome(TrainEnd End, int Step, IReadOnlyList<NamedArray> Best, IReadOnlyList<NamedArray> Last, IReadOnlyList<TrainProgress> Curve);

/// <summary>A training that can go on: everything that a step depends on.</summary>
public sealed record Checkpoint(int Step, IReadOnlyList<NamedArray> Weights, IReadOnlyList<NamedArray> Optimiser, IReadOnlyList<NamedArray> Best, double BestAuroc, IReadOnlyList<TrainProgress> Curve);

/// <summary>
/// Minimises an objective, the paper's being equation (3): corrupted input plus noise against clean target plus the same noise. Adam, one cycle: linear warm-up over a tenth of the steps, then a cosine to zero.
/// </summary>
public sealed class Trainer(Network network, ObjectiveSettings terms, TrainSettings settings, int size, ISampleSource source, ValidationSet validation)
{
    private const double LargestGradient = 1.0;
    private const double Indifference = 0.003;
    private readonly List<TrainProgress> curve = [];
    private int parts = 1;

    /// <summary>Called after every step.</summary>
    public Action<TrainProgress>? Progress { get; init; }

    /// <summary>Called at every validation and at the end with what is needed to go on.</summary>
    public Action<Checkpoint>? Save { get; init; }

    /// <summary>
    /// After how many steps losses are read. Reading one waits for the device to have done all that it was told, so a GPU is asked for several together; what diverged is found so many steps later.
    /// </summary>
    public int ReadLossEvery { get; init; } = network.Device.type == TorchSharp.DeviceType.CUDA ? 10 : 1;

    /// <summary>Called with what the user should know of how the training is done.</summary>
    public Action<string> Remark { get; init; } = _ => { };

    /// <summary>What makes batches where the network is; of itself, one is started for a network on a GPU.</summary>
    public CudaMachine? Machine { get; init; }

    /// <summary>What is minimised: the objective, unless a test sets another.</summary>
    internal Func<Lecture, Tensor> Loss { get; init; } = lecture => new Objective(terms, settings.Lambda).Of(network.Module, lecture);

    /// <summary>Runs from a checkpoint, or from the start, to the end or until it is asked to stop.</summary>
    public TrainOutcome Run(Checkpoint? from, CancellationToken stop)
    {
        network.Module.LearnsIn = settings.Precision.IsBFloat16 ? ScalarType.BFloat16 : ScalarType.Float32;
        using var adam = new Adam(network.Module.named_parameters().Select(p => (p.name, (Tensor)p.parameter)));
        var best = from?.Best ?? network.Save();
        var bestAuroc = from?.BestAuroc ?? double.NegativeInfinity;
        if (from is not null)
        {
            Restore(from, adam);
            curve.AddRange(from.Curve);
        }

        var first = (from?.Step ?? 0) + 1;
        using var machine = Machine is null && network.Device.type == TorchSharp.DeviceType.CUDA ? CudaMachine.Start(network.Device, Remark) : null;
        using var feed = new Course(source, first, settings.Steps, settings.Batch, network.Channels, size).On(network.Device, Machine ?? machine, Remark);
        var clock = Stopwatch.StartNew();
        var end = TrainEnd.Finished;
        var step = first - 1;
        var loss = 0.0;
        while (step < settings.Steps)
        {
            if (stop.IsCancellationRequested)
            {
                end = TrainEnd.Stopped;
                break;
            }
            step++;
            loss = Step(adam, feed, step) ?? loss;
            if (!double.IsFinite(loss))
            {
                end = TrainEnd.Diverged;
                break;
            }

            (double Error, double Auroc)? valid = null;
            if (step % settings.ValidateEvery == 0 || step == settings.Steps)
            {
                valid = Validate();
                // Of equals the later one, whose learning rate was smaller: no validation tells a thousandth apart.
                if (valid.Value.Auroc >= bestAuroc - Indifference)
                    (best, bestAuroc) = (network.Save(), Math.Max(bestAuroc, valid.Value.Auroc));
            }
            Report(step, first, loss, clock.Elapsed, valid);
            if (valid is not null)
                Save?.Invoke(Capture(step, adam, best, bestAuroc));
        }

        if (end == TrainEnd.Stopped)
            Save?.Invoke(Capture(step, adam, best, bestAuroc));
        return new TrainOutcome(end, step, best, network.Save(), curve);
    }

    /// <summary>The learning rate of a step, counted from 1.</summary>
    public static double LearningRate(TrainSettings settings, int step)
    {
        ArgumentNullException.ThrowIfNull(settings);
        var warm = Math.Max(1, settings.Steps / 10);
        var done = (step - warm) / (double)Math.Max(1, settings.Steps - warm);
        return step <= warm ? settings.LearningRate * step / warm : settings.LearningRate * 0.5 * (1 + Math.Cos(Math.PI * Math.Min(1, done)));
    }

    /// <summary>One step; its loss, where it is read.</summary>
    private double? Step(Adam adam, IFeed feed, int step)
    {
        using var scope = NewDisposeScope();
        network.Module.train();
        var (input, target, mask) = feed.Take();
        var loss = Learn(adam, () => new Lecture(input, target, mask, new Dice(settings.Seed, step, network.Device)));
        if (ReadLossEvery == 1)
            nn.utils.clip_grad_norm_(network.Module.parameters(), LargestGradient);
        else
            Clip(network.Module.parameters().Select(parameter => parameter.grad).OfType<Tensor>().ToList());
        adam.Step(step, LearningRate(settings, step));
        return step % ReadLossEvery == 0 || step % settings.ValidateEvery == 0 || step == settings.Steps ? loss.item<float>() : null;
    }

    /// <summary>
    /// The gradients of a batch, and its loss. Where there is no memory for all of it at once, it is cut into parts whose gradients are added up, from then on: as good, but for the
    /// statistics of batch normalisation, which are the parts' own.
    /// </summary>
    private Tensor Learn(Adam adam, Func<Lecture> lecture)
    {
        while (true)
        {
            adam.ZeroGradients();
            try
            {
                return InParts(lecture());
            }
            catch (Exception e) when (IsOutOfMemory(e) && parts < settings.Batch)
            {
                parts = Math.Min(settings.Batch, 2 * parts);
                Remark($"no memory for a batch of {settings.Batch} at once: it is learned in {parts} parts");
            }
        }
    }

    private Tensor InParts(Lecture lecture)
    {
        if (parts == 1)
        {
            var whole = Loss(lecture);
            whole.backward();
            return whole;
        }
        var sum = zeros(1, device: network.Device);
        var from = 0L;
        for (var part = 0; part < parts; part++)
        {
            using var scope = NewDisposeScope();
            var count = settings.Batch * (part + 1L) / parts - from;
            Tensor Some(Tensor all) => all.narrow(0, from, count);
            var loss = Loss(lecture with { Input = Some(lecture.Input), Target = Some(lecture.Target), Mask = Some(lecture.Mask) })
                .Times((double)count / settings.Batch);
            loss.backward();
            sum.add_(loss.detach());
            from += count;
        }
        return sum;
    }

    /// <summary>libtorch's, for the CPU or for a GPU, or .NET's own.</summary>
    private static bool IsOutOfMemory(Exception e) =>
        e is OutOfMemoryException || (e is ExternalException && (e.Message.Contains("out of memory", StringComparison.Ordinal) || e.Message.Contains("allocate memory", StringComparison.Ordinal)));

    /// <summary>As torch clips, but without the norm leaving the device.</summary>
    private static void Clip(List<Tensor> gradients)
    {
        using var off = no_grad();
        var norm = stack(gradients.Select(gradient => gradient.Squared().sum())).sum().sqrt();
        var share = norm.Plus(1e-6).reciprocal().Times(LargestGradient).Within(1);
        foreach (var gradient in gradients)
            gradient.mul_(share);
    }

    /// <summary>Mean squared error on clean held-out images, and the pixel AUROC of the error map against the synthetic masks.</summary>
    private (double Error, double Auroc) Validate()
    {
        var clean = network.Reconstruct(validation.Clean);
        var error = validation.Clean.Zip(clean, (x, r) => x.Pixels.Zip(r.Pixels, (a, b) => (double)(a - b) * (a - b)).Average()).Average();
        var scoring = new Scoring(ConfigModule.marks(network.Settings) ? Measure.Own : Measure.Mse, 3, 2, Reduction.Maximum, 0, 0);
        var maps = validation.Corrupted.Zip(network.Reconstruct(validation.Corrupted), (x, r) => ScoringKernel.Heatmap(scoring, x, r)).ToList();
        return (error, MetricsKernel.PixelAuroc(maps, validation.Masks, 3));
    }

    private void Report(int step, int first, double loss, TimeSpan elapsed, (double Error, double Auroc)? valid)
    {
        var done = step - first + 1;
        var progress = new TrainProgress(step, settings.Steps, loss, done * settings.Batch / elapsed.TotalSeconds, valid?.Error, valid?.Auroc, elapsed / done * (settings.Steps - step));
        if (valid is not null)
            curve.Add(progress);
        Progress?.Invoke(progress);
    }

    private Checkpoint Capture(int step, Adam adam, IReadOnlyList<NamedArray> best, double bestAuroc) =>
        new(step, network.Save(), adam.State.Select(entry => Weights.Copy(entry.Key, entry.Value)).ToList(), best, bestAuroc, curve.ToList());

    private void Restore(Checkpoint from, Adam adam)
    {
        network.Load(from.Weights);
        var moments = from.Optimiser.ToDictionary(array => array.Name);
        foreach (var (name, tensor) in adam.State)
            Weights.Load(tensor, name, moments);
    }
}
