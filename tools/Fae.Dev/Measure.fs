/// The accuracy table of the README: each row is trained by a configuration, and evaluated.
module Fae.Dev.Measure

open System.IO
open System.Text.Json

/// One row: a configuration on a data set with a seed.
type private Measurement = { Name: string; Folder: string; How: string list; Data: string; Seed: int }

let private folder = Shell.inArtifacts [ "measure" ]
let private demoData = Path.Combine(folder, "demo-data")

let private measurements =
    [
        let own name = [ "--config"; Shell.inRoot [ "configs"; name + ".toml" ] ]
        let shared name = Shell.inRoot [ ".."; "shared"; "data"; name ]

        for name in [ "magnetic-tile"; "pcb" ] -> { Name = name; Folder = name; How = own name; Data = shared name; Seed = 0 }
        for seed in 0..2 -> { Name = $"demo, seed {seed}"; Folder = "demo"; How = own "demo"; Data = demoData; Seed = seed }

        for name in [ "casting"; "pcb"; "magnetic-tile"; "ksdd" ] ->
            { Name = $"{name}, no configuration"; Folder = $"auto-{name}"; How = []; Data = shared name; Seed = 0 }

        for seed in 0..2 ->
            {
                Name = $"demo, no configuration, seed {seed}"
                Folder = "auto-demo"
                How = [ "--budget"; "6m" ]
                Data = demoData
                Seed = seed
            }
    ]

/// Trains (or resumes a training that was stopped) and evaluates; the row of the table.
let private measure m =
    let out = Path.Combine(folder, $"{m.Folder}-{m.Seed}")
    let resume = [ if File.Exists(Path.Combine(out, "checkpoint.safetensors")) then "--resume" ]
    Shell.fae ([ "train"; "--data"; m.Data; "--out"; out; "--seed"; string m.Seed ] @ m.How @ resume)
    Shell.fae [ "eval"; "--model"; out; "--data"; m.Data; "--out"; out; "--compare"; Path.Combine(out, "compare.txt") ]
    use json = JsonDocument.Parse(File.ReadAllText(Path.Combine(out, "eval.json")))

    let percent (key: string) =
        match json.RootElement.GetProperty key with
        | value when value.ValueKind = JsonValueKind.Number -> Shell.format "0.0" (100.0 * value.GetDouble())
        | _ -> "–"

    let metrics = [ "image_auroc"; "pixel_auroc"; "aupro"; "image_ap"; "pixel_ap" ] |> List.map percent
    Pages.row (m.Name :: json.RootElement.GetProperty("images").ToString() :: metrics @ [ Shell.commit () ])

/// Replaces the row of that name, and keeps the others.
let private writeRow m line =
    let headings =
        Pages.table [ "data set"; "test pictures"; "image AUROC"; "pixel AUROC"; "AUPRO"; "image AP"; "pixel AP"; "commit" ] []

    let row (old: string list) other =
        if other.Name = m.Name then
            Some line
        else
            old |> List.tryFind _.StartsWith($"| {other.Name} |")

    Pages.rewriteResults (Shell.inRoot [ "README.md" ]) "Measure" (fun old -> headings @ List.choose (row old) measurements)

/// All rows, or those that are named ("pcb", "demo, seed 1"). Hours, not minutes.
let write (names: string list) =
    Shell.fae [ "demo-data"; "--out"; demoData ]

    for m in measurements do
        if Directory.Exists m.Data && (names.IsEmpty || List.contains m.Name names) then
            writeRow m (measure m)
