using System.Collections.Concurrent;

namespace Fae.Kernels;

/// <summary>Blocks of bytes that are used again. Thread-safe.</summary>
internal sealed class ChunkPool
{
    /// <summary>Of a block: below what .NET takes for a large object.</summary>
    public const int Bytes = 1 << 16;

    private readonly ConcurrentBag<byte[]> free = [];

    public byte[] Take() => free.TryTake(out var chunk) ? chunk : GC.AllocateUninitializedArray<byte>(Bytes);

    public void Give(byte[] chunk) => free.Add(chunk);
}
