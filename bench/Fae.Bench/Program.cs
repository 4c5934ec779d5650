using System.Text.Json;
using Fae.Bench;

// `Fae.Bench kernels|inference|training|features|load|faults [--tiny]`: rows as JSON on standard output, what goes on as text on
// standard error.
// `Fae.Bench gpu [--tiny]`: training and inspection on a GPU beside PyTorch's; exit code 5 and a line where there is none.
// `Fae.Bench gpu-kernels [--tiny]`: the kernels, without libtorch, beside PyTorch's operators on the same GPU.
// `Fae.Bench growth FOLDER [--tiny]`: the points of the cost curves, and the curves drawn into that folder. `cost` measures one of them.
var tiny = args.Contains("--tiny");
switch (args.FirstOrDefault())
{
    case "kernels":
        return Write(Kernels.Rows(tiny).OfType<Row>());
    case "inference":
        return Write(Inference.Rows(tiny).OfType<Row>());
    case "training":
        return Write(Training.Rows(tiny).OfType<Row>());
    case "features":
        return Write(Features.Rows(tiny).OfType<Row>());
    case "load":
        Console.WriteLine(JsonSerializer.Serialize(Load.Measure(tiny), Results.Indented));
        return 0;
    case "faults":
        Console.WriteLine(JsonSerializer.Serialize(Load.MeasureFaults(tiny), Results.Indented));
        return 0;
    case "gpu":
        if ((Fae.Training.TorchRuntime.UseConfigured() ?? Gpu.Missing()) is { } missing)
        {
            Console.Error.WriteLine($"bench: {missing}");
            return 5;
        }
        return Write(Gpu.Rows(tiny));
    case "gpu-kernels":
        if (Fae.Gpu.DriverMachine.Missing() is { } noDriver)
        {
            Console.Error.WriteLine($"bench: {noDriver}");
            return 5;
        }
        return Write(GpuKernels.Rows(tiny).OfType<Row>());
    case "growth" when args.Length > 1:
        var costs = Growth.Costs(tiny).ToList();
        Growth.Draw(costs, args[1]);
        return Write(costs);
    case "cost" when args.Length > 2:
        Console.WriteLine(
            JsonSerializer.Serialize(Growth.Measure(args[1], int.Parse(args[2], System.Globalization.CultureInfo.InvariantCulture)))
        );
        return 0;
    default:
        Console.Error.WriteLine(
            "bench: say what to measure: kernels, inference, training, features, load, faults (which are a part of load), gpu, "
                + "gpu-kernels, or growth and a folder for its pictures"
        );
        return 2;
}

static int Write<T>(System.Collections.Generic.IEnumerable<T> results)
{
    Console.WriteLine(JsonSerializer.Serialize(results.ToList(), Results.Indented));
    return 0;
}

internal static class Results
{
    public static readonly JsonSerializerOptions Indented = new()
    {
        WriteIndented = true,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };
}
