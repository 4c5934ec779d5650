// Inspects picture files from an F# script. The package comes from a local folder (dotnet fsi build.fsx Pack), which #i takes only as a
// fixed absolute path. NuGet takes it from the environment too:
//     RestoreAdditionalProjectSources=$PWD/artifacts/packages dotnet fsi samples/04-fsharp-script/inspect.fsx MODEL PICTURE...
#r "nuget: Fae.Inference, 0.1.0"

open Fae

match List.ofArray fsi.CommandLineArgs |> List.tail with
| model :: (_ :: _ as pictures) ->
    use detector = Detector.Load model

    for part in detector.Inspect [| for path in pictures -> ImageSource.FromFile path |] do
        match part.Verdict with
        | Verdict.Unreadable -> printfn $"{part.Name}: unreadable: {part.Problem}"
        | verdict ->
            printfn $"{part.Name}: {verdict}, score {part.Score:G4}"

            for region in part.Regions do
                printfn $"  {region.Width}×{region.Height} at ({region.Left}, {region.Top}), {region.Area} pixels"
| _ ->
    eprintfn "usage: dotnet fsi inspect.fsx MODEL PICTURE..."
    exit 2
