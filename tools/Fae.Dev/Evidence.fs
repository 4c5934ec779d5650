/// The evidence that can be had without MVTec AD: `fae reproduce` on the demo's parts in colour and in grey, on the magnetic tiles split
/// by kind of defect, and every method on the demo's parts. What it writes is kept in docs/method/reproduction.
module Fae.Dev.Evidence

open System.IO

let private evidence = Shell.inArtifacts [ "evidence" ]
let private data, private configs = Path.Combine(evidence, "data"), Path.Combine(evidence, "configs")
let private config name = File.ReadAllText(Shell.inRoot [ "configs"; name + ".toml" ])
let private writeConfig (name: string) (text: string) = File.WriteAllText(Path.Combine(configs, name + ".toml"), text)

let private demo name seed text =
    Shell.fae [ "demo-data"; "--out"; Path.Combine(data, name); "--seed"; string seed ]
    writeConfig name text

let private demos () =
    let grey = (config "demo").Replace("size = 256", "size = 256\nchannels = \"grey\"")

    for seed, (name, text) in List.indexed [ "demo-colour", config "demo"; "demo-grey", grey ] do
        demo name seed text

    // Methods are compared after three times the steps of the shortest training.
    demo "demo-methods" 0 ((config "demo").Replace("steps = 600", "steps = 9000"))

/// A data set for each kind of defect of the magnetic tiles, by links.
let private tiles () =
    let from = Shell.inRoot [ ".."; "shared"; "data"; "magnetic-tile" ]

    [
        for kind in
            (if Directory.Exists from then
                 Directory.GetDirectories(Path.Combine(from, "test"))
             else
                 [||])
            |> Array.map Path.GetFileName do
            if kind <> "good" then
                let name = $"tile-{kind}"

                for part in [ "train/good"; "test/good"; $"test/{kind}"; $"ground_truth/{kind}" ] do
                    let link = Path.Combine(data, name, part)
                    Directory.CreateDirectory(string (Path.GetDirectoryName link)) |> ignore

                    if not (Directory.Exists link) then
                        Directory.CreateSymbolicLink(link, Path.GetFullPath(Path.Combine(from, part))) |> ignore

                writeConfig name (config "magnetic-tile")
                name
    ]

let private keep (name: string) (from: string) =
    for path in Directory.GetFiles(from, "*", SearchOption.AllDirectories) do
        let relative = Path.GetRelativePath(from, path)

        if not (relative.StartsWith "cells") && List.contains (Path.GetExtension path) [ ".md"; ".csv"; ".jpg" ] then
            let target = Path.Combine(Shell.inRoot [ "docs"; "method"; "reproduction"; name ], relative)
            Directory.CreateDirectory(string (Path.GetDirectoryName target)) |> ignore
            File.Copy(path, target, true)

/// All sweeps, or those that are named: demo, tiles, methods and curves.
let write (names: string list) =
    Directory.CreateDirectory configs |> ignore
    demos ()

    for name, categories, options in
        [
            "demo", [ "demo-colour"; "demo-grey" ], [ "--ablate"; "noise"; "--seeds"; "5" ]
            "tiles", tiles (), [ "--ablate"; "noise"; "--seeds"; "3" ]
            "methods", [ "demo-methods" ], [ "--methods"; "all" ]
            "curves", [ "demo-colour" ], [ "--ablate"; "curves"; "--seeds"; "3" ]
        ] do
        if not categories.IsEmpty && (names.IsEmpty || List.contains name names) then
            let out = Path.Combine(evidence, name)
            let places = [ "--data"; data; "--out"; out; "--configs"; configs; "--categories"; String.concat "," categories ]
            Shell.fae ([ "reproduce"; "--budget"; "short"; "--resume" ] @ places @ options)
            keep name (Path.Combine(out, "short"))
