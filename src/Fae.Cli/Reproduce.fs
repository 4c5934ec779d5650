/// fae reproduce: the paper's tables and figures from one's own copy of the data. Each model is a cell with a folder of its own; what it gave is
/// written last, so that a cell is finished or it is not, and nothing is trained twice.
namespace Fae.Cli

open System
open System.IO
open System.Security.Cryptography
open System.Text
open System.Text.Json
open System.Text.Json.Nodes
open System.Threading
open Argu
open Fae.Core
open Fae.Data
open Fae.Engine
open Fae.Report

/// Everything that was asked for.
type private Sweep =
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
module Reproduce =
    let private words (text: string) =
        text.Split(',', StringSplitOptions.RemoveEmptyEntries ||| StringSplitOptions.TrimEntries)
        |> List.ofArray

    /// A list of known words, or all that are not known at once.
    let private known name (tryParse: string -> 'a option) (all: 'a list) show (text: string) =
        let parsed = words text |> List.map (fun word -> word, tryParse word)

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
        match categoriesIn root, asked |> Option.map words with
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

    let private sweep (args: ParseResults<ReproduceArgs>) =
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
    let private home sweep = Path.Combine(sweep.Out, Budget.name sweep.Budget)

    let private folder sweep cell = Path.Combine(Array.ofList (home sweep :: "cells" :: Cell.path cell))

    let private recordPath sweep cell = Path.Combine(folder sweep cell, "cell.json")

    let private parsed name config text =
        ConfigFile.parseOver config text
        |> Result.mapError (List.map (fun line -> $"{name}: {line}") >> Usage)

    /// A category's own configuration: what it is called and its text; `None` of one that has none, which is trained by the defaults.
    let private ownConfig sweep category : Result<(string * string) option, Fault> =
        let own =
            sweep.Configs
            |> Option.map (fun folder -> Path.Combine(folder, category + ".toml"))

        match own with
        | Some path when File.Exists path ->
            try
                Ok(Some(path, File.ReadAllText path))
            with
            | :? IOException
            | :? UnauthorizedAccessException as e -> Error(Usage [ e.Message ])
        | _ ->
            Ok(
                ConfigFile.builtIn ("mvtec/" + category)
                |> Option.map (fun text -> category, text)
            )

    /// The category's configuration, then the method's, then what the cell leaves out, then the budget.
    let private configOf sweep (cell: Cell) =
        result {
            let! own = ownConfig sweep cell.Category

            let! ofCategory =
                match own with
                | Some(name, text) -> parsed name Config.defaults text
                | None -> Ok Config.defaults

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
    let private fingerprint sweep (cell: Cell) config =
        let root = Path.Combine(sweep.Data, cell.Category)

        let files =
            Directory.GetFiles(root, "*", SearchOption.AllDirectories)
            |> Array.sortWith (fun a b -> String.CompareOrdinal(a, b))
            |> Array.map (fun path -> $"{Path.GetRelativePath(root, path)} {FileInfo(path).Length}")

        let text = (ModelFile.ConfigToJson config).ToJsonString() + "\n" + String.concat "\n" files
        Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes text))

    /// What a finished cell gave; `None` of one that is not finished.
    let private finished sweep cell : Result<CellResult option, Fault> =
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
    let private trainsAs sweep (a: Cell) (b: Cell) =
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

        let content pictures =
            pictures
            |> List.map (fun (_, path: string) -> Convert.ToHexString(SHA256.HashData(File.ReadAllBytes path)))

        let goodA, goodB = good a, good b

        configOf sweep a = configOf sweep b
        && not goodA.IsEmpty
        && listed goodA = listed goodB
        && content goodA = content goodB

    /// Takes over what another category has trained on the very same pictures: a data set that is split by kinds of defects is trained on once.
    let private takeOver sweep (cell: Cell) =
        let twin =
            sweep.Categories
            |> List.map (fun category -> { cell with Category = category })
            |> List.tryFind (fun other ->
                other <> cell
                && File.Exists(recordPath sweep other)
                && not (File.Exists(Path.Combine(folder sweep cell, "checkpoint.safetensors")))
                && trainsAs sweep cell other)

        match twin with
        | None -> false
        | Some other ->
            for path in Directory.GetFiles(folder sweep other) do
                let name = Files.name path

                if name <> "cell.json" && name <> "checkpoint.safetensors" then
                    AtomicFile.Write(
                        Path.Combine(folder sweep cell, name),
                        fun stream ->
                            use from = File.OpenRead path
                            from.CopyTo stream
                    )

            Console.say $"the same good pictures and configuration as {other.Category}: its model is taken"
            true

    /// Trains (or goes on training), evaluates, and writes what the cell gave; false if it was asked to stop before the end.
    let private train (stop: CancellationToken) sweep cell =
        result {
            let! config = configOf sweep cell
            let data, out = Path.Combine(sweep.Data, cell.Category), folder sweep cell

            let! complete =
                if takeOver sweep cell then
                    Ok true
                else
                    Train.obey
                        stop
                        {
                            Config = config
                            Data = data
                            Out = out
                            Device = sweep.Device
                            Resume = File.Exists(Path.Combine(out, "checkpoint.safetensors"))
                            Textures = sweep.Textures
                            Ignore = None
                        }

            if complete then
                use! detector = Settings.detector sweep.Device out
                let! evaluation, _ = Eval.measure false detector data
                let json = Evaluation.toJson evaluation
                json["fingerprint"] <- JsonValue.Create(fingerprint sweep cell config)
                json["scoring"] <- JsonValue.Create(Calibrator.Describe detector.Calibration.Scoring)
                AtomicFile.WriteText(recordPath sweep cell, json.ToJsonString(JsonSerializerOptions(WriteIndented = true)) + "\n")

            return complete
        }

    /// What goes wrong with the machine in one cell, as a fault of it.
    let private attempt work =
        try
            work ()
        with
        | :? IOException
        | :? UnauthorizedAccessException
        | :? OutOfMemoryException
        | :? System.Runtime.InteropServices.ExternalException as e -> Error(Machine(e.Message.Split('\n')[0]))

    /// Every cell that is not finished, one after the other. A category that cannot be trained stops no other.
    let private runAll sweep =
        Interrupts.watch (fun stop ->
            let total = sweep.Cells.Length

            let one (faults: Fault list) (number, cell) =
                if stop.IsCancellationRequested then
                    faults
                else
                    let heading = $"[{number + 1}/{total}] {Cell.describe cell}"

                    match finished sweep cell with
                    | Ok(Some _) ->
                        Console.say $"{heading}: finished before"
                        faults
                    | Error fault -> fault :: faults
                    | Ok None ->
                        Console.say heading

                        match attempt (fun () -> train stop sweep cell) with
                        | Ok _ -> faults
                        | Error fault ->
                            for line in Fault.lines fault do
                                Console.warn $"{Cell.describe cell}: {line}"

                            fault :: faults

            let faults = sweep.Cells |> List.indexed |> List.fold one []
            stop.IsCancellationRequested, List.rev faults)

    // What people look at

    /// Test pictures of a category that are shown: the first of each kind of defect, by name and not by how well they went.
    let private shown most data =
        DataSet.testPictures data
        |> Result.map (fun pictures ->
            pictures
            |> List.filter _.Anomalous
            |> List.groupBy _.Defect
            |> List.map (fun (_, some) -> List.head some)
            |> List.truncate most)
        |> Result.defaultValue []

    /// What some models say of a category's pictures; none if a model is missing.
    let private exhibits sweep most (models: (string * Cell) list) category =
        let data = Path.Combine(sweep.Data, category)

        let here =
            models
            |> List.map (fun (title, cell) -> title, { cell with Category = category })

        if here |> List.exists (fun (_, cell) -> not (File.Exists(recordPath sweep cell))) then
            []
        else
            let pictures = shown most data

            let opinions =
                here
                |> List.choose (fun (title, cell) ->
                    match Settings.detector sweep.Device (folder sweep cell) with
                    | Error _ -> None
                    | Ok detector ->
                        use detector = detector
                        let card = detector.Card

                        pictures
                        |> List.choose (fun picture ->
                            match Settings.prepare card.Config card.Channels None picture.Path with
                            | Error _ -> None
                            | Ok read ->
                                let mask =
                                    picture.Mask
                                    |> Option.bind (fun path ->
                                        ImageFile.readMask (Config.preparedShape card.Config) path |> Result.toOption)

                                Some(
                                    picture,
                                    read.Image,
                                    mask,
                                    {
                                        Title = title
                                        Calibration = detector.Calibration
                                        Finding = detector.Inspect([| read.Image |])[0]
                                    }
                                ))
                        |> Some)

            if opinions.Length < here.Length then
                []
            else
                [
                    for row in List.transpose opinions do
                        let picture, input, mask, _ = List.head row

                        {
                            Caption = $"{category}: {picture.Defect}/{Files.name picture.Path}"
                            Input = input
                            Mask = mask
                            Opinions = row |> List.map (fun (_, _, _, opinion) -> opinion)
                        }
                ]

    let private figures sweep =
        let model methodName without =
            {
                Method = methodName
                Category = ""
                Without = without
                Seed = 0
            }

        let over most models = sweep.Categories |> List.collect (exhibits sweep most models)
        let whole = model Cell.paper None

        let methods =
            Method.all
            |> List.filter (fun m -> sweep.Cells |> List.exists (fun cell -> cell.Method = m.Name))

        [
            Figure.reconstructions "heatmaps" "Reconstructions and heatmaps" (over 3 [ "FAE", whole ])
            for ablation in sweep.Ablations do
                let name = Ablation.describe ablation

                Figure.reconstructions
                    $"reconstructions-{Ablation.name ablation}"
                    $"With and without {name}"
                    (over 2 [ "with", whole; "without", model Cell.paper (Some ablation) ])
            if methods.Length > 1 then
                Figure.heatmaps "methods" "Heatmaps across methods" (over 2 [ for m in methods -> m.Title, model m.Name None ])
        ]
        |> List.filter (fun figure -> not figure.Rows.IsEmpty)

    /// Writes the tables and figures of what is finished.
    let private collect sweep =
        result {
            let! states = traverse (finished sweep) sweep.Cells
            let done' = List.choose id states
            let missing = sweep.Cells |> List.except (done' |> List.map _.Cell)
            let ofPaper = done' |> List.filter (fun r -> r.Cell.Without.IsNone)

            let sheets =
                [
                    Tables.image sweep.Budget ofPaper
                    Tables.pixel sweep.Budget ofPaper
                    for ablation in sweep.Ablations do
                        if ablation = Ablation.Noise then
                            Tables.noise sweep.Budget done'
                        else
                            Tables.ablation sweep.Budget ablation done'
                    Tables.methods ofPaper
                ]

            let preface =
                [
                    $"{sweep.Categories.Length} categories, {sweep.Seeds} seed(s), {Budget.describe sweep.Budget}; {done'.Length} of {sweep.Cells.Length} models are finished."
                    "Columns with \"here\" were measured by fae reproduce; all others are the paper's, as printed."
                    "No choice was made by looking at test labels: scoring and the best weights were chosen on synthetic defects painted on held-out good pictures. AUROCs are exact, at the network's size."
                    if not missing.IsEmpty then
                        let names = missing |> List.map Cell.describe |> String.concat "; "
                        $"Missing: {names}."
                ]
                |> String.concat " "

            Reproduced.write (home sweep) $"The paper's tables, {Budget.name sweep.Budget} budget" preface sheets (figures sweep)
            Console.say $"""wrote {Path.Combine(home sweep, "report.html")} ({done'.Length} of {sweep.Cells.Length} models)"""
            return missing
        }

    /// The same call with other arguments at its end, paths made whole.
    let private again (args: ParseResults<ReproduceArgs>) sweep more =
        let given name value = value |> Option.map (fun v -> [ name; v ]) |> Option.defaultValue []

        [ "reproduce"; "--data"; sweep.Data; "--out"; sweep.Out; "--resume" ]
        @ [ "--categories"; String.concat "," sweep.Categories ]
        @ [ "--budget"; Budget.name sweep.Budget; "--seeds"; string sweep.Seeds ]
        @ given "--methods" (args.TryGetResult ReproduceArgs.Methods)
        @ given "--ablate" (args.TryGetResult ReproduceArgs.Ablate)
        @ given "--configs" sweep.Configs
        @ given "--textures" sweep.Textures
        @ given "--device" sweep.Device
        @ more

    let private submit (args: ParseResults<ReproduceArgs>) sweep =
        result {
            let! states = traverse (finished sweep) sweep.Cells

            return!
                Slurm.submit
                    {
                        Folder = Path.Combine(home sweep, "slurm")
                        Task = again args sweep [ "--cell" ]
                        Collect = again args sweep [ "--collect" ]
                        Pending =
                            states
                            |> List.indexed
                            |> List.filter (fun (_, state) -> state.IsNone)
                            |> List.map fst
                        Partition = args.TryGetResult ReproduceArgs.Partition
                        Options = args.GetResults ReproduceArgs.Sbatch
                    }
        }

    /// Models of an earlier call are gone on with only if asked.
    let private mayGoOn (args: ParseResults<ReproduceArgs>) sweep =
        let begun = sweep.Cells |> List.filter (fun cell -> Directory.Exists(folder sweep cell))

        if
            begun.IsEmpty
            || args.Contains ReproduceArgs.Resume
            || args.Contains ReproduceArgs.Collect
        then
            Ok()
        else
            Error(
                Usage
                    [
                        $"{home sweep}: already holds {begun.Length} of these models; go on with --resume, or take another --out"
                    ]
            )

    let run (args: ParseResults<ReproduceArgs>) : Result<int, Fault> =
        result {
            let! sweep = sweep args
            do! mayGoOn args sweep

            // A configuration that cannot be, and pictures that are not there, are found before the first step.
            let! _ = traverse (configOf sweep) sweep.Cells

            let testPictures category =
                DataSet.testPictures (Path.Combine(sweep.Data, category))
                |> Result.mapError Data

            let! _ = traverse testPictures sweep.Categories
            let! owns = traverse (ownConfig sweep) sweep.Categories

            for category, own in List.zip sweep.Categories owns do
                if own.IsNone then
                    Console.say
                        $"{category}: has no configuration of its own (--configs DIR with {category}.toml); it is trained by the defaults"

            match args.TryGetResult ReproduceArgs.Cell with
            | Some number when number < 0 || number >= sweep.Cells.Length ->
                return! Error(Usage [ $"--cell {number}: there are 0 to {sweep.Cells.Length - 1}" ])
            | Some number ->
                let cell = sweep.Cells[number]
                Console.say (Cell.describe cell)

                match! finished sweep cell with
                | Some _ -> return 0
                | None -> return! Interrupts.watch (fun stop -> train stop sweep cell) |> Result.map (fun _ -> 0)
            | None ->
                if args.Contains ReproduceArgs.Slurm then
                    return! submit args sweep
                elif args.Contains ReproduceArgs.Collect then
                    let! _ = collect sweep
                    return 0
                else
                    let stopped, faults = runAll sweep
                    let! missing = collect sweep

                    if stopped then
                        Console.say $"stopped; {missing.Length} models are left, go on with --resume"

                    return!
                        match faults with
                        | [] -> Ok 0
                        | first :: _ -> Error first
        }
