/// What `fae train` without a configuration, FAE by the defaults, and the methods on pretrained features reach on the real sets of
/// ../shared/data. Each is a cell of `fae reproduce` in artifacts/leaderboard; its row on the page stays until it is measured again, so
/// that the table fills over several days and machines.
module Fae.Dev.Leaderboard

open System
open System.IO
open System.Text.Json

let private page = Shell.inRoot [ "docs"; "method"; "leaderboard.md" ]
let private out = Shell.inArtifacts [ "leaderboard" ]
let private data = Shell.inRoot [ ".."; "shared"; "data" ]

let sets = [ "casting"; "pcb"; "magnetic-tile"; "ksdd" ]

let private automatic = "no configuration"

/// What `fae reproduce` calls a method, and what the table calls it. The quick ones first.
let private methods =
    [
        "auto", automatic
        "patchcore", "PatchCore"
        "pni", "PNI"
        "simplenet", "SimpleNet"
        "rdpp", "RD++"
        "msflow", "MSFlow"
        "realnet", "RealNet"
        "glass", "GLASS"
        "fae", "FAE"
    ]

/// A finished cell: its evaluation, and the commit of the program that trained it.
type Cell = { Evaluation: JsonElement; Commit: string }

/// What an evaluation wrote.
let read (path: string) commit =
    use json = JsonDocument.Parse(File.ReadAllText path)
    { Evaluation = json.RootElement.Clone(); Commit = commit }

/// Trains and evaluates a method on a set, unless that is done; goes on with a training that was stopped.
let cell (set: string) (method: string) : Cell =
    let folder = Path.Combine(out, "full", "cells", method, set, "whole", "seed-0")
    let record, commit = Path.Combine(folder, "cell.json"), Path.Combine(folder, "commit.txt")

    if not (File.Exists record) then
        Shell.fae [ "reproduce"; "--resume"; "--data"; data; "--out"; out; "--categories"; set; "--methods"; method ]
        File.WriteAllText(commit, Shell.commit ())

    read record (File.ReadAllText commit)

let private text pattern scale (cell: Cell) (key: string) =
    match cell.Evaluation.TryGetProperty key with
    | true, value when value.ValueKind = JsonValueKind.Number -> Shell.format pattern (scale * value.GetDouble())
    | _ -> "–"

/// A metric of an evaluation, in percent.
let percent cell key = text "0.0" 100.0 cell key

let private headings =
    [
        "set"
        "method"
        "image AUROC"
        "pixel AUROC"
        "AUPRO"
        "pixel AP"
        "minutes to train"
        "ms to inspect"
        "commit"
    ]

let private rowOf set (title: string) cell =
    [ set; title ]
    @ List.map (percent cell) [ "image_auroc"; "pixel_auroc"; "aupro"; "pixel_ap" ]
    @ [ text "0.0" (1.0 / 60.0) cell "training_seconds"; text "0" 1.0 cell "inspection_milliseconds"; cell.Commit ]

/// The cells of each row of a table.
let private rowsOf (lines: string list) =
    let cells (row: string) = row.Trim('|', ' ').Split '|' |> Array.map _.Trim() |> List.ofArray
    lines |> List.filter _.StartsWith('|') |> List.map cells

/// What a user who chose a single method by the labels would have.
let private bestByLabels (rows: string list list) =
    let auroc (row: string list) = Double.Parse(row[2], Globalization.CultureInfo.InvariantCulture)

    match rows |> List.filter (fun row -> row[1] <> automatic) with
    | single when single.Length < 2 -> []
    | single ->
        let best = List.maxBy auroc single
        [ [ best[0]; $"best single method by the labels: {best[1]}"; best[2] ] @ List.replicate 6 "" ]

/// The page with a new row in its place; the other rows as they are.
let private writeRow (row: string list) =
    Pages.rewriteResults page "Leaderboard" (fun old ->
        let key (row: string list) = row[0], row[1]
        let found = row :: (rowsOf old |> List.filter (fun other -> key other <> key row))

        let block set =
            let ofSet = methods |> List.choose (fun (_, title) -> found |> List.tryFind (fun row -> key row = (set, title)))
            ofSet @ bestByLabels ofSet

        Pages.table headings (List.collect block sets))

/// The rows that the page lacks, or those that are named: sets, methods, or both ("casting/auto").
let write (names: string list) =
    let there = File.ReadAllLines page |> List.ofArray |> rowsOf

    for method, title in methods do
        for set in sets do
            let missing = not (there |> List.exists (fun row -> row[0] = set && row[1] = title))
            let named = names |> List.exists (fun name -> List.contains name [ set; method; $"{set}/{method}" ])

            if Directory.Exists(Path.Combine(data, set)) && (named || names.IsEmpty && missing) then
                writeRow (rowOf set title (cell set method))
