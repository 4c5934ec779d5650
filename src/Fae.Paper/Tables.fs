/// The paper's tables with a column of our own beside the printed ones.
namespace Fae.Paper

open System.Globalization
open Fae.Core

[<RequireQualifiedAccess>]
module Tables =
    // Halves that binary cannot hold go up, as on paper.
    let internal text (digits: int) (value: float) = (value + 1e-9).ToString("F" + string digits, CultureInfo.InvariantCulture)

    let private signedText digits (value: float) =
        let shown = text digits value

        if value >= 0.0 then "+" + shown else shown

    let private spreadText digits (spread: SampleStatistics) =
        if spread.Count > 1 then
            $"{text digits spread.Mean} ± {text digits spread.Deviation}"
        else
            text digits spread.Mean

    let private orNone show value = value |> Option.map (show >> Entry.plain) |> Option.defaultValue Entry.none

    /// The values of a method on a category over its seeds, in percent.
    let private values measure (results: CellResult list) methodName category without =
        results
        |> List.filter (fun r -> r.Cell.Method = methodName && r.Cell.Category = category && r.Cell.Without = without)
        |> List.sortBy _.Cell.Seed
        |> List.choose measure
        |> List.map (fun v -> 100.0 * v)

    let private spreadOf values = if List.isEmpty values then None else Some(Statistics.summarise values)

    let private categoriesOf (results: CellResult list) = results |> List.map _.Cell.Category |> List.distinct

    let private averageNote, misprintNote, differenceNote = "†", "‡", "§"

    let private notes =
        [
            averageNote, "the printed average is not what its column gives; it is kept as printed, the recomputed one stands below it"
            misprintNote, "a misprint, kept as printed"
            differenceNote, "the printed improvement is not the difference of the printed means; it is kept as printed"
        ]

    let private entryOf printed =
        if Published.isMisprint printed then
            Entry.withNote misprintNote printed
        else
            Entry.plain printed

    /// Table 1 or 2: the sixteen printed columns, ours, the difference to the paper's, and the other methods that were run here.
    let auroc name title (published: PublishedTable) (measure: CellResult -> float option) (results: CellResult list) : Table =
        let others =
            Method.known
            |> List.filter (fun m -> m.Name <> Cell.paper && results |> List.exists (fun r -> r.Cell.Method = m.Name))

        let ours methodName category = spreadOf (values measure results methodName category None)
        let hereOf category = ours Cell.paper category
        let paperTitle = (Method.all |> List.find (fun m -> m.Name = Cell.paper)).Title

        let difference (printed: float option) (here: float option) =
            Option.map2 (fun p h -> signedText 1 (h - p)) printed here |> orNone id

        /// A method's mean over categories; `None` if it lacks one of them.
        let meanHere methodName categories =
            let means = categories |> List.map (fun category -> ours methodName category |> Option.map _.Mean)

            if List.forall Option.isSome means && not means.IsEmpty then
                Some(List.average (List.choose id means))
            else
                None

        let line category printed =
            let here = hereOf category
            let printedOurs = Published.entry published paperTitle category |> Option.map Published.number

            Row(
                category,
                printed
                @ [ here |> orNone (spreadText 1); difference printedOurs (here |> Option.map _.Mean) ]
                @ [ for m in others -> ours m.Name category |> orNone (spreadText 1) ]
            )

        let means heading categories ofPublished =
            Row(
                heading,
                [ for m in published.Methods -> ofPublished m categories |> orNone (text 1) ]
                @ [
                    meanHere Cell.paper categories |> orNone (text 1)
                    difference (ofPublished paperTitle categories) (meanHere Cell.paper categories)
                ]
                @ [ for m in others -> meanHere m.Name categories |> orNone (text 1) ]
            )

        let published' methodTitle categories = Some(Published.mean published methodTitle categories)

        let printedRow (row: string, entries: string list) =
            if Published.isAverage row then
                let over = Published.averaged row

                let printed =
                    List.zip published.Methods entries
                    |> List.map (fun (m, entry) ->
                        if Published.agrees entry (Published.mean published m over) then
                            Entry.plain entry
                        else
                            Entry.withNote averageNote entry)

                [
                    Rule
                    Row(row + " (printed)", printed @ List.replicate (2 + others.Length) Entry.none)
                    means (row + " (recomputed)") over published'
                    Rule
                ]
            else
                [ line row (List.map entryOf entries) ]

        let known, foreign = categoriesOf results |> List.partition (fun c -> List.contains c Published.categories)

        let partOnly =
            if known.IsEmpty || known.Length = Published.categories.Length then
                []
            else
                [ Rule; means $"avg. of the {known.Length} run here" known published' ]

        let unpublished =
            if foreign.IsEmpty then
                []
            else
                let blank = List.replicate published.Methods.Length Entry.none

                [ Rule ]
                @ (foreign |> List.map (fun category -> line category blank))
                @ [ means $"avg. of these {foreign.Length}" foreign (fun _ _ -> None) ]

        {
            Name = name
            Title = title
            Columns =
                [ "category" ]
                @ published.Methods
                @ [ paperTitle + " here"; "difference" ]
                @ [ for m in others -> m.Title + " here" ]
            Rows = (published.Rows |> List.collect printedRow) @ partOnly @ unpublished
            Notes = notes
        }

    let image budget results =
        auroc "table1" $"Table 1: image AUROC, %% ({Budget.describe budget})" Published.imageAuroc _.ImageAuroc results

    let pixel budget results =
        auroc "table2" $"Table 2: pixel AUROC, %% ({Budget.describe budget})" Published.pixelAuroc _.PixelAuroc results

    let private level = 0.95

    /// Of each seed that both have the difference with − without, in percent.
    let private pairedBySeed measure (results: CellResult list) category ablation =
        let value without seed =
            results
            |> List.tryFind (fun r -> r.Cell = { Method = Cell.paper; Category = category; Without = without; Seed = seed })
            |> Option.bind measure

        results
        |> List.map _.Cell.Seed
        |> List.distinct
        |> List.choose (fun seed -> Option.map2 (fun a b -> seed, 100.0 * (a - b)) (value None seed) (value (Some ablation) seed))
        |> Map.ofList

    let private intervalText (interval: Interval option) =
        match interval with
        | Some i -> Entry.plain $"{signedText 2 i.Low} … {signedText 2 i.High}"
        | None -> Entry.none

    let private ablationColumns with' without =
        [
            with'
            without
            "paired difference"
            "95% interval"
            "seeds"
            "image AUROC, paired difference"
            "95% interval"
        ]

    /// The mean of paired differences in pixel AUROC, its interval, how many there are; the mean of those in image AUROC, its interval.
    let private differenceEntries (pixel: float list) (image: float list) =
        let mean list = if List.isEmpty list then None else Some(List.average list)

        [
            mean pixel |> orNone (signedText 2)
            intervalText (Statistics.interval level pixel)
            Entry.plain (string pixel.Length)
            mean image |> orNone (signedText 2)
            intervalText (Statistics.interval level image)
        ]

    let private ablationEntries results ablation category =
        let pixel without = spreadOf (values _.PixelAuroc results Cell.paper category without)
        let paired measure = pairedBySeed measure results category ablation |> Map.values |> List.ofSeq

        [ pixel None |> orNone (spreadText 2); pixel (Some ablation) |> orNone (spreadText 2) ]
        @ differenceEntries (paired _.PixelAuroc) (paired _.ImageAuroc)

    /// Over all categories: of each seed that all of them have (those where it is defined), the mean of its paired differences; and the
    /// interval over those seeds. Categories may share a model, and do share their seeds: they are not taken for independent.
    let private pooled results ablation categories =
        let all measure =
            let ofCategories =
                categories
                |> List.map (fun category -> pairedBySeed measure results category ablation)
                |> List.filter (Map.isEmpty >> not)

            results
            |> List.map _.Cell.Seed
            |> List.distinct
            |> List.map (fun seed -> ofCategories |> List.map (Map.tryFind seed))
            |> List.filter (fun differences -> not differences.IsEmpty && List.forall Option.isSome differences)
            |> List.map (List.choose id >> List.average)

        [ Entry.none; Entry.none ] @ differenceEntries (all _.PixelAuroc) (all _.ImageAuroc)

    /// Table 3: pixel AUROC with and without noise over seeds, the paper's and ours; the paired difference and its interval.
    let noise budget results : Table =
        let run = categoriesOf results

        let printed (row: PublishedAblation) =
            [
                Entry.plain $"{text 2 row.With} ± {text 2 row.WithDeviation}"
                Entry.plain $"{text 2 row.Without} ± {text 2 row.WithoutDeviation}"
                (if Published.improvementAgrees row then
                     Entry.plain row.Improvement
                 else
                     Entry.withNote differenceNote row.Improvement)
            ]

        let foreign = run |> List.filter (fun c -> Published.noise |> List.forall (fun row -> row.Category <> c))

        let blank = List.replicate 3 Entry.none

        {
            Name = "table3"
            Title = $"Table 3: pixel AUROC with and without noise, %%, mean ± standard deviation over seeds ({Budget.describe budget})"
            Columns =
                [ "category"; "paper, with"; "paper, without"; "paper, improvement" ]
                @ ablationColumns "here, with" "here, without"
            Rows =
                [
                    for row in Published.noise do
                        yield Row(row.Category, printed row @ ablationEntries results Ablation.Noise row.Category)

                    if not foreign.IsEmpty then yield Rule

                    for category in foreign do
                        yield Row(category, blank @ ablationEntries results Ablation.Noise category)

                    yield Rule
                    yield Row("all of them", blank @ pooled results Ablation.Noise run)
                ]
            Notes = notes
        }

    /// Any of the ablations, on the categories that were run.
    let ablation budget ablation results : Table =
        let run = categoriesOf results

        {
            Name = "ablation-" + Ablation.name ablation
            Title =
                $"Ablation: {Ablation.describe ablation}; pixel AUROC, %%, mean ± standard deviation over seeds ({Budget.describe budget})"
            Columns = "category" :: ablationColumns "with" "without"
            Rows =
                [ for category in run -> Row(category, ablationEntries results ablation category) ]
                @ [ Rule; Row("all of them", pooled results ablation run) ]
            Notes = []
        }

    /// Every method of the tables, and whether it runs here.
    let methods (results: CellResult list) : Table =
        let row (m: Method) =
            let cells = results |> List.filter (fun r -> r.Cell.Method = m.Name) |> List.length

            Row(
                m.Title,
                [
                    Entry.plain m.Source
                    Entry.plain $"runs here (--methods {m.Name})"
                    Entry.plain (if cells = 0 then "–" else string cells)
                ]
            )

        {
            Name = "methods"
            Title = "The methods"
            Columns = [ "method"; "source"; "status"; "models here" ]
            Rows = List.map row Method.all
            Notes = []
        }
