/// What `fae reproduce` was asked for: its cells, where each lies, what it is made by, and whether it is finished.
namespace Fae.Cli

open System
open System.IO
open System.Text.Json
open System.Text.Json.Nodes
open Argu
open Fae.Core
open Fae.Data
open Fae.Detection
open Fae.Engine
open Fae.Report

/// Everything that was asked for.
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
    /// A list of known words, or all that are not known at once.
    let private known name (tryParse: string -> 'a option) (all: 'a list) show (text: string) =
        let parsed = Settings.words text |> List.map (fun word -> word, tryParse word)

        match parsed |> List.filter (fun (_, value) -> value.IsNone) |> List.map fst with
        | [] -> Ok(parsed |> List.choose snd |> List.distinct)
        | unknown ->
            let choices = all |> List.map show |> String.concat ", "
            let asked = String.concat ", " unknown
            Error(Usage [ $"{name} {asked}: there are {choices}" ])

    /// The data sets of a folder, those of the paper in its order first.
    let private categoriesIn (root: string) =
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

    let private chosenCategories root (asked: string option) =
        match categoriesIn root, asked |> Option.map Settings.words with
        | [], _ when not (Directory.Exists root) -> Error(Data [ NoFolder root ])
        | [], _ ->
            Error(
                Usage
                    [
                        $"{root}: holds no data sets; each category is a folder with train/good, test and ground_truth in it"
                    ]
            )
        | there, None -> Ok there
        | there, Some asked ->
            match List.except there asked with
            | [] -> Ok(there |> List.filter (fun c -> List.contains c asked))
            | missing ->
                let missing, there = String.concat ", " missing, String.concat ", " there
                Error(Usage [ $"--categories {missing}: {root} holds {there}" ])

    /// What the command line asks for, or all that is wrong with it.
    let ofArguments (args: ParseResults<ReproduceArgs>) =
        result {
            let data = Path.GetFullPath(args.GetResult ReproduceArgs.Data)

            let! budget =
                let word = args.GetResult(ReproduceArgs.Budget, defaultValue = Budget.name Budget.Full)

                match Budget.tryParse word with
                | Some budget -> Ok budget
                | None -> Error(Usage [ $"--budget {word}: there are smoke, short and full" ])

            let! ablations =
                match args.GetResult(ReproduceArgs.Ablate, defaultValue = "none") with
                | "none" -> Ok []
                | text -> known "--ablate" Ablation.tryParse Ablation.all Ablation.name text

            let! methods =
                match args.GetResult(ReproduceArgs.Methods, defaultValue = Cell.paper) with
                | "all" -> Ok Method.running
                | text -> known "--methods" Method.tryFind Method.running _.Name text

            let seeds = args.GetResult(ReproduceArgs.Seeds, defaultValue = 1)
            do! Settings.positive "--seeds" seeds
            let! categories = chosenCategories data (args.TryGetResult ReproduceArgs.Categories)

            return
                {
                    Data = data
                    Out = Path.GetFullPath(args.GetResult ReproduceArgs.Out)
                    Budget = budget
                    Categories = categories
                    Ablations = ablations
                    Seeds = seeds
                    Cells = Cell.all (methods |> List.map _.Name) categories ablations seeds
                    Configs = args.TryGetResult ReproduceArgs.Configs |> Option.map Path.GetFullPath
                    Textures = args.TryGetResult ReproduceArgs.Textures |> Option.map Path.GetFullPath
                    Device = args.TryGetResult ReproduceArgs.Device
                }
        }

    /// Where a budget's models and tables lie; budgets never share a folder.
    let home sweep = Path.Combine(sweep.Out, Budget.name sweep.Budget)

    let folder sweep cell = Path.Combine(Array.ofList (home sweep :: "cells" :: Cell.path cell))

    let recordPath sweep cell = Path.Combine(folder sweep cell, "cell.json")

    let private parsed name config text =
        ConfigFile.parseOver config text
        |> Result.mapError (List.map (fun line -> $"{name}: {line}") >> Usage)

    /// A category's own configuration; `None` of one that has none, which is trained by the defaults.
    let ownConfig sweep category : Result<Config option, Fault> =
        let own =
            sweep.Configs
            |> Option.map (fun folder -> Path.Combine(folder, category + ".toml"))

        match own with
        | Some path when File.Exists path -> Settings.configFile path |> Result.map Some
        | _ ->
            match ConfigFile.builtIn ("mvtec/" + category) with
            | Some text -> parsed category Config.defaults text |> Result.map Some
            | None -> Ok None

    /// The category's configuration, then the method's, then what the cell leaves out, then the budget.
    let configOf sweep (cell: Cell) =
        result {
            let! own = ownConfig sweep cell.Category
            let ofCategory = defaultArg own Config.defaults

            let! ofMethod =
                match ConfigFile.builtIn ("methods/" + cell.Method) with
                | Some text -> parsed cell.Method ofCategory text
                | None -> Ok ofCategory

            return!
                Cell.config sweep.Budget cell ofMethod
                |> Config.check
                |> Result.mapError (List.map Config.explain >> Usage)
        }

    /// What a cell's result depends on: the configuration, and the names and sizes of the data set's files.
    let fingerprint sweep (cell: Cell) config =
        let root = Path.Combine(sweep.Data, cell.Category)

        let files =
            Directory.GetFiles(root, "*", SearchOption.AllDirectories)
            |> Array.sortWith (fun a b -> String.CompareOrdinal(a, b))
            |> Array.map (fun path -> $"{Path.GetRelativePath(root, path)} {FileInfo(path).Length}")

        Settings.digest ((ModelFile.ConfigToJson config).ToJsonString() + "\n" + String.concat "\n" files)

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
                        match JsonNode.Parse(File.ReadAllText path) with
                        | null -> Error(Model(path, "it is empty"))
                        | json -> Ok json
                    with :? JsonException as e ->
                        Error(Model(path, e.Message))

                let mark =
                    match json["fingerprint"] with
                    | null -> ""
                    | value -> value.GetValue<string>()

                do!
                    if mark = fingerprint sweep cell config then
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

        let listed pictures =
            pictures
            |> List.map (fun (name: string, path: string) -> name, FileInfo(path).Length)

        let content pictures = pictures |> List.map (fun (_, path: string) -> Settings.fileDigest path)

        let goodA, goodB = good a, good b

        configOf sweep a = configOf sweep b
        && not goodA.IsEmpty
        && listed goodA = listed goodB
        && content goodA = content goodB
