using Fae.Core;
using Fae.Kernels;

namespace Fae.Bench;

/// <summary>The kernels beside their peers; tiny sizes show that it runs, not how fast.</summary>
internal static class Kernels
{
    public static IEnumerable<Row?> Rows(bool tiny)
    {
        var quick = tiny ? new Effort(1, 2) : new Effort(1000, 20, 3);
        var slow = tiny ? new Effort(0, 1) : new Effort(1, 1, 2);
        var side = tiny ? 64 : 1024;
        var (x, r) = (Uniform(1, side * side), Uniform(2, side * side));
        var map = new float[side * side];

        foreach (var k in new[] { 3, 7, 21 })
        {
            var work = $"mean filter {k}×{k}, n = 3, {side}×{side}";
            void Filter() => MeanFilterKernel.Apply(x, map, side, side, k, 3);
            // In, rows out, columns out: four times the picture.
            yield return Limits.OfBytes(Comparison.Run(work, 1.5, quick, Filter, "cv2_blur", side, k), 4.0 * sizeof(float) * side * side);
            if (k == 21)
                yield return Comparison.Run(work, 10, quick with { Repeats = Math.Min(5, quick.Repeats) }, Filter, "avg_pool2d", side, k);
        }
        // Two pictures in, a map out.
        var moved = 3.0 * sizeof(float) * side * side;
        void Map(Measure measure) => DifferenceKernel.Map(measure, x, r, map, 1, side, side);
        yield return Limits.OfBytes(
            Comparison.Run($"SSIM map {side}×{side}", 5, quick, () => Map(Measure.Ssim), "ssim", side, Difference.ssimWindow),
            moved
        );
        yield return Limits.OfBytes(Comparison.Run($"GMS map {side}×{side}", 5, quick, () => Map(Measure.Gms), "gms", side, 0), moved);
        yield return Corrupt(tiny ? 64 : 256, quick);

        var pixels = tiny ? 10_000 : 100_000_000;
        yield return Auroc(pixels, slow);
        yield return Aupro(tiny ? 32 : 512, tiny ? 4 : 100, slow);
    }

    /// <summary>
    /// Plan and render on one thread; samples differ in cost, so that there are ten times as many, and means are compared.
    /// </summary>
    private static Row? Corrupt(int side, Effort effort)
    {
        var bank = Enumerable.Range(0, 8).Select(i => ImageModule.ofArray(3, side, side, Uniform((ulong)i, 3 * side * side))).ToArray();
        var plans = Fae.Core.Corruption.model(
            Fae.Core.Corruption.defaults,
            PaletteModule.ofImages(Microsoft.FSharp.Collections.ListModule.OfSeq(bank)),
            bank.Length
        );
        var corrupted = new float[3 * side * side];
        var mask = new float[side * side];
        ulong number = 0;
        void Work()
        {
            number++;
            var plan = Sampler.value(Fae.Core.Random.fork(number, Fae.Core.Random.ofSeed(1)), plans);
            CorruptionKernel.Render(bank, bank[number % 8].Pixels, side, side, plan, corrupted, mask);
        }
        var (ours, peer) = Comparison.InTurns(effort with { Repeats = 10 * effort.Repeats }, Work, "draem", side, 0);
        return Comparison.Beside(
            $"corruption, plan and render, {side}×{side} RGB, one thread",
            25,
            ours.Average(),
            peer,
            Enumerable.Average
        );
    }

    private static Row? Auroc(int count, Effort effort)
    {
        var scores = Uniform(1, count);
        var chance = Uniform(2, count);
        var labels = new bool[count];
        for (var i = 0; i < count; i++)
        {
            scores[i] = scores[i] * scores[i] * scores[i] * scores[i] * 0.01f;
            labels[i] = chance[i] < 0.02f + 2 * scores[i];
        }
        return Comparison.Run(
            $"AUROC (with AP and F1-max), exact, {count:N0} pixels",
            15,
            effort,
            () => MetricsKernel.Summarise(400, scores, labels),
            "auroc",
            count,
            0
        );
    }

    private static Row? Aupro(int side, int count, Effort effort)
    {
        var masks = Enumerable.Range(0, count).Select(i => Boxes(i, side)).ToList();
        var maps = masks
            .Select(
                (mask, i) =>
                    ImageModule.ofArray(1, side, side, Uniform((ulong)i, side * side).Zip(mask.Pixels, (v, m) => v + 0.3f * m).ToArray())
            )
            .ToList();
        return Comparison.Run(
            $"AUPRO, exact, {count} images of {side}×{side}",
            20,
            effort,
            () => OverlapOf(maps, masks),
            "aupro",
            side,
            count
        );
    }

    private static void OverlapOf(List<Image> maps, List<Image> masks)
    {
        var pixels = new PixelMetrics();
        for (var i = 0; i < maps.Count; i++)
            pixels.Add(maps[i], masks[i]);
        _ = pixels.Pro(0.3, 400).ResultValue;
    }

    /// <summary>Three boxes on every other mask.</summary>
    internal static Image Boxes(int number, int side)
    {
        var random = new System.Random(number);
        var pixels = new float[side * side];
        for (var box = 0; box < 3 && number % 2 == 0; box++)
        {
            var (top, left) = (random.Next(side - side / 8), random.Next(side - side / 8));
            for (var y = top; y < top + side / 16; y++)
                pixels.AsSpan(y * side + left, side / 8).Fill(1);
        }
        return ImageModule.ofArray(1, side, side, pixels);
    }

    internal static float[] Uniform(ulong seed, int count)
    {
        var values = new float[count];
        for (var i = 0; i < count; i++)
            values[i] = Fae.Core.Random.toUnit(Fae.Core.Random.hash(seed, (ulong)i));
        return values;
    }
}
