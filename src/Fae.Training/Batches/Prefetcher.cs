using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;

namespace Fae.Training;

/// <summary>Makes batches on worker threads ahead of the network, in order, into a fixed set of reused buffers.</summary>
internal sealed class Prefetcher<TBatch> : IDisposable
{
    private readonly BlockingCollection<TBatch> free = new();
    private readonly BlockingCollection<TBatch> ready;
    private readonly CancellationTokenSource stop = new();
    private readonly Thread[] workers;
    private readonly Thread conductor;
    private readonly BlockingCollection<(int Step, int Index, TBatch Batch, CountdownEvent Left)> jobs = new();
    private readonly Action<int, int, TBatch> fill;
    private readonly int count;
    private volatile Exception? failure;

    /// <summary>
    /// Makes batches of <c>count</c> samples for the steps first to last; <paramref name="fill"/> gets step, index and batch, on any
    /// thread.
    /// </summary>
    public Prefetcher(Action<int, int, TBatch> fill, int count, int firstStep, int lastStep, Func<TBatch> make, int buffers, int threads)
    {
        this.fill = fill;
        this.count = count;
        ready = new(buffers);
        for (var i = 0; i < buffers; i++)
            free.Add(make());
        workers = new Thread[threads];
        for (var i = 0; i < threads; i++)
            workers[i] = Start(Work, $"fae-data-{i}");
        conductor = Start(() => Conduct(firstStep, lastStep), "fae-data");
    }

    /// <summary>The next batch in order; give it back with <see cref="Return"/>.</summary>
    /// <exception cref="IOException">A picture can no longer be read.</exception>
    /// <exception cref="OutOfMemoryException">There is no memory for a sample.</exception>
    public TBatch Take()
    {
        try
        {
            return ready.Take(stop.Token);
        }
        catch (OperationCanceledException)
        {
            if (failure is IOException or OutOfMemoryException)
                ExceptionDispatchInfo.Throw(failure);
            throw new InvalidOperationException("a training sample could not be made: " + failure?.Message, failure);
        }
    }

    /// <summary>The next batch, if it is there already.</summary>
    public bool TryTake(out TBatch batch) => ready.TryTake(out batch!);

    public void Return(TBatch batch) => free.Add(batch);

    public void Dispose()
    {
        stop.Cancel();
        conductor.Join();
        foreach (var worker in workers)
            worker.Join();
    }

    private static Thread Start(ThreadStart work, string name)
    {
        // Below normal priority: the network has precedence.
        var thread = new Thread(work)
        {
            IsBackground = true,
            Name = name,
            Priority = ThreadPriority.BelowNormal,
        };
        thread.Start();
        return thread;
    }

    private void Conduct(int firstStep, int lastStep) =>
        UntilStopped(() =>
        {
            for (var step = firstStep; step <= lastStep; step++)
            {
                var batch = free.Take(stop.Token);
                using var left = new CountdownEvent(count);
                for (var index = 0; index < count; index++)
                    jobs.Add((step, index, batch, left));
                left.Wait(stop.Token);
                ready.Add(batch, stop.Token);
            }
        });

    private void Work() =>
        UntilStopped(() =>
        {
            foreach (var (step, index, batch, left) in jobs.GetConsumingEnumerable(stop.Token))
            {
                fill(step, index, batch);
                left.Signal();
            }
        });

    private void UntilStopped(Action work)
    {
        try
        {
            work();
        }
        catch (OperationCanceledException)
        {
            // Disposed, or another thread failed: nothing more to do.
        }
#pragma warning disable CA1031 // every exception of a worker is passed to the trainer
        catch (Exception e)
#pragma warning restore CA1031
        {
            failure = e;
            stop.Cancel();
        }
    }
}
