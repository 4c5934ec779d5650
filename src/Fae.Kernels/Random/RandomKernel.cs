using System.Runtime.Intrinsics;

namespace Fae.Kernels;

/// <summary><c>Fae.Core.Random</c> on eight words at a time: the same bits.</summary>
internal static class RandomKernel
{
    public const ulong GoldenGamma = 0x9E3779B97F4A7C15;

    private const float UnitOf24Bits = 5.9604645e-8f;

    public static Vector512<ulong> Mix64(Vector512<ulong> word)
    {
        var z = (word ^ (word >>> 30)) * Vector512.Create(0xBF58476D1CE4E5B9UL);
        z = (z ^ (z >>> 27)) * Vector512.Create(0x94D049BB133111EBUL);
        return z ^ (z >>> 31);
    }

    /// <summary>Words number <paramref name="index"/> of the keyed sequence.</summary>
    public static Vector512<ulong> Hash(ulong key, Vector512<ulong> index)
    {
        var keys = Vector512.Create(key);
        return Mix64(Mix64(keys + index * Vector512.Create(GoldenGamma)) + keys);
    }

    /// <summary>The top 24 bits of sixteen words as numbers in [0, 1).</summary>
    public static Vector512<float> ToUnit(Vector512<ulong> lower, Vector512<ulong> upper) => Scaled(lower >>> 40, upper >>> 40);

    /// <summary>The last 24 bits of sixteen words as numbers in [0, 1).</summary>
    public static Vector512<float> LastToUnit(Vector512<ulong> lower, Vector512<ulong> upper)
    {
        var last = Vector512.Create(0xFFFFFFUL);
        return Scaled(lower & last, upper & last);
    }

    private static Vector512<float> Scaled(Vector512<ulong> lower, Vector512<ulong> upper) =>
        Vector512.ConvertToSingle(Vector512.Narrow(lower, upper).AsInt32()) * UnitOf24Bits;
}
