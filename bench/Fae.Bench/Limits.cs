using System.Diagnostics;
using System.Numerics.Tensors;
using System.Runtime.Intrinsics;
using Fae.Core;
using Fae.Detection;

namespace Fae.Bench;

/// <summary>What this machine can do at most, measured: multiplications and additions of floats, and bytes from and to memory.</summary>
internal static class Limits
{
    /// <summary>Independent sums of a core: enough to hide the latency of a fused multiplication and addition.</summary>
    private const int Chains = 12;

    private static readonly Lazy<double> Peak = new(() => Enumerable.Range(0, 5).Max(_ => MeasureOperations()));
    private static readonly Lazy<double> Memory = new(MeasureMemory);

    /// <summary>Floating-point operations per second of all cores, each multiplication and each addition counted.</summary>
    public static double Operations => Peak.Value;

    /// <summary>Bytes per second that all cores read or write, of arrays that no cache holds.</summary>
    public static double Bytes => Memory.Value;

    /// <summary>A row beside the time that so many operations take at least.</summary>
    public static Row? OfOperations(Row? row, double count) => row is null ? null : row with { LimitMs = 1000 * count / Operations };

    /// <summary>A row beside the time that so many bytes take at least.</summary>
    public static Row? OfBytes(Row? row, double count) => row is null ? null : row with { LimitMs = 1000 * count / Bytes };

    /// <summary>Operations of a U-Net's convolutions on one square picture.</summary>
    public static double OfUNet(IEnumerable<NamedArray> weights, NetworkSettings settings, int side)
    {
        var first = side / settings.SpaceToDepth;
        // Each level has half the side of the one above it.
        int Level(string[] name)
        {
            int Number() => int.Parse(name[1], System.Globalization.CultureInfo.InvariantCulture);
            return name[0] switch
            {
                "encoder" => Number(),
                "entry" or "bottleneck" => settings.Depth,
                "up" => settings.Depth - Number(),
                "decoder" => settings.Depth - 1 - Number(),
                _ => 0,
            };
        }
        return weights
            .Where(array => array.Shape.Length == 4)
            .Sum(array =>
            {
                var places = (double)(first >> Level(array.Name.Split('.')));
                return 2.0 * array.Values.Length * places * places;
            });
    }

    /// <summary>Operations per second of all cores at once.</summary>
    private static double MeasureOperations()
    {
        const long rounds = 20_000_000;
        var start = Stopwatch.GetTimestamp();
        var cores = Environment.ProcessorCount;
        var sums = new float[cores];
        Parallel.For(0, cores, new ParallelOptions { MaxDegreeOfParallelism = cores }, core => sums[core] = Multiplied(rounds));
        var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        GC.KeepAlive(sums);
        return 2.0 * Vector512<float>.Count * Chains * rounds * cores / seconds;
    }

    private static float Multiplied(long rounds)
    {
        var factor = Vector512.Create(0.999f);
        var term = Vector512.Create(0.001f);
        Vector512<float> a = term,
            b = term,
            c = term,
            d = term,
            e = term,
            f = term,
            g = term,
            h = term,
            i = term,
            j = term,
            k = term,
            l = term;
        for (var round = 0L; round < rounds; round++)
        {
            a = Vector512.FusedMultiplyAdd(a, factor, term);
            b = Vector512.FusedMultiplyAdd(b, factor, term);
            c = Vector512.FusedMultiplyAdd(c, factor, term);
            d = Vector512.FusedMultiplyAdd(d, factor, term);
            e = Vector512.FusedMultiplyAdd(e, factor, term);
            f = Vector512.FusedMultiplyAdd(f, factor, term);
            g = Vector512.FusedMultiplyAdd(g, factor, term);
            h = Vector512.FusedMultiplyAdd(h, factor, term);
            i = Vector512.FusedMultiplyAdd(i, factor, term);
            j = Vector512.FusedMultiplyAdd(j, factor, term);
            k = Vector512.FusedMultiplyAdd(k, factor, term);
            l = Vector512.FusedMultiplyAdd(l, factor, term);
        }
        return Vector512.Sum(a + b + c + d + e + f + g + h + i + j + k + l);
    }

    /// <summary>Each core doubles a part of an array: what is read and what is written.</summary>
    private static double MeasureMemory()
    {
        const int values = 1 << 26;
        var (from, to) = (new float[values], new float[values]);
        var cores = Environment.ProcessorCount;
        var part = values / cores;
        var best = double.PositiveInfinity;
        for (var repeat = 0; repeat < 6; repeat++)
        {
            var start = Stopwatch.GetTimestamp();
            Parallel.For(
                0,
                cores,
                new ParallelOptions { MaxDegreeOfParallelism = cores },
                core => TensorPrimitives.Add(from.AsSpan(core * part, part), 1f, to.AsSpan(core * part, part))
            );
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        return 2.0 * sizeof(float) * part * cores / best;
    }
}
