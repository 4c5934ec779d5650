namespace Fae.Gpu;

/// <summary>What runs PTX: the CUDA driver, or an interpreter that stands in for it in tests. Launches run one after the other.</summary>
public interface IKernelDriver : IDisposable
{
    /// <summary>The compute capability that kernels are compiled for.</summary>
    (int Major, int Minor) Capability { get; }

    /// <summary>Takes a kernel in; what it is called by in <see cref="Launch"/>.</summary>
    nint Load(PtxKernel kernel);

    /// <summary>
    /// Runs a kernel: a grid of groups of so many threads; <paramref name="parameters"/> is an array of addresses of values, one a
    /// parameter.
    /// </summary>
    void Launch(nint function, (int X, int Y) grid, int threads, nint parameters);

    /// <summary>Waits for all launches and copies.</summary>
    void Synchronise();

    /// <summary>Allocates device memory, its content undefined; until <see cref="Free"/>.</summary>
    nint Allocate(long bytes);

    /// <summary>Frees it, after all that was launched.</summary>
    void Free(nint address);

    /// <summary>Copies to device memory, after all that was launched; the copy has ended when this returns.</summary>
    void Write(nint to, ReadOnlySpan<byte> from);

    /// <summary>Copies from device memory, after all that was launched.</summary>
    void Read(Span<byte> to, nint from);

    /// <summary>Memory of this process that stays in its place, to be sent from; until <see cref="Unpin"/>.</summary>
    nint Pin(long bytes);

    /// <summary>Releases what <see cref="Pin"/> returned.</summary>
    void Unpin(nint address);

    /// <summary>
    /// Begins to send pinned memory to the device's: after all that was launched before, beside all that is launched later. The
    /// transfer's number; neither end may be touched before
    /// <see cref="Follow"/> or <see cref="Wait"/>.
    /// </summary>
    nint Send(nint to, nint from, long bytes);

    /// <summary>What is launched from now on, waits for a transfer.</summary>
    void Follow(nint transfer);

    /// <summary>Waits for a transfer; its number is over.</summary>
    void Wait(nint transfer);
}
