// InspectFSharp MODEL PICTURE...: the regions of each picture.
open System
open Fae

[<EntryPoint>]
let main argv =
    match List.ofArray argv with
    | model :: (_ :: _ as pictures) ->
        use detector = Detector.Load model

        for part in detector.Inspect [| for path in pictures -> ImageSource.FromFile path |] do
            match part.Verdict with
            | Verdict.Unreadable -> printfn $"{part.Name}: unreadable: {part.Problem}"
            | verdict ->
                printfn $"{part.Name}: {verdict}, score {part.Score:G4}"

                for region in part.Regions do
                    printfn $"  {region.Width}×{region.Height} at ({region.Left}, {region.Top}), {region.Area} pixels"

        0
    | _ ->
        eprintfn "usage: InspectFSharp MODEL PICTURE..."
        2
