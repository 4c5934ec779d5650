using System;
using System.Numerics;

namespace Fae.Kernels;

/// <summary>The vector loops that more than one kernel needs.</summary>
public static class Loops
{
    /// <summary>target += weight · values.</summary>
    public static void AddScaled(ReadOnlySpan<float> values, float weight, Span<float> target)
    {
        var i = 0;
        for (; i <= target.Length - Vector<float>.Count; i += Vector<float>.Count)
            (new Vector<float>(target[i..]) + weight * new Vector<float>(values[i..])).CopyTo(target[i..]);
        for (; i < target.Length; i++)
            target[i] += weight * values[i];
    }

    /// <summary>values /= divisor.</summary>
    public static void Divide(Span<float> values, int divisor)
    {
        if (divisor == 1)
            return;
        var i = 0;
        for (; i <= values.Length - Vector<float>.Count; i += Vector<float>.Count)
            (new Vector<float>(values[i..]) / new Vector<float>((float)divisor)).CopyTo(values[i..]);
        for (; i < values.Length; i++)
            values[i] /= divisor;
    }
}
