using System;
using System.Collections.Generic;
using System.Linq;
using Fae.Kernels;
using static TorchSharp.torch;

namespace Fae.Engine;

/// <summary>The batches of a training on the network's device, one a step, in order.</summary>
internal interface IFeed : IDisposable
{
    /// <summary>Input and target of (N, C, side, side), mask of (N, 1, side, side); they belong to the caller's scope and hold until the next but one.</summary>
    (Tensor Input, Tensor Target, Tensor Mask) Take();
}

/// <summary>Which steps of which source, in what shape.</summary>
internal sealed record Course(ISampleSource Source, int First, int Last, int Count, int Channels, int Side)
{
    /// <summary>Half of the processors make batches.</summary>
    private static int Threads => Math.Max(1, Environment.ProcessorCount / 2);

    /// <summary>Batches that are made here.</summary>
    public Prefetcher<Batch> Batches() => new(Source.Fill, Count, First, Last, () => new Batch(Count, Channels, Side), buffers: 3, Threads);

    /// <summary>Recipes of batches that are made elsewhere: there is little to do.</summary>
    public Prefetcher<SampleRecipe[]> Recipes(IRecipeSource source) =>
        new((step, index, batch) => batch[index] = source.Recipe(step, index), Count, First, Last, () => new SampleRecipe[Count], buffers: 4, Math.Min(4, Threads));

    /// <summary>
    /// Made here and handed over, where there is no machine; on one, made there from recipes where the pictures fit, else sent while the step before is computed. What the machine makes
    /// is compared first with what is made here: if it differs, <paramref name="remark"/> is told and everything is made here.
    /// </summary>
    public IFeed On(Device device, CudaMachine? machine, Action<string> remark)
    {
        if (machine is null)
            return new HandedFeed(this, device);
        if (Source is not IRecipeSource recipes || !DeviceSamples.Fits(recipes))
            return new SentFeed<Batch>(machine, DeviceValue.Real, Batches(), batch => new[] { batch.Input, batch.Target, batch.Mask }, span => Opened(machine, span), null);
        var samples = new DeviceSamples(machine, recipes, Channels, Side);
        if (!CudaMachine.Passes(() => Agrees(samples), out var why))
        {
            samples.Dispose();
            remark($"the GPU makes other training samples than the CPU does{why}, so the CPU makes them; please report this with what `fae doctor` says");
            return new HandedFeed(this, device);
        }
        return new SentFeed<SampleRecipe[]>(machine, DeviceValue.Whole, Recipes(recipes), batch => new[] { samples.Code(batch) }, span => Made(machine, samples, span, device), samples);
    }

    /// <summary>Whether the first step's first samples are the same by both. Single pixels may differ: the nearest pixel of a patch, the side of an edge.</summary>
    private bool Agrees(DeviceSamples samples)
    {
        const float near = 1e-3f;
        const double few = 0.01;
        var some = Math.Min(4, Count);
        var (made, batch) = (samples.Fetch(First, some), new Batch(some, Channels, Side));
        for (var index = 0; index < some; index++)
            Source.Fill(First, index, batch);
        double Off(float[] a, float[] b) => a.Zip(b, (x, y) => Math.Abs(x - y) <= near ? 0.0 : 1.0).Average();
        return Off(made.Target, batch.Target) <= few && Off(made.Input, batch.Input) <= few && Off(made.Mask, batch.Mask) <= few;
    }

    /// <summary>A batch that lies there, as three tensors.</summary>
    private (Tensor Input, Tensor Target, Tensor Mask) Opened(CudaMachine machine, DeviceSpan span)
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

/// <summary>Batches made here and copied to the device when they are asked for.</summary>
internal sealed class HandedFeed(Course course, Device device) : IFeed
{
    private readonly Prefetcher<Batch> batches = course.Batches();

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

/// <summary>Batches, or their recipes, sent ahead: while a step is computed, what the next one needs is on its way.</summary>
internal sealed class SentFeed<TBatch>(CudaMachine machine, DeviceValue type, Prefetcher<TBatch> batches, Func<TBatch, IReadOnlyList<Array>> pieces, Func<DeviceSpan, (Tensor, Tensor, Tensor)> open, IDisposable? besides) : IFeed
{
    private readonly Courier courier = new(machine, type);
    private (DeviceSpan Span, nint Transfer)? next;

    public (Tensor Input, Tensor Target, Tensor Mask) Take()
    {
        var current = next ?? Send(batches.Take());
        // Sent before this step is launched: it need not wait for it.
        next = batches.TryTake(out var ahead) ? Send(ahead) : null;
        machine.Follow(current.Transfer);
        return open(current.Span);
    }

    public void Dispose()
    {
        batches.Dispose();
        courier.Dispose();
        besides?.Dispose();
    }

    private (DeviceSpan Span, nint Transfer) Send(TBatch batch)
    {
        var sent = courier.Send(pieces(batch));
        batches.Return(batch);
        return sent;
    }
}
