/// A sweep: its cells, the folder and configuration of each, and whether it is finished.
namespace Fae.Paper

open System.IO
open System.Text.Json
open Fae.Core
open Fae.Data
open Fae.Detection
open Fae.Imaging
open Fae.Report
open FsToolkit.ErrorHandling

/// What `fae reproduce` trains and where.
type Sweep =
    {
        Data: string
        Out: string
        Budget: Budget
        Categories: string list
        Ablations: Ablation list
        Seeds: int
        Cells: Cell list
        Configs: string option
        Textures: string option
        Device: string option
    }

[<RequireQualifiedAccess>]
module Sweep =
    /// The data sets of a folder, those of the paper in its order first.
    let categoriesIn (root: string) =
        let there =
            if Directory.Exists root then
                Directory.GetDirectories root
                |> Array.filter (fun folder -> Directory.Exists(Path.Combine(folder, "train", "good")))
                |> Array.map Files.name
                |> Array.sort
                |> List.ofArray
            else
                []

        (Published.categories |> List.filter (fun c -> List.contains c there))
        @ List.except Published.categories there

    /// Where a budget's models and tables lie; budgets never share a folder.
    let home sweep = Path.Combine(sweep.Out, Budget.name sweep.Budget)

    let folder sweep cell = Path.Combine(Array.ofList (home sweep :: "cells" :: Cell.path cell))

    let recordPath sweep cell = Path.Combine(folder sweep cell, "cell.json")

    let private parsed name config text =
        ConfigText.Parse(text, config) |> Result.mapError (List.map (fun line -> $"{name}: {line}") >> Usage)

    /// A category's own configuration; `None` of one that has none, which is trained by the defaults.
    let ownConfig sweep category : Result<Config option, Fault> =
        let own = sweep.Configs |> Option.map (fun folder -> Path.Combine(folder, category + ".toml"))

        match own with
        | Some path when File.Exists path ->
            ConfigFile.read path |> Result.mapError (List.map (fun line -> $"{path}: {line}") >> Usage) |> Result.map Some
        | _ ->
            match ConfigFile.builtIn ("mvtec/" + category) with
            | Some text -> parsed category Config.defaults text |> Result.map Some
            | None -> Ok None

    /// The category's configuration, then the method's, then what the cell leaves out, then the budget. Without a configuration means
    /// without the category's too.
    let configOf sweep (cell: Cell) =
        result {
            let! own = ownConfig sweep cell.Category
            let ofCategory = defaultArg own Config.defaults

            let! ofMethod =
                match ConfigFile.builtIn ("methods/" + cell.Method) with
                | _ when cell.Method = Method.automatic.Name -> Ok Config.automatic
                | Some text -> parsed cell.Method ofCategory text
                | None -> Ok ofCategory

            return!
                Cell.config sweep.Budget cell ofMethod
                |> Config.check
                |> Result.mapError (List.map ConfigError.explain >> Usage)
        }

    /// What a cell's result depends on: the configuration, and the names and sizes of the data set's files.
    let fingerprint sweep (cell: Cell) config =
        let root = Path.Combine(sweep.Data, cell.Category)

        let files =
            Directory.GetFiles(root, "*", SearchOption.AllDirectories)
            |> Array.sortWith (fun a b -> System.String.CompareOrdinal(a, b))
            |> Array.map (fun path -> $"{Path.GetRelativePath(root, path)} {FileInfo(path).Length}")

        Digest.ofText (Config.toToml config + "\n" + String.concat "\n" files)

    /// What a finished cell gave; `None` of one that is not finished.
    let finished sweep cell : Result<CellResult option, Fault> =
        result {
            let path = recordPath sweep cell

            if not (File.Exists path) then
                return None
            else
                let! config = configOf sweep cell

                let! json =
                    try
                        match JsonSerializer.Deserialize<EvaluationJson>(File.ReadAllText path, FaeJson.Compact) with
                        | null -> Error(Model(path, "it is empty"))
                        | json -> Ok json
                    with :? JsonException as e ->
                        Error(Model(path, e.Message))

                do!
                    if string json.Fingerprint = fingerprint sweep cell config then
                        Ok()
                    else
                        Error(Model(path, "it was made with another configuration or other data; take another --out, or delete its folder"))

                return Some(CellResult.ofJson cell json)
        }

    /// Whether two cells train on the same good pictures by the same configuration.
    let trainsAs sweep (a: Cell) (b: Cell) =
        let good (cell: Cell) =
            let root = Path.Combine(sweep.Data, cell.Category)

            match DataSet.split 0.5f 0 root with
            | Ok split ->
                split.Training @ split.HeldOut
                |> List.map (fun path -> Path.GetRelativePath(root, path), path)
                |> List.sortBy fst
            | Error _ -> []

        let listed pictures = pictures |> List.map (fun (name: string, path: string) -> name, FileInfo(path).Length)

        let content pictures = pictures |> List.map (fun (_, path: string) -> Digest.ofFile path)

        let goodA, goodB = good a, good b

        configOf sweep a = configOf sweep b
        && not goodA.IsEmpty
        && listed goodA = listed goodB
        && content goodA = content goodB
