/// The published tables and their printing.
module Fae.Tests.TableTests

open System
open System.IO
open Expecto
open Fae.Core
open Fae.Detection
open Fae.Paper
open Fae.Report

// Tables

/// Results made up by rule: a value from the cell's words and numbers, no two alike.
let madeUp =
    let value (cell: Cell) salt =
        let text = String.concat "/" (Cell.path cell) + salt
        let key = text |> Seq.fold (fun key letter -> Random.mix64 (key + uint64 letter)) 1UL
        0.9 + 0.1 * float (Random.toUnit key)

    [
        for cell in Cell.all [ "fae"; "riad" ] [ "carpet"; "transistor"; "capsule"; "my_part" ] [ Ablation.Noise; Ablation.Curves ] 3 ->
            {
                Cell = cell
                ImageAuroc = Some(value cell "image")
                PixelAuroc = if cell.Category = "my_part" then None else Some(value cell "pixel")
                Aupro = None
                PixelAp = None
                TrainingSeconds = Some 60.0
                InspectionMilliseconds = Some 40.0
                ScoringRanks = None
            }
    ]

let whole = madeUp |> List.filter (fun r -> r.Cell.Without.IsNone)

let sheets =
    [
        Tables.image Budget.Full whole
        Tables.pixel Budget.Full whole
        Tables.noise Budget.Full madeUp
        Tables.ablation Budget.Full Ablation.Curves madeUp
        CostTable.ofResults Budget.Short whole
        Tables.methods whole
    ]

let entryOf sheet row column =
    let at = sheet.Columns |> List.findIndex ((=) column)

    sheet.Rows
    |> List.pick (function
        | Row(name, entries) when name = row -> Some entries[at - 1]
        | _ -> None)

let faces: (string * (Table -> string)) list =
    [ "md", Table.toMarkdown; "csv", Table.toCsv; "tex", Table.toLatex; "html", Table.toHtml ]

let tables =
    testList
        "Tables"
        [
            test "scorings: a row for each model whose ways were compared, and their mean" {
                let result name category ranks =
                    {
                        Cell = { Method = name; Category = category; Without = None; Seed = 0 }
                        ImageAuroc = Some 0.9
                        PixelAuroc = None
                        Aupro = None
                        PixelAp = None
                        TrainingSeconds = None
                        InspectionMilliseconds = None
                        ScoringRanks = ranks
                    }

                let ranks image : ScoringRanksJson =
                    { Ways = 100; Image = Nullable image; Pixel = Nullable(); Choice = Nullable 0.5; BestImageAuroc = 0.95 }

                let table =
                    ScoringTable.ofResults
                        Budget.Full
                        [
                            result "auto" "first" (Some(ranks 0.4))
                            result "fae" "first" None
                            result "auto" "second" (Some(ranks 0.8))
                        ]

                Expect.hasLength table.Rows 4 "two models, a rule, the mean"
                Expect.equal (entryOf table "mean" "rank correlation of image AUROCs").Text "0.60" "the mean"
                Expect.equal (entryOf table "mean" "of the best way by the labels, %").Text "95.0" "percent"
                Expect.equal (entryOf table "mean" "of pixel AUROCs") Entry.none "what no model has"
            }

            test "costs: the best method by the labels stands below the others, and no configuration is not among what it is chosen from" {
                let result name auroc =
                    {
                        Cell = { Method = name; Category = "part"; Without = None; Seed = 0 }
                        ImageAuroc = Some auroc
                        PixelAuroc = None
                        Aupro = None
                        PixelAp = Some 0.5
                        TrainingSeconds = Some 60.0
                        InspectionMilliseconds = None
                        ScoringRanks = None
                    }

                let costs some = (CostTable.ofResults Budget.Full some).Rows

                match costs [ result "auto" 0.99; result "fae" 0.9; result "patchcore" 0.95 ] |> List.rev with
                | Row(heading, category :: auroc :: _) :: rest ->
                    Expect.equal heading "best by the labels: PatchCore" "the heading"
                    Expect.equal (category.Text, auroc.Text) ("part", "95.0") "its figure"
                    Expect.hasLength rest 3 "the methods"
                | other -> failtestf "%A" other

                Expect.hasLength (costs [ result "auto" 0.99; result "fae" 0.9 ]) 2 "there is nothing to choose among one"
            }

            test "the published tables are complete: sixteen methods, fifteen categories, three averages, the ablation" {
                for table in [ Published.imageAuroc; Published.pixelAuroc ] do
                    Expect.equal table.Methods.Length 16 "methods"
                    Expect.equal table.Rows.Length 18 "rows"
                    Expect.isTrue (table.Rows |> List.forall (fun (_, entries) -> entries.Length = 16)) "entries"

                Expect.equal (Published.noise |> List.map _.Category) Published.categories "Table 3"
            }

            test "misprints of the paper are kept and marked" {
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
                        | Row(_, entries) when entries |> List.exists (fun e -> not e.Notes.IsEmpty) -> 1
                        | _ -> 0)

                Expect.equal marked 1 "and no other line of Table 3"
                Expect.equal (entryOf pixel "avg. all (printed)" "GLASS").Notes [] "a right average has no mark"
            }

            test "the measured column shows its difference to the paper; averages need all categories" {
                let image = sheets[0]

                let ours =
                    whole
                    |> List.filter (fun r -> r.Cell.Method = "fae" && r.Cell.Category = "carpet")
                    |> List.choose _.ImageAuroc
                    |> List.map (fun v -> 100.0 * v)
                    |> Statistics.summarise

                let text (value: float) = value.ToString("F1", Globalization.CultureInfo.InvariantCulture)
                Expect.equal (entryOf image "carpet" "FAE here").Text $"{text ours.Mean} ± {text ours.Deviation}" "ours"
                Expect.equal (entryOf image "carpet" "difference").Text (text (ours.Mean - 100.0)) "difference"
                Expect.equal (entryOf image "grid" "FAE here") Entry.none "not run"
                Expect.equal (entryOf image "avg. all (recomputed)" "FAE here") Entry.none "no mean over a part"
                Expect.notEqual (entryOf image "avg. of the 3 run here" "FAE here") Entry.none "but over those that were run"
                Expect.equal (entryOf image "avg. of the 3 run here" "FAE").Text "100.0" "the paper's over the same"
                Expect.equal (entryOf image "my_part" "FAE") Entry.none "nothing is published of a foreign category"
            }

            test "the paired difference uses the seeds that both have" {
                let lacking =
                    madeUp
                    |> List.filter (fun r -> not (r.Cell.Category = "carpet" && r.Cell.Seed = 2 && r.Cell.Without = Some Ablation.Noise))

                let noise = Tables.noise Budget.Full lacking
                Expect.equal (entryOf noise "carpet" "seeds").Text "2" "carpet"
                Expect.equal (entryOf noise "capsule" "seeds").Text "3" "capsule"
            }

            test "over all categories seeds are pooled, not models" {
                let curves = Tables.ablation Budget.Full Ablation.Curves (madeUp |> List.filter (fun r -> r.Cell.Category <> "my_part"))

                let difference (category: string) seed =
                    let value without =
                        madeUp
                        |> List.find (fun r ->
                            r.Cell.Method = "fae" && r.Cell.Category = category && r.Cell.Seed = seed && r.Cell.Without = without)
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
                        (if value >= 0.0 then "+" else "") + value.ToString("F2", Globalization.CultureInfo.InvariantCulture)

                    Expect.equal (entryOf curves "all of them" "paired difference").Text (text interval.Middle) "mean"
                    Expect.equal (entryOf curves "all of them" "95% interval").Text $"{text interval.Low} … {text interval.High}" "interval"
                | None -> failtest "no interval"
            }

            // Born from `madeUp` and the published tables with FAE_WRITE_DOCS=1; read when they were made.
            test "every format of every table equals its golden file (FAE_WRITE_DOCS=1 writes them)" {
                let folder = Path.Combine(__SOURCE_DIRECTORY__, "golden")

                for sheet in sheets do
                    for ending, face in faces do
                        let path = Path.Combine(folder, $"{sheet.Name}.{ending}")

                        if Environment.GetEnvironmentVariable "FAE_WRITE_DOCS" = "1" then
                            AtomicFile.WriteText(path, face sheet)

                        Expect.equal (face sheet) (File.ReadAllText path) path
            }

            test "CSV cells are numbers; significance marks have their own column" {
                for sheet in sheets |> List.truncate 2 do
                    let lines = (Table.toCsv sheet).Trim().Split '\n' |> Array.map _.Split(',')
                    let width = lines[0].Length
                    Expect.isTrue (lines |> Array.forall (fun line -> line.Length = width)) "columns"

                    for line in lines[1..] do
                        for field in line[1..16] do
                            Expect.isTrue (field = "" || fst (Double.TryParse(field, Globalization.CultureInfo.InvariantCulture))) field
            }

            test "LaTeX special characters are escaped" {
                Expect.equal (Table.latexText "50% of a_b & c ± 1") "50\\% of a\\_b \\& c $\\pm$ 1" "text"
            }
        ]

// Configurations and methods
