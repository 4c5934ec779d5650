using System.Numerics;

namespace Fae.Kernels;

/// <summary>From pixels as files and cameras hold them, colours side by side, to planes.</summary>
public static class PlanesKernel
{
    /// <summary>Writes plane after plane of interleaved pixels, scaled and cut to [0, 1]; false if a value is no number.</summary>
    /// <exception cref="ArgumentException">The planes have not as many values as the pixels.</exception>
    public static bool Split<T>(ReadOnlySpan<T> interleaved, int channels, float scale, Span<float> planes)
        where T : struct, INumberBase<T>
    {
        if (planes.Length != interleaved.Length || channels < 1 || planes.Length % channels != 0)
            throw new ArgumentException($"{interleaved.Length} values do not make {channels} planes of {planes.Length}", nameof(planes));
        var area = planes.Length / channels;
        var finite = true;
        for (var c = 0; c < channels; c++)
        {
            var plane = planes.Slice(c * area, area);
            for (int i = 0, at = c; i < plane.Length; i++, at += channels)
            {
                var value = scale * float.CreateTruncating(interleaved[at]);
                finite &= float.IsFinite(value);
                plane[i] = Math.Min(1f, Math.Max(0f, value));
            }
        }
        return finite;
    }
}
