using Fae.Core;
using Fae.Kernels;
using static TorchSharp.torch;

namespace Fae.Training;

/// <summary>
/// The random numbers of one training step, from our own generator: the n-th draw depends on the seed, the step and n alone.
/// </summary>
internal sealed class StepRandom(int seed, int step, Device device)
{
    private readonly Seed key = Fae.Core.Random.fork((ulong)step, Fae.Core.Random.fork(6, Fae.Core.Random.ofSeed((ulong)seed)));
    private ulong drawn;

    /// <summary>Standard normals.</summary>
    public Tensor Normal(long[] shape)
    {
        var values = new float[shape.Aggregate(1L, (a, b) => a * b)];
        NoiseKernel.Fill(Next(), 1, values);
        return tensor(values, shape).to(device);
    }

    /// <summary>Uniform on [0, 1).</summary>
    public Tensor Uniform(long[] shape)
    {
        var at = Next();
        var values = Enumerable
            .Range(0, (int)shape.Aggregate(1L, (a, b) => a * b))
            .Select(i => Fae.Core.Random.toUnit(Fae.Core.Random.hash(at, (ulong)i)))
            .ToArray();
        return tensor(values, shape).to(device);
    }

    /// <summary>So many different whole numbers below <paramref name="all"/>, in random order.</summary>
    public Tensor Some(int all, int count)
    {
        var at = Next();
        var numbers = Enumerable.Range(0, all).Select(i => (long)i).ToArray();
        Array.Sort(Array.ConvertAll(numbers, i => Fae.Core.Random.hash(at, (ulong)i)), numbers);
        return tensor(numbers[..count]);
    }

    private ulong Next() => Fae.Core.Random.mix64(Fae.Core.Random.fork(drawn++, key).State);
}
