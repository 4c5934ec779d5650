using System.Diagnostics;
using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using Fae.Core;
using static TorchSharp.torch;

namespace Fae.Training;

/// <summary>
/// Runs one small training step in a child process. A libtorch of another version than TorchSharp was built for may lack a symbol or use
/// another tensor layout, and then crashes the process. A success is cached per libtorch.
/// </summary>
public static class CompatibilityTrial
{
    private const string Variable = "FAE_COMPATIBILITY_TRIAL";
    private const string StageMark = "# ";
    private const int TimeoutMs = 120_000;

    /// <summary>Whether this process runs only the trial.</summary>
    public static bool IsOn => Environment.GetEnvironmentVariable(Variable) is not null;

    /// <summary>The part of that process: its exit code; what went wrong is on its standard output.</summary>
    public static int Play()
    {
        var problem = TorchRuntime.UseConfigured() ?? Step();
        Console.Out.WriteLine(problem);
        return problem is null ? 0 : 1;
    }

    /// <summary>Null where the libtorch in use learns as it should, else what happened to a process that tried.</summary>
    public static string? Problem()
    {
        if (
            TorchLibraries.Folder is not { } folder
            || Environment.ProcessPath is not { } process
            || Assembly.GetEntryAssembly() is not { } program
        )
            return null;
        var remembered = Remembered(folder);
        if (File.Exists(remembered))
            return null;
        var start = new ProcessStartInfo(process) { RedirectStandardOutput = true, RedirectStandardError = true };
        if (Path.GetFileNameWithoutExtension(process) != program.GetName().Name)
            start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, program.GetName().Name + ".dll"));
        start.Environment[Variable] = "1";
        start.Environment[TorchLibraries.Variable] = folder;
        using var child = Process.Start(start);
        if (child is null)
            return "it cannot be tried";
        // Both streams are drained; otherwise a child with much output blocks.
        var (said, complained) = (child.StandardOutput.ReadToEndAsync(), child.StandardError.ReadToEndAsync());
        if (!child.WaitForExit(TimeoutMs))
        {
            child.Kill();
            return "a step of a small training does not end";
        }
        if (child.ExitCode == 0)
        {
            Remember(remembered);
            return null;
        }
        var lines = new[] { said.Result, complained.Result }
            .SelectMany(text => text.Split('\n'))
            .Select(line => line.Trim())
            .Where(line => line.Length > 0)
            .ToList();
        var stage = lines.LastOrDefault(line => line.StartsWith(StageMark, StringComparison.Ordinal))?[StageMark.Length..] ?? "loading";
        return lines.FirstOrDefault(line => !line.StartsWith(StageMark, StringComparison.Ordinal)) is { } words
            ? $"{words} ({stage})"
            : $"a step of a small training ends the process (exit code {child.ExitCode}, {stage})";
    }

    /// <summary>Said before each stage, so that a crash tells where it was.</summary>
    private static void Enter(string stage)
    {
        Console.Out.WriteLine(StageMark + stage);
        Console.Out.Flush();
    }

    /// <summary>One step of a small network on the CPU, from known numbers; null where all of it is as it should be.</summary>
    private static string? Step()
    {
        try
        {
            const int side = 32,
                width = 4;
            using var scope = NewDisposeScope();
            Enter("tensors");
            var image = Noise.field(1, 0.2f, 1, side, side);
            var x = tensor(image.Pixels, [1, 1, side, side]);
            if (Math.Abs(x.sum().item<float>() - image.Pixels.Sum(value => (double)value)) > 1e-3)
                return "torch computes wrong sums";
            Enter("network");
            var settings = ConfigModule.defaults.Network;
            using var network = new Network(
                new(
                    settings.Kind,
                    settings.Perceptual,
                    settings.Latent,
                    settings.Patch,
                    settings.InpaintGrids,
                    settings.InpaintSets,
                    settings.SpaceToDepth,
                    width,
                    1,
                    settings.Dilations,
                    settings.Residual,
                    settings.BankSize,
                    settings.BankCap,
                    settings.BankPictures,
                    settings.BankScales,
                    settings.BankViews,
                    settings.BankPlaces
                ),
                1,
                Fae.Core.Random.ofSeed(1)
            );
            using var adam = new Adam(network.Module.named_parameters().Select(p => (p.name, (Tensor)p.parameter, 1.0)));
            var losses = Enumerable
                .Range(1, 2)
                .Select(step =>
                {
                    adam.ZeroGradients();
                    Enter($"forward pass {step}");
                    var loss = network
                        .Module.forward(x)
                        .Minus(tensor(Noise.field(2, 0.2f, 1, side, side).Pixels, [1, 1, side, side]))
                        .Squared()
                        .mean();
                    Enter($"gradients {step}");
                    loss.backward();
                    Enter($"optimiser {step}");
                    adam.Step(step, 0.01);
                    return loss.item<float>();
                })
                .ToList();
            // The first loss is known: the network starts as the identity and the noises are independent.
            var expected = image.Pixels.Zip(Noise.field(2, 0.2f, 1, side, side).Pixels, (a, b) => (double)(a - b) * (a - b)).Average();
            return Math.Abs(losses[0] - expected) > 1e-4 ? "torch computes a wrong loss"
                : losses[1] < losses[0] ? null
                : "a network does not learn";
        }
#pragma warning disable CA1031 // whatever goes wrong is the answer
        catch (Exception e)
#pragma warning restore CA1031
        {
            return (e.InnerException ?? e).Message.Split('\n')[0];
        }
    }

    private static string Remembered(string folder)
    {
        var library = Directory.EnumerateFiles(folder, "*torch_cpu.*").Select(path => new FileInfo(path)).First();
        var name = $"{library.FullName} {library.Length} {library.LastWriteTimeUtc.Ticks} {TorchRuntime.Version}";
        var cache = Path.Combine(
            Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify),
            "fae",
            "compatible"
        );
        return Path.Combine(cache, Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(name)))[..16]);
    }

    private static void Remember(string path)
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllBytes(path, []);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The trial is repeated at the next start.
        }
    }
}
