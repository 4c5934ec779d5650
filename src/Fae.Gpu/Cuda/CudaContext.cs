namespace Fae.Gpu;

/// <summary>
/// A GPU's primary context, torch's own, as a driver of kernels: PTX is compiled by the driver, launches go to the default stream, as
/// torch's do, and what is sent goes through a stream of its own.
/// </summary>
internal sealed class CudaContext : IKernelDriver
{
    private readonly int device;
    private readonly nint context;
    private readonly nint sending;
    private readonly List<nint> modules = [];

    /// <summary>The GPU of this number.</summary>
    /// <exception cref="NotSupportedException">There is no driver.</exception>
    /// <exception cref="CudaException">The driver refuses.</exception>
    public CudaContext(int ordinal)
    {
        if (CudaDriver.Missing() is { } missing)
            throw new NotSupportedException(missing);
        (device, context) = CudaDriver.Enter(ordinal);
        Capability = CudaDriver.Capability(device);
        sending = CudaDriver.NewStream();
    }

    public (int Major, int Minor) Capability { get; }

    public nint Load(PtxKernel kernel)
    {
        CudaDriver.Use(context);
        var (module, function) = CudaDriver.Load(kernel.Text, kernel.Entry);
        modules.Add(module);
        return function;
    }

    public void Launch(nint function, (int X, int Y) grid, int threads, nint parameters)
    {
        CudaDriver.Use(context);
        CudaDriver.Launch(function, grid, threads, parameters);
    }

    public void Synchronise()
    {
        CudaDriver.Use(context);
        CudaDriver.Drain();
    }

    public nint Allocate(long bytes)
    {
        CudaDriver.Use(context);
        return CudaDriver.Allocate(bytes);
    }

    public void Free(nint address)
    {
        CudaDriver.Use(context);
        CudaDriver.Free(address);
    }

    public void Write(nint to, ReadOnlySpan<byte> from)
    {
        CudaDriver.Use(context);
        CudaDriver.Write(to, from);
    }

    public void Read(Span<byte> to, nint from)
    {
        CudaDriver.Use(context);
        CudaDriver.Read(to, from);
    }

    public nint Pin(long bytes)
    {
        CudaDriver.Use(context);
        return CudaDriver.Pin(bytes);
    }

    public void Unpin(nint address)
    {
        CudaDriver.Use(context);
        CudaDriver.Unpin(address);
    }

    public nint Send(nint to, nint from, long bytes)
    {
        CudaDriver.Use(context);
        var before = CudaDriver.Mark(0);
        CudaDriver.Follow(sending, before);
        CudaDriver.Forget(before);
        CudaDriver.Copy(to, from, bytes, sending);
        return CudaDriver.Mark(sending);
    }

    public void Follow(nint transfer)
    {
        CudaDriver.Use(context);
        CudaDriver.Follow(0, transfer);
    }

    public void Wait(nint transfer)
    {
        CudaDriver.Use(context);
        CudaDriver.Wait(transfer);
        CudaDriver.Forget(transfer);
    }

    public void Dispose()
    {
        CudaDriver.Use(context);
        CudaDriver.Drain();
        CudaDriver.EndStream(sending);
        foreach (var module in modules)
            CudaDriver.Unload(module);
        CudaDriver.Leave(device);
    }
}
