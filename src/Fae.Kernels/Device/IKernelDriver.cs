using System;

namespace Fae.Kernels;

/// <summary>What runs PTX: the CUDA driver, or an interpreter that stands in for it in tests. Launches run one after the other.</summary>
public interface IKernelDriver : IDisposable
{
    /// <summary>The compute capability that kernels are compiled for.</summary>
    (int Major, int Minor) Capability { get; }

    /// <summary>Takes a kernel in; what it is called by in <see cref="Launch"/>.</summary>
    nint Load(PtxKernel kernel);

    /// <summary>Runs a kernel: a grid of groups of so many threads; <paramref name="parameters"/> is an array of addresses of values, one a parameter.</summary>
    void Launch(nint function, (int X, int Y) grid, int threads, nint parameters);
}
