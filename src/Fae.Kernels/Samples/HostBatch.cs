namespace Fae.Kernels;

/// <summary>
/// A batch in pinned memory that is used again and again: corrupted input x̃ + ε and target x + ε of N × C × H × W, mask of N × 1 × H × W.
/// </summary>
public sealed class HostBatch
{
    /// <summary>Room for a batch of this shape.</summary>
    public HostBatch(int count, int channels, int size)
    {
        Count = count;
        Channels = channels;
        Size = size;
        Input = GC.AllocateArray<float>(count * channels * size * size, pinned: true);
        Target = GC.AllocateArray<float>(count * channels * size * size, pinned: true);
        Mask = GC.AllocateArray<float>(count * size * size, pinned: true);
    }

    /// <summary>Images in the batch.</summary>
    public int Count { get; }

    /// <summary>Planes of an image.</summary>
    public int Channels { get; }

    /// <summary>Side of an image.</summary>
    public int Size { get; }

    /// <summary>x̃ + ε.</summary>
    public float[] Input { get; }

    /// <summary>x + ε.</summary>
    public float[] Target { get; }

    /// <summary>M; −1 for ignored pixels.</summary>
    public float[] Mask { get; }
}

/// <summary>Where training images come from. Called from many threads; what it writes depends on step and index alone.</summary>
public interface ISampleSource
{
    /// <summary>Writes sample <paramref name="index"/> of step <paramref name="step"/> into the batch.</summary>
    void Fill(int step, int index, HostBatch batch);
}
