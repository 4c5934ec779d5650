using System.Diagnostics;
using System.Runtime.InteropServices;
using Fae.Core;
using Fae.Detection;
using Fae.Kernels;
using static TorchSharp.torch;

namespace Fae.Training;

/// <summary>
/// Minimises the objective with Adam. The paper's objective is equation (3): the corrupted input plus noise is mapped to the clean target
/// plus the same noise. Learning rate: linear warm-up over a tenth of the steps, then cosine decay to zero.
/// </summary>
public sealed class Trainer(
    Network network,
    ObjectiveSettings terms,
    TrainSettings settings,
    int size,
    ISampleSource source,
    ValidationSet validation
)
{
    private const double LargestGradient = 1.0;
    private const double AurocTolerance = 0.003;
    private readonly List<TrainProgress> curve = [];
    private int parts = 1;

    /// <summary>Called after every step.</summary>
    public Action<TrainProgress>? Progress { get; init; }

    /// <summary>Called if the network looks at pictures before the first step.</summary>
    public Action? Preparing { get; init; }

    /// <summary>Called at every validation, at the end, and from time to time between, with a checkpoint to resume from.</summary>
    public Action<Checkpoint>? Save { get; init; }

    /// <summary>A run that is killed loses no more than this.</summary>
    public TimeSpan SaveEvery { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>
    /// The loss is read every so many steps. Reading it synchronises with the device, so on a GPU it is not read at every step; divergence
    /// is then found up to that many steps later.
    /// </summary>
    public int ReadLossEvery { get; init; } = network.Device.type == TorchSharp.DeviceType.CUDA ? 10 : 1;

    /// <summary>Called with warnings for the user.</summary>
    public Action<string> Warn { get; init; } = _ => { };

    /// <summary>The GPU that makes the batches. If it is null and the network is on a GPU, one is started.</summary>
    public CudaMachine? Machine { get; init; }

    /// <summary>The loss of a batch; tests replace it.</summary>
    internal Func<TrainingBatch, Tensor> Loss { get; init; } = batch => new Objective(terms, settings.Lambda).Of(network.Module, batch);

    /// <summary>Runs from a checkpoint, or from the start, to the last step or until cancellation.</summary>
    /// <exception cref="OperationCanceledException">It was stopped before the first step, while the network was prepared.</exception>
    public TrainOutcome Run(Checkpoint? from, CancellationToken stop)
    {
        network.Module.ComputeType = settings.Precision.IsBFloat16 ? ScalarType.BFloat16 : ScalarType.Float32;
        using var adam = new Adam(
            network.Module.named_parameters().Select(p => (p.name, (Tensor)p.parameter, network.Module.RateOf(p.name)))
        );
        var bestAuroc = from?.BestAuroc ?? double.NegativeInfinity;
        if (from is not null)
        {
            Restore(from, adam);
            curve.AddRange(from.Curve);
        }

        var first = (from?.Step ?? 0) + 1;
        using var machine =
            Machine is null && network.Device.type == TorchSharp.DeviceType.CUDA ? CudaMachine.Start(network.Device, Warn) : null;
        if (from is null)
            Prepare(Machine ?? machine, stop);
        var best = from?.Best ?? network.Save();
        using var loader = Loader(first, settings.Steps, Machine ?? machine);
        var clock = Stopwatch.StartNew();
        var sinceSave = Stopwatch.StartNew();
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
            loss = Step(adam, loader, step) ?? loss;
            if (!double.IsFinite(loss))
            {
                end = TrainEnd.Diverged;
                break;
            }

            (double Error, double Auroc)? valid = null;
            if (step % settings.ValidateEvery == 0 || step == settings.Steps)
            {
                valid = Validate();
                // Differences below the noise of the validation count as equal; the later weights, with the smaller learning rate, win.
                if (valid.Value.Auroc >= bestAuroc - AurocTolerance)
                    (best, bestAuroc) = (network.Save(), Math.Max(bestAuroc, valid.Value.Auroc));
            }
            Report(step, first, loss, clock.Elapsed, valid);
            if (valid is not null || sinceSave.Elapsed > SaveEvery)
            {
                Save?.Invoke(Capture(step, adam, best, bestAuroc));
                sinceSave.Restart();
            }
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
        return step <= warm
            ? settings.LearningRate * step / warm
            : settings.LearningRate * 0.5 * (1 + Math.Cos(Math.PI * Math.Min(1, done)));
    }

    private IBatchLoader Loader(int first, int last, CudaMachine? machine) =>
        new BatchPlan(source, first, last, settings.Batch, network.Channels, size).On(network.Device, machine, Warn);

    /// <summary>Shows the network what it asks for before the first step: batches of steps that training does not reach.</summary>
    private void Prepare(CudaMachine? machine, CancellationToken stop)
    {
        var count = network.Module.PreparationBatches;
        if (count == 0)
            return;
        Preparing?.Invoke();
        using var off = no_grad();
        using var loader = Loader(settings.Steps + 1, settings.Steps + count, machine);
        IEnumerable<TrainingBatch> Batches()
        {
            for (var step = settings.Steps + 1; step <= settings.Steps + count; step++)
            {
                stop.ThrowIfCancellationRequested();
                using var scope = NewDisposeScope();
                var (input, target, mask) = loader.Take();
                yield return new TrainingBatch(input, target, mask, new StepRandom(settings.Seed, step, network.Device));
            }
        }
        network.Module.Prepare(Batches(), stop);
    }

    /// <summary>One step. Returns the loss if it is read at this step.</summary>
    private double? Step(Adam adam, IBatchLoader loader, int step)
    {
        using var scope = NewDisposeScope();
        network.Module.train();
        var (input, target, mask) = loader.Take();
        var loss = Learn(adam, () => new TrainingBatch(input, target, mask, new StepRandom(settings.Seed, step, network.Device)));
        adam.ClipGradients(LargestGradient);
        adam.Step(step, LearningRate(settings, step));
        return step % ReadLossEvery == 0 || step % settings.ValidateEvery == 0 || step == settings.Steps ? loss.item<float>() : null;
    }

    /// <summary>
    /// Computes the loss of a batch and its gradients. If memory ends, this and all later batches are split into micro-batches whose
    /// gradients are accumulated. Only the statistics of batch normalisation differ: each micro-batch has its own.
    /// </summary>
    private Tensor Learn(Adam adam, Func<TrainingBatch> batch)
    {
        while (true)
        {
            adam.ZeroGradients();
            try
            {
                return InParts(batch());
            }
            catch (Exception e) when (IsOutOfMemory(e) && parts < settings.Batch)
            {
                parts = Math.Min(settings.Batch, 2 * parts);
                Warn($"no memory for a batch of {settings.Batch} at once: it is split into {parts} micro-batches");
            }
        }
    }

    private Tensor InParts(TrainingBatch batch)
    {
        if (parts == 1)
        {
            var whole = Loss(batch);
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
            var loss = Loss(batch with { Input = Some(batch.Input), Target = Some(batch.Target), Mask = Some(batch.Mask) })
                .Times((double)count / settings.Batch);
            loss.backward();
            sum.add_(loss.detach());
            from += count;
        }
        return sum;
    }

    /// <summary>Out of memory: on the CPU or on a GPU, in libtorch or in .NET.</summary>
    private static bool IsOutOfMemory(Exception e) =>
        e is OutOfMemoryException
        || (
            e is ExternalException
            && (
                e.Message.Contains("out of memory", StringComparison.Ordinal)
                || e.Message.Contains("allocate memory", StringComparison.Ordinal)
            )
        );

    /// <summary>Mean squared error on clean held-out images, and the pixel AUROC of the error map against the synthetic masks.</summary>
    private (double Error, double Auroc) Validate()
    {
        var clean = network.Reconstruct(validation.Clean);
        var error = validation.Clean.Zip(clean, (x, r) => x.Pixels.Zip(r.Pixels, (a, b) => (double)(a - b) * (a - b)).Average()).Average();
        var measure = NetworkGeometry.anomalyMaps(network.Settings) > 0 ? Measure.NewAnomalyMap(1) : Measure.Mse;
        var scoring = ScoringModule.ofMap(measure, 3, 2);
        var maps = validation
            .Corrupted.Zip(network.Reconstruct(validation.Corrupted), (x, r) => ScoringKernel.Heatmap(scoring, x, r))
            .ToList();
        return (error, MetricsKernel.PixelAuroc(maps, validation.Masks, 3));
    }

    private void Report(int step, int first, double loss, TimeSpan elapsed, (double Error, double Auroc)? valid)
    {
        var done = step - first + 1;
        var progress = new TrainProgress(
            step,
            settings.Steps,
            loss,
            done * settings.Batch / elapsed.TotalSeconds,
            valid?.Error,
            valid?.Auroc,
            elapsed / done * (settings.Steps - step)
        );
        if (valid is not null)
            curve.Add(progress);
        Progress?.Invoke(progress);
    }

    private Checkpoint Capture(int step, Adam adam, IReadOnlyList<NamedArray> best, double bestAuroc) =>
        new(
            step,
            network.Save(),
            adam.State.Select(entry => Weights.Copy(entry.Key, entry.Value)).ToList(),
            best,
            bestAuroc,
            curve.ToList()
        );

    private void Restore(Checkpoint from, Adam adam)
    {
        network.Load(from.Weights);
        var moments = from.Optimiser.ToDictionary(array => array.Name);
        foreach (var (name, tensor) in adam.State)
            Weights.Load(tensor, name, moments);
    }
}
