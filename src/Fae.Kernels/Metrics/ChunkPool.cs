namespace Fae.Kernels;

/// <summary>Blocks of bytes that are used again. Not thread-safe.</summary>
internal sealed class ChunkPool
{
    /// <summary>Of a block: below what .NET takes for a large object.</summary>
    public const int Bytes = 1 << 16;

    private readonly Stack<byte[]> free = new();

    public byte[] Take() => free.TryPop(out var chunk) ? chunk : GC.AllocateUninitializedArray<byte>(Bytes);

    public void Give(byte[] chunk) => free.Push(chunk);
}
