using System.Diagnostics;
using Fae.Detection;
using Fae.Imaging;
using Fae.Training;

namespace Fae.Bench;

/// <summary>From a file's bytes to a verdict, and from a cold start to one; tiny sizes show that it runs, not how fast.</summary>
internal static class Inference
{
    public static IEnumerable<Row?> Rows(bool tiny)
    {
        TorchRuntime.SetEnvironment();
        TorchRuntime.KeepFreedMemory();
        var folder = Directory.CreateTempSubdirectory("fae-bench-").FullName;
        try
        {
            var side = tiny ? 64 : 256;
            Specimen.WriteModel(Path.Combine(folder, "model.safetensors"), Specimen.Set(("image.size", side), ("score.views", 1)));
            File.WriteAllBytes(Path.Combine(folder, "part.png"), ImageEncoder.toPng(Specimen.Picture(3, side, side)));
            foreach (
                var row in EndToEnd(folder, Path.Combine(folder, "part.png"), side, tiny ? new Effort(1, 3) : new Effort(2000, 100, 5))
            )
                yield return row;
            foreach (var row in Decode(Path.Combine(folder, "photo.jpg"), tiny))
                yield return row;
            yield return ColdStart(folder, Path.Combine(folder, "part.png"), side, tiny ? new Effort(0, 1) : new Effort(0, 1, 9));
        }
        finally
        {
            Directory.Delete(folder, true);
        }
    }

    private static IEnumerable<Row?> EndToEnd(string run, string file, int side, Effort effort)
    {
        using var detector = Detector.Load(Path.Combine(run, "model.safetensors"));
        var bytes = File.ReadAllBytes(file);
        void Work() => detector.Inspect([ImagePreparation.ofBytes(detector.Card.Config, 3, null, file, bytes).ResultValue.Image]);
        var (ours, peer) = Comparison.InTurns(effort, Work, "inference", side, 0, file);
        var work = $"inference, one {side}×{side} picture, PNG bytes to regions";
        var (card, weights) = ModelFile.Read(Path.Combine(run, "model.safetensors"));
        var operations = Limits.OfUNet(weights, card.Config.Network, side);
        yield return Limits.OfOperations(
            Comparison.Beside($"{work}, median", 2, Comparison.Median(ours), peer, Comparison.Median),
            operations
        );
        yield return Comparison.Beside($"{work}, 99th percentile", 2, Comparison.Percentile99(ours), peer, Comparison.Percentile99);
    }

    private static IEnumerable<Row?> Decode(string file, bool tiny)
    {
        var (height, width, side) = tiny ? (194, 259, 32) : (1944, 2592, 256);
        File.WriteAllBytes(file, ImageEncoder.toJpeg(Specimen.Picture(4, height, width)));
        var bytes = File.ReadAllBytes(file);
        var shape = Microsoft.FSharp.Core.FuncConvert.FromFunc<ValueTuple<int, int>, ValueTuple<int, int>>(_ => (side, side));
        var effort = tiny ? new Effort(1, 2) : new Effort(1000, 20, 3);
        foreach (var peer in new[] { "decode_opencv", "decode_pillow" })
            yield return Comparison.Run(
                $"decode and resize a JPEG of {width}×{height} to {side}×{side}",
                2,
                effort,
                () => ImageDecoder.readBytes(3, shape, file, bytes),
                peer,
                side,
                0,
                file
            );
    }

    /// <summary>A process for each measurement, on both sides.</summary>
    private static Row? ColdStart(string run, string file, int side, Effort effort)
    {
        var fae = Path.Combine(AppContext.BaseDirectory, "..", "bin", "fae");
        void Work()
        {
            using var child =
                Process.Start(
                    new ProcessStartInfo(fae, ["inspect", "--model", run, file, "--json", "-"])
                    {
                        RedirectStandardOutput = true,
                        RedirectStandardError = true,
                    }
                ) ?? throw new InvalidOperationException($"{fae} does not start");
            child.StandardOutput.ReadToEnd();
            child.WaitForExit();
            if (child.ExitCode != 0)
                throw new InvalidOperationException(child.StandardError.ReadToEnd());
        }
        return Comparison.Run("cold start: one picture inspected by a new process", 2, effort, Work, "cold_start", side, 0, file);
    }
}
