// Trains, evaluates, and fails the build when the image AUROC falls below a limit.
// Usage: dotnet fsi build.fsx FAE DATA OUT LIMIT [TRAIN ARGUMENTS]
open System.Diagnostics
open System.Globalization
open System.IO
open System.Text.Json

let run (command: string) (args: string list) =
    use child = Process.Start(ProcessStartInfo(command, args))
    child.WaitForExit()

    if child.ExitCode <> 0 then
        exit child.ExitCode

match List.ofArray fsi.CommandLineArgs |> List.tail with
| fae :: data :: out :: limit :: more ->
    let limit = System.Double.Parse(limit, CultureInfo.InvariantCulture)
    run fae ([ "train"; "--data"; data; "--out"; out ] @ more)
    run fae [ "eval"; "--model"; out; "--data"; data; "--out"; out ]
    use json = JsonDocument.Parse(File.ReadAllText(Path.Combine(out, "eval.json")))
    let auroc = json.RootElement.GetProperty("image_auroc").GetDouble()
    printfn $"image AUROC {auroc:F4}, limit {limit}"
    exit (if auroc >= limit then 0 else 1)
| _ ->
    eprintfn "usage: dotnet fsi build.fsx FAE DATA OUT LIMIT [TRAIN ARGUMENTS]"
    exit 2
