using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Fae.Kernels;

/// <summary>
/// ε of equation (3), sixteen pairs of normals at a time: the same numbers as <c>Fae.Core.Noise.field</c>, to float rounding.
/// </summary>
public static class NoiseKernel
{
    private const int Pairs = 16;

    /// <summary>Writes ε ~ N(0, σ²); value i depends on (key, i) alone.</summary>
    public static void Fill(ulong key, float sigma, Span<float> noise)
    {
        noise.Clear();
        Add(key, sigma, noise, []);
    }

    /// <summary>Adds one ε to both: input x̃ + ε and target x + ε. An empty <paramref name="target"/> is left out.</summary>
    /// <exception cref="ArgumentException">The two differ in length.</exception>
    public static void Add(ulong key, float sigma, Span<float> input, Span<float> target)
    {
        if (target.Length != 0 && target.Length != input.Length)
            throw new ArgumentException($"noise for {input.Length} values was to be added to {target.Length}", nameof(target));

        Span<float> values = stackalloc float[2 * Pairs];
        for (var at = 0; at < input.Length; at += values.Length)
        {
            var (first, second) = Normals(key, (ulong)at / 2, sigma);
            first.CopyTo(values);
            second.CopyTo(values[Pairs..]);
            AddTo(input[at..], values);
            if (target.Length != 0)
                AddTo(target[at..], values);
        }
    }

    private static void AddTo(Span<float> destination, ReadOnlySpan<float> values)
    {
        if (destination.Length >= values.Length)
        {
            ref var to = ref MemoryMarshal.GetReference(destination);
            ref var from = ref MemoryMarshal.GetReference(values);
            (Vector512.LoadUnsafe(ref to) + Vector512.LoadUnsafe(ref from)).StoreUnsafe(ref to);
            (Vector512.LoadUnsafe(ref to, Pairs) + Vector512.LoadUnsafe(ref from, Pairs)).StoreUnsafe(ref to, Pairs);
            return;
        }
        for (var i = 0; i < destination.Length; i++)
            destination[i] += values[i];
    }

    /// <summary>Box and Muller: sixteen words hold both uniforms of sixteen pairs, which come out cosine, sine, cosine, sine …</summary>
    private static (Vector512<float> First, Vector512<float> Second) Normals(ulong key, ulong pair, float sigma)
    {
        var index = Vector512.Create(pair) + Vector512<ulong>.Indices;
        var lower = RandomKernel.Hash(key, index);
        var upper = RandomKernel.Hash(key, index + Vector512.Create(8UL));
        var u = Vector512<float>.One - RandomKernel.ToUnit(lower, upper);
        var angle = RandomKernel.LastToUnit(lower, upper) * (2f * MathF.PI);
        var radius = Vector512.Sqrt(Vector512.Log(u) * -2f) * sigma;
        var (sine, cosine) = Vector512.SinCos(angle);
        sine *= radius;
        cosine *= radius;
        return (
            Interleave(Vector512.WidenLower(cosine.AsUInt32()), Vector512.WidenLower(sine.AsUInt32())),
            Interleave(Vector512.WidenUpper(cosine.AsUInt32()), Vector512.WidenUpper(sine.AsUInt32()))
        );
    }

    private static Vector512<float> Interleave(Vector512<ulong> even, Vector512<ulong> odd) => (even | (odd << 32)).AsSingle();
}
