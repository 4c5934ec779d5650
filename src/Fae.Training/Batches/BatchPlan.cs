using Fae.Gpu;
using Fae.Kernels;
using static TorchSharp.torch;

namespace Fae.Training;

/// <summary>Gives the batches of a training on the network's device, one per step, in order.</summary>
internal interface IBatchLoader : IDisposable
{
    /// <summary>
    /// Input and target: (N, C, side, side). Mask: (N, 1, side, side). The tensors belong to the caller's dispose scope. They are
    /// overwritten two calls later.
    /// </summary>
    (Tensor Input, Tensor Target, Tensor Mask) Take();
}

/// <summary>The sample source, the range of steps, and the shape of a batch.</summary>
internal sealed record BatchPlan(ISampleSource Source, int First, int Last, int Count, int Channels, int Side)
{
    /// <summary>Number of threads that make batches: half of the processors.</summary>
    private static int Threads => Math.Max(1, Environment.ProcessorCount / 2);

    /// <summary>Batches made on the CPU.</summary>
    public Prefetcher<HostBatch> Batches() =>
        new(Source.Fill, Count, First, Last, () => new HostBatch(Count, Channels, Side), buffers: 3, Threads);

    /// <summary>Recipes of batches that the GPU makes; recipes are cheap, so a few threads suffice.</summary>
    public Prefetcher<SampleRecipe[]> Recipes(IRecipeSource source) =>
        new(
            (step, index, batch) => batch[index] = source.Recipe(step, index),
            Count,
            First,
            Last,
            () => new SampleRecipe[Count],
            buffers: 4,
            Math.Min(4, Threads)
        );

    /// <summary>
    /// Chooses the loader. Without a GPU machine: batches are made on the CPU. With one: the GPU makes them from recipes if the pictures
    /// fit into its memory; otherwise they are made on the CPU and uploaded while the previous step is computed. The first samples of the
    /// GPU are compared with those of the CPU; if they differ, <paramref name="warn"/> is called and the CPU makes all batches.
    /// </summary>
    public IBatchLoader On(Device device, CudaMachine? machine, Action<string> warn)
    {
        if (machine is null)
            return new HostLoader(this, device);
        if (Source is not IRecipeSource recipes || !DeviceSamples.Fits(recipes))
            return new PrefetchingLoader<HostBatch>(
                machine,
                DeviceValue.Real,
                Batches(),
                batch => new[] { batch.Input, batch.Target, batch.Mask },
                span => AsTensors(machine, span),
                null
            );
        var samples = new DeviceSamples(machine, recipes, Channels, Side);
        if (!CudaMachine.Passes(() => Agrees(samples), out var why))
        {
            samples.Dispose();
            warn(
                $"the GPU makes other training samples than the CPU does{why}, so the CPU makes them; please report this "
                    + "with what `fae doctor` says"
            );
            return new HostLoader(this, device);
        }
        return new PrefetchingLoader<SampleRecipe[]>(
            machine,
            DeviceValue.Whole,
            Recipes(recipes),
            batch => new[] { samples.Code(batch) },
            span => Made(machine, samples, span, device),
            samples
        );
    }

    /// <summary>
    /// Whether CPU and GPU make the same first samples. A few pixels may differ, where rounding changes the nearest pixel of a patch.
    /// </summary>
    private bool Agrees(DeviceSamples samples)
    {
        const float near = 1e-3f;
        const double few = 0.01;
        var some = Math.Min(4, Count);
        var (made, batch) = (samples.Fetch(First, some), new HostBatch(some, Channels, Side));
        for (var index = 0; index < some; index++)
            Source.Fill(First, index, batch);
        double Off(float[] a, float[] b) => a.Zip(b, (x, y) => Math.Abs(x - y) <= near ? 0.0 : 1.0).Average();
        return Off(made.Target, batch.Target) <= few && Off(made.Input, batch.Input) <= few && Off(made.Mask, batch.Mask) <= few;
    }

    /// <summary>The uploaded batch as three tensors.</summary>
    private (Tensor Input, Tensor Target, Tensor Mask) AsTensors(CudaMachine machine, DeviceSpan span)
    {
        var (area, volume) = (Count * Side * Side, Count * Channels * Side * Side);
        Tensor Part(int offset, int length, long channels) => machine.View(span.Slice(offset, length)).reshape(Count, channels, Side, Side);
        return (Part(0, volume, Channels), Part(volume, volume, Channels), Part(2 * volume, area, 1));
    }

    private (Tensor Input, Tensor Target, Tensor Mask) Made(CudaMachine machine, DeviceSamples samples, DeviceSpan recipes, Device device)
    {
        Tensor Room(long channels) => empty([Count, channels, Side, Side], ScalarType.Float32, device);
        var (input, target, mask) = (Room(Channels), Room(Channels), Room(1));
        samples.Make(recipes, Count, machine.Of(input), machine.Of(target), machine.Of(mask));
        return (input, target, mask);
    }
}

/// <summary>Makes batches on the CPU and copies each to the device when it is needed.</summary>
internal sealed class HostLoader(BatchPlan plan, Device device) : IBatchLoader
{
    private readonly Prefetcher<HostBatch> batches = plan.Batches();

    public (Tensor Input, Tensor Target, Tensor Mask) Take()
    {
        var batch = batches.Take();
        Tensor There(float[] values, long channels) => tensor(values, [batch.Count, channels, batch.Size, batch.Size]).to(device);
        var tensors = (There(batch.Input, batch.Channels), There(batch.Target, batch.Channels), There(batch.Mask, 1));
        batches.Return(batch);
        return tensors;
    }

    public void Dispose() => batches.Dispose();
}

/// <summary>Uploads the next batch, or its recipes, while the current step is computed.</summary>
internal sealed class PrefetchingLoader<TBatch>(
    CudaMachine machine,
    DeviceValue type,
    Prefetcher<TBatch> batches,
    Func<TBatch, IReadOnlyList<Array>> pieces,
    Func<DeviceSpan, (Tensor, Tensor, Tensor)> open,
    IDisposable? owned
) : IBatchLoader
{
    private readonly PinnedUploader uploader = new(machine, type);
    private (DeviceSpan Span, nint Transfer)? next;

    public (Tensor Input, Tensor Target, Tensor Mask) Take()
    {
        var current = next ?? Send(batches.Take());
        // The upload starts before this step is launched, so it does not wait for it.
        next = batches.TryTake(out var ahead) ? Send(ahead) : null;
        machine.Follow(current.Transfer);
        return open(current.Span);
    }

    public void Dispose()
    {
        batches.Dispose();
        uploader.Dispose();
        owned?.Dispose();
    }

    private (DeviceSpan Span, nint Transfer) Send(TBatch batch)
    {
        var sent = uploader.Send(pieces(batch));
        batches.Return(batch);
        return sent;
    }
}
