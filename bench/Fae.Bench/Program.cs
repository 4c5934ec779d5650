using System;
using System.Linq;
using System.Text.Json;
using Fae.Bench;

// `Fae.Bench kernels|inference|training [--tiny]`: rows as JSON on standard output, what goes on as text on standard error.
var tiny = args.Contains("--tiny");
var rows = args.FirstOrDefault() switch
{
    "kernels" => Kernels.Rows(tiny),
    "inference" => Inference.Rows(tiny),
    "training" => Training.Rows(tiny),
    _ => null,
};
if (rows is null)
{
    Console.Error.WriteLine("bench: say what to measure: kernels, inference or training");
    return 2;
}
Console.WriteLine(JsonSerializer.Serialize(rows.OfType<Row>().ToList(), Results.Indented));
return 0;

internal static class Results
{
    public static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
}
