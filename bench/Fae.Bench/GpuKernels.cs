using Fae.Core;
using Fae.Gpu;

namespace Fae.Bench;

/// <summary>Kernels in a CUDA context of their own, without libtorch, beside the same operators in Python's torch.</summary>
internal static class GpuKernels
{
    private const int Window = 21,
        Passes = 3;

    /// <summary>Launches between two waits; a launch alone would measure the way to the device. peers.py does the same.</summary>
    private const int Launches = 20;

    public static IEnumerable<Row?> Rows(bool tiny)
    {
        var effort = tiny ? new Effort(0, 3) : new Effort(300, 15);
        var side = tiny ? 256 : 4096;
        var machine = DriverMachine.OfGpu(0);
        // It disposes of the machine.
        using var scoring = new DeviceScoring(machine);
        DeviceSpan Drawn(ulong key) => machine.Upload<float>(Specimen.Picture(key, side, side).Pixels.AsSpan(0, side * side)).All;
        var (x, r, map) = (Drawn(1), Drawn(2), Drawn(3));

        Row? Beside(string work, double target, string peer, Action ours)
        {
            var oursMs = Comparison.Times(
                () =>
                {
                    for (var i = 0; i < Launches; i++)
                        ours();
                    machine.Synchronise();
                },
                effort
            );
            return Comparison.Beside(
                FormattableString.Invariant($"{work}, {side}×{side}, on the GPU"),
                target,
                Comparison.Median(oursMs) / Launches,
                Comparison.Peer("cuda_" + peer, side, Window, effort),
                ms => Comparison.Median(ms) / Launches
            );
        }

        Scoring Of(Fae.Core.Measure measure, Reduction reduction) => new(measure, 1, 0, reduction, 0, Normalisation.Unnormalised);
        Action Map(Fae.Core.Measure measure) => () => scoring.Heatmap(Of(measure, Reduction.Sum), x, r, map, 1, side, side);
        Action Score(Reduction reduction) => () => scoring.Score(Of(Fae.Core.Measure.Mse, reduction), null, x, side, side);
        var work = FormattableString.Invariant($"mean filter {Window}×{Window}, n = {Passes}");
        var filter = Beside(work, 5, "filter", () => scoring.Smooth(map, 1, side, side, Window, Passes));
        yield return filter;
        // The filter reads and writes every value twice, a copy once.
        if (filter is not null && Comparison.Peer("cuda_copy", side, 0, effort) is { } copy)
            yield return Comparison.Beside(
                FormattableString.Invariant($"{work}, {side}×{side}: moving each value twice, on the GPU"),
                0.6,
                filter.OursMs,
                copy,
                ms => 2 * Comparison.Median(ms) / Launches
            );
        yield return Beside("GMS map", 1, "gms", Map(Fae.Core.Measure.Gms));
        yield return Beside("SSIM map", 1, "ssim", Map(Fae.Core.Measure.Ssim));
        yield return Beside("squared difference", 1, "mse", Map(Fae.Core.Measure.Mse));
        yield return Beside("mean of the top 0.5%", 1, "top", Score(Reduction.NewTop(0.005f)));
        yield return Beside("sum", 1, "sum", Score(Reduction.Sum));
    }
}
