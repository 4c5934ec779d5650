using System;
using System.Collections.Generic;
using Fae.Kernels;

namespace Fae.Engine;

/// <summary>A GPU's primary context, torch's own, as a driver of kernels: PTX is compiled by the driver, launches go to the default stream, as torch's do.</summary>
internal sealed class CudaContext : IKernelDriver
{
    private readonly int device;
    private readonly nint context;
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

    public void Dispose()
    {
        CudaDriver.Use(context);
        foreach (var module in modules)
            CudaDriver.Unload(module);
        CudaDriver.Leave(device);
    }
}
