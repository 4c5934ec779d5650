/// The accuracy table of the README: each row is trained by a configuration, and evaluated.
module Fae.Dev.Measure

open System.IO

/// What a row's figures come from.
type private Source =
    /// A training with these arguments, with a seed.
    | Training of folder: string * how: string list * seed: int
    /// The leaderboard's training without a configuration.
    | Automatic of set: string

/// One row: its name, its data set, and what was trained on it.
type private Measurement = { Name: string; Data: string; Source: Source }

let private folder = Shell.inArtifacts [ "measure" ]
let private demoData = Path.Combine(folder, "demo-data")

let private measurements =
    [
        let own name = [ "--config"; Shell.inRoot [ "configs"; name + ".toml" ] ]
        let shared name = Shell.inRoot [ ".."; "shared"; "data"; name ]

        let row name data source = { Name = name; Data = data; Source = source }

        for name in [ "magnetic-tile"; "pcb" ] -> row name (shared name) (Training(name, own name, 0))
        for seed in 0..2 -> row $"demo, seed {seed}" demoData (Training("demo", own "demo", seed))
        for name in Leaderboard.sets -> row $"{name}, no configuration" (shared name) (Automatic name)

        for seed in 0..2 -> row $"demo, no configuration, seed {seed}" demoData (Training("auto-demo", [ "--budget"; "6m" ], seed))
    ]

/// Trains (or resumes a training that was stopped) and evaluates.
let private train data name how seed =
    let out = Path.Combine(folder, $"{name}-{seed}")
    let resume = [ if File.Exists(Path.Combine(out, "checkpoint.safetensors")) then "--resume" ]
    Shell.fae ([ "train"; "--data"; data; "--out"; out; "--seed"; string seed ] @ how @ resume)
    Shell.fae [ "eval"; "--model"; out; "--data"; data; "--out"; out; "--compare"; Path.Combine(out, "compare.txt") ]
    Leaderboard.read (Path.Combine(out, "eval.json")) (Shell.commit ())

/// The row of the table.
let private measure m =
    let cell =
        match m.Source with
        | Training(name, how, seed) -> train m.Data name how seed
        | Automatic set -> Leaderboard.cell set "auto"

    let metrics = [ "image_auroc"; "pixel_auroc"; "aupro"; "image_ap"; "pixel_ap" ] |> List.map (Leaderboard.percent cell)
    Pages.row (m.Name :: cell.Evaluation.GetProperty("images").ToString() :: metrics @ [ cell.Commit ])

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
