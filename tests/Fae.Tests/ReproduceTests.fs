/// The paper's tables, the configurations and methods behind them, and the sweep that fills them.
module Fae.Tests.ReproduceTests

open System
open System.IO
open System.Threading
open Expecto
open Fae.Core
open Fae.Data
open Fae.Detection
open Fae.Engine
open Fae.Report
open Fae.Tests.Helpers

// Tables

/// Results made up by rule: a value from the cell's words and numbers, no two alike.
let private madeUp =
    let value (cell: Cell) salt =
        let text = String.concat "/" (Cell.path cell) + salt
        let key = text |> Seq.fold (fun key letter -> Random.mix64 (key + uint64 letter)) 1UL
        0.9 + 0.1 * float (Random.toUnit key)

    [
        for cell in Cell.all [ "fae"; "riad" ] [ "carpet"; "transistor"; "capsule"; "my_part" ] [ Ablation.Noise; Ablation.Curves ] 3 ->
            {
                Cell = cell
                ImageAuroc = Some(value cell "image")
                PixelAuroc =
                    if cell.Category = "my_part" then
                        None
                    else
                        Some(value cell "pixel")
                Aupro = None
            }
    ]

let private whole = madeUp |> List.filter (fun r -> r.Cell.Without.IsNone)

let private sheets =
    [
        Tables.image Budget.Full whole
        Tables.pixel Budget.Full whole
        Tables.noise Budget.Full madeUp
        Tables.ablation Budget.Full Ablation.Curves madeUp
        Tables.methods whole
    ]

let private entryOf sheet row column =
    let at = sheet.Columns |> List.findIndex ((=) column)

    sheet.Rows
    |> List.pick (function
        | Row(name, entries) when name = row -> Some entries[at - 1]
        | _ -> None)

let private faces: (string * (Sheet -> string)) list =
    [
        "md", Sheet.toMarkdown
        "csv", Sheet.toCsv
        "tex", Sheet.toLatex
        "html", Sheet.toHtml
    ]

let private tables =
    testList
        "Tables"
        [
            test "the published tables are whole: sixteen methods, fifteen categories and three averages; a line of the ablation each" {
                for table in [ Published.imageAuroc; Published.pixelAuroc ] do
                    Expect.equal table.Methods.Length 16 "methods"
                    Expect.equal table.Rows.Length 18 "rows"
                    Expect.isTrue (table.Rows |> List.forall (fun (_, entries) -> entries.Length = 16)) "entries"

                Expect.equal (Published.noise |> List.map _.Category) Published.categories "Table 3"
            }

            test "misprints are kept and marked: RD++'s lost number and averages, LSR's, FAE's, capsule's improvement" {
                let image, pixel, noise = sheets[0], sheets[1], sheets[2]
                Expect.equal (Entry.full (entryOf pixel "transistor" "RD++")) "0.0‡" "the lost number"
                Expect.equal (Entry.full (entryOf pixel "avg. all (printed)" "RD++")) "98.3†" "its average"
                Expect.equal (entryOf pixel "avg. all (recomputed)" "RD++").Text "91.7" "recomputed"
                Expect.equal (Entry.full (entryOf pixel "avg. all (printed)" "LSR")) "94.2†" "LSR"
                Expect.equal (entryOf pixel "avg. all (recomputed)" "LSR").Text "93.9" "recomputed"
                Expect.equal (Entry.full (entryOf image "avg. all (printed)" "FAE")) "99.9†" "FAE"
                Expect.equal (entryOf image "avg. all (recomputed)" "FAE").Text "100.0" "recomputed"
                Expect.equal (Entry.full (entryOf noise "capsule" "paper, improvement")) "+0.09§" "capsule"

                let marked =
                    noise.Rows
                    |> List.sumBy (function
                        | Row(_, entries) when entries |> List.exists (fun e -> not e.Signs.IsEmpty) -> 1
                        | _ -> 0)

                Expect.equal marked 1 "and no other line of Table 3"
                Expect.equal (entryOf pixel "avg. all (printed)" "GLASS").Signs [] "a right average has no mark"
            }

            test "ours stands beside the paper's with its difference; a mean over categories needs them all" {
                let image = sheets[0]

                let ours =
                    whole
                    |> List.filter (fun r -> r.Cell.Method = "fae" && r.Cell.Category = "carpet")
                    |> List.choose _.ImageAuroc
                    |> List.map (fun v -> 100.0 * v)
                    |> Statistics.spread

                let text (value: float) = value.ToString("F1", Globalization.CultureInfo.InvariantCulture)
                Expect.equal (entryOf image "carpet" "FAE here").Text $"{text ours.Mean} ± {text ours.Deviation}" "ours"
                Expect.equal (entryOf image "carpet" "difference").Text (text (ours.Mean - 100.0)) "difference"
                Expect.equal (entryOf image "grid" "FAE here") Entry.none "not run"
                Expect.equal (entryOf image "avg. all (recomputed)" "FAE here") Entry.none "no mean over a part"
                Expect.notEqual (entryOf image "avg. of the 3 run here" "FAE here") Entry.none "but over those that were run"
                Expect.equal (entryOf image "avg. of the 3 run here" "FAE").Text "100.0" "the paper's over the same"
                Expect.equal (entryOf image "my_part" "FAE") Entry.none "nothing is published of a foreign category"
            }

            test "the paired difference is over seeds that both have" {
                let lacking =
                    madeUp
                    |> List.filter (fun r ->
                        not (
                            r.Cell.Category = "carpet"
                            && r.Cell.Seed = 2
                            && r.Cell.Without = Some Ablation.Noise
                        ))

                let noise = Tables.noise Budget.Full lacking
                Expect.equal (entryOf noise "carpet" "seeds").Text "2" "carpet"
                Expect.equal (entryOf noise "capsule" "seeds").Text "3" "capsule"
            }

            test "over all categories the seeds are pooled, not the models: those of one seed have their randomness in common" {
                let curves =
                    Tables.ablation Budget.Full Ablation.Curves (madeUp |> List.filter (fun r -> r.Cell.Category <> "my_part"))

                let difference (category: string) seed =
                    let value without =
                        madeUp
                        |> List.find (fun r ->
                            r.Cell.Method = "fae"
                            && r.Cell.Category = category
                            && r.Cell.Seed = seed
                            && r.Cell.Without = without)
                        |> _.PixelAuroc
                        |> Option.get

                    100.0 * (value None - value (Some Ablation.Curves))

                let bySeed =
                    [
                        for seed in 0..2 -> List.averageBy (fun category -> difference category seed) [ "carpet"; "transistor"; "capsule" ]
                    ]

                Expect.equal (entryOf curves "all of them" "seeds").Text "3" "seeds"

                match Statistics.interval 0.95 bySeed with
                | Some interval ->
                    let text (value: float) =
                        (if value >= 0.0 then "+" else "")
                        + value.ToString("F2", Globalization.CultureInfo.InvariantCulture)

                    Expect.equal (entryOf curves "all of them" "paired difference").Text (text interval.Middle) "mean"
                    Expect.equal (entryOf curves "all of them" "95% interval").Text $"{text interval.Low} … {text interval.High}" "interval"
                | None -> failtest "no interval"
            }

            // Born from `madeUp` and the published tables with FAE_WRITE_DOCS=1; read when they were made.
            test "every face of every table is as it was (FAE_WRITE_DOCS=1 writes them anew)" {
                let folder = Path.Combine(__SOURCE_DIRECTORY__, "golden")

                for sheet in sheets do
                    for ending, face in faces do
                        let path = Path.Combine(folder, $"{sheet.Name}.{ending}")

                        if Environment.GetEnvironmentVariable "FAE_WRITE_DOCS" = "1" then
                            AtomicFile.WriteText(path, face sheet)

                        Expect.equal (face sheet) (File.ReadAllText path) path
            }

            test "numbers in CSV are numbers, signs stand in a column of their own" {
                for sheet in sheets |> List.truncate 2 do
                    let lines = (Sheet.toCsv sheet).Trim().Split '\n' |> Array.map _.Split(',')
                    let width = lines[0].Length
                    Expect.isTrue (lines |> Array.forall (fun line -> line.Length = width)) "columns"

                    for line in lines[1..] do
                        for field in line[1..16] do
                            Expect.isTrue
                                (field = ""
                                 || fst (Double.TryParse(field, Globalization.CultureInfo.InvariantCulture)))
                                field
            }

            test "what LaTeX would read as a command is escaped" {
                Expect.equal (Sheet.latexText "50% of a_b & c ± 1") "50\\% of a\\_b \\& c $\\pm$ 1" "text"
            }
        ]

// Configurations and methods

let private parsed name over =
    match ConfigFile.builtIn name with
    | None -> failtest $"{name} did not come with the program"
    | Some text ->
        match ConfigFile.parseOver over text with
        | Ok config -> config
        | Error lines -> failtest (String.concat "\n" lines)

/// Fills memory that libtorch will hand out again with what is no number: whoever reads what nobody wrote is found out.
let private poison () =
    for length in [ 1L <<< 8; 1L <<< 11; 1L <<< 14; 1L <<< 16; 1L <<< 18 ] do
        [
            for _ in 1..8 -> TorchSharp.torch.zeros([| length |], dtype = TorchSharp.torch.float32).fill_(nanf)
        ]
        |> List.iter _.Dispose()

let private trainSaying (progress: TrainProgress -> unit) (config: Config) size count =
    let gallery = Gallery.OfImages [| for i in 0 .. count - 1 -> part size i |]
    let heldOut = Gallery.OfImages [| for i in 0..7 -> part size (1000 + i) |]
    let source = TrainingSource(config, gallery, [||], None)
    let validation = Samples.validation config source None heldOut
    use network = new Network(config.Network, 1, Random.fork 3UL (Random.ofSeed (uint64 config.Train.Seed)))

    let outcome =
        Trainer(network, config.Objective, config.Train, Config.trainSide config, source, validation, Progress = progress)
            .Run(null, CancellationToken.None)

    Expect.equal outcome.End TrainEnd.Finished "trained"

    Expect.isTrue
        (outcome.Best
         |> Seq.forall (fun array -> Array.forall Single.IsFinite array.Values))
        "finite weights"

    outcome, validation, heldOut

let private train config size count = trainSaying ignore config size count

/// The method at a size that a test can wait for.
let private tiny (m: Method) steps =
    let config = parsed ("methods/" + m.Name) Config.defaults
    let size = 64

    { config with
        Config.Image.Size = size
        Config.Network.Width = 8
        Config.Network.Latent = min 64 config.Network.Latent
        Config.Network.Patch = 8
        Config.Network.Removal = (if config.Network.Removal.IsEmpty then [] else [ 8; 16 ])
        Corruption =
            { config.Corruption with
                CellsMin = 8
                CellsMax = (if m.Name = "intra" then 8 else 16)
            }
        Config.Train.Steps = steps
        Config.Train.ValidateEvery = steps
        Config.Score.Views = 1
    }

let private methods =
    testSequenced
    <| testList
        "Methods"
        [
            test "every category's configuration parses and trains two steps" {
                for category in Published.categories do
                    let config = parsed ("mvtec/" + category) Config.defaults

                    let wanted =
                        if List.contains category Published.textures then
                            512
                        else
                            256

                    Expect.equal config.Image.Size wanted $"{category}: textures at 512, objects at 256"

                    let small =
                        Cell.config
                            Budget.Smoke
                            {
                                Method = Cell.paper
                                Category = category
                                Without = None
                                Seed = 1
                            }
                            config

                    let two =
                        { small with
                            Config.Train.Steps = 2
                            Config.Train.Batch = 2
                        }

                    train two two.Image.Size 4 |> ignore
            }

            test "a method of the tables runs here or is known by its numbers, and each that runs has its configuration" {
                let titles = Method.all |> List.map _.Title

                for title in Published.imageAuroc.Methods do
                    Expect.contains titles title "every column has its method"

                for m in Method.running do
                    parsed ("methods/" + m.Name) Config.defaults |> ignore

                Expect.equal Method.running.Length 12 "those that are corruption and reconstruction"
            }

            for m in Method.running do
                test $"{m.Title} trains on a small set, and tells bad parts from good ones" {
                    // Two networks after each other need more steps than one.
                    let steps = if m.Name = "draem" then 400 else 150
                    let config = tiny m steps
                    let size = config.Image.Size
                    let outcome, validation, heldOut = train config size 40
                    use best = Reconstructor.Of(config.Network, 1, outcome.Best, null)
                    let repairer = Repairer.Of(best, config)

                    let trials =
                        Calibrator.Try(Calibrator.Candidates(config.Score, config.Image), repairer, validation, null)

                    let chosen = Calibrator.Choose(trials, validation.Clean.Count, validation.Corrupted.Count).Scoring
                    let calibration = Calibrator.Fit(chosen, config.Calibration, repairer, heldOut, null)
                    let card = ModelCard(config, 1, calibration, [||], [||], "", "", null)
                    use detector = Reconstructor.DetectorOf(card, outcome.Best, null)
                    let good = [ for i in 0..23 -> part size (2000 + i) ]
                    let bad, masks = [ for i in 0..23 -> blotted size (3000 + i) ] |> List.unzip
                    let findings = detector.Inspect(Array.ofList (good @ bad)) |> List.ofSeq
                    let labels = [| for i in 0..47 -> i >= 24 |]
                    let image = Metrics.auroc [| for f in findings -> f.Verdict.Score |] labels
                    let empty = Image.constant 1 size size 0.0f

                    let pixel =
                        Fae.Kernels.MetricsKernel.SummarisePixels(
                            10,
                            None,
                            [| for f in findings -> f.Heatmap |],
                            [|
                                for _ in good do
                                    empty
                                yield! masks
                            |]
                        )

                    match image, pixel with
                    | Ok image, Ok pixel ->
                        Expect.isGreaterThan image 0.7 $"image AUROC (pixel {pixel.Auroc:F3}; {Calibrator.Describe chosen})"
                        Expect.isGreaterThan pixel.Auroc 0.7 $"pixel AUROC (image {image:F3}; {Calibrator.Describe chosen})"
                    | _ -> failtest "no AUROC"

                    Expect.isTrue
                        (findings |> List.forall (fun f -> f.Reconstruction.Channels = 1))
                        "the reconstruction has the picture's planes"
                }

            test "two trainings of each kind of network with one seed give the same weights, whatever lies in unused memory" {
                for m in Method.running do
                    let config = tiny m 3

                    let once progress =
                        let outcome, _, _ = trainSaying progress config config.Image.Size 8
                        outcome.Last |> Seq.map _.Values |> List.ofSeq

                    poison ()
                    Expect.isTrue (once ignore = once (fun _ -> poison ())) m.Title
            }
        ]

let tests = testList "Reproduction" [ tables; methods ]
