/// The evidence that can be had without MVTec AD: `fae reproduce` on the demo's parts in colour and in grey, on the magnetic tiles split
/// by kind of defect, every method on the demo's parts, and the methods on pretrained features on the real sets of ../shared/data. What it
/// writes is kept in docs/method/reproduction.
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

/// Of the real sets: no configuration, FAE by the defaults or the set's own configuration, and the methods on pretrained features.
let private onSets = "auto,fae,patchcore,simplenet,glass,rdpp,msflow,pni,realnet"

/// All sweeps, or those that are named: demo, tiles, methods, curves, and sets, which alone takes eight hours.
let write (names: string list) =
    Directory.CreateDirectory configs |> ignore
    demos ()
    let sets = Shell.inRoot [ ".."; "shared"; "data" ]

    for name, from, budget, categories, options in
        [
            "demo", data, "short", [ "demo-colour"; "demo-grey" ], [ "--ablate"; "noise"; "--seeds"; "5" ]
            "tiles", data, "short", tiles (), [ "--ablate"; "noise"; "--seeds"; "3" ]
            "methods", data, "short", [ "demo-methods" ], [ "--methods"; "all" ]
            "curves", data, "short", [ "demo-colour" ], [ "--ablate"; "curves"; "--seeds"; "3" ]
            "sets", sets, "full", [ "casting"; "magnetic-tile"; "ksdd"; "pcb" ], [ "--methods"; onSets ]
        ] do
        let there = categories |> List.filter (fun category -> Directory.Exists(Path.Combine(from, category)))

        if not there.IsEmpty && (names.IsEmpty && name <> "sets" || List.contains name names) then
            let out = Path.Combine(evidence, name)
            let places = [ "--data"; from; "--out"; out; "--configs"; configs; "--categories"; String.concat "," there ]
            Shell.fae ([ "reproduce"; "--budget"; budget; "--resume" ] @ places @ options)
            keep name (Path.Combine(out, budget))
