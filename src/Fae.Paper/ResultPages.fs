/// The tables and figures of a sweep, from the cells that are finished.
namespace Fae.Paper

open System.IO
open Fae.Core
open Fae.Data
open Fae.Detection
open Fae.Imaging
open FsToolkit.ErrorHandling

[<RequireQualifiedAccess>]
module ResultPages =
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

    /// The findings of some models on pictures of a category; none if a model is missing. `load` reads a detector from a run's folder.
    let private images (load: string -> Result<Detector, Fault>) sweep most (models: (string * Cell) list) category =
        let data = Path.Combine(sweep.Data, category)

        let here = models |> List.map (fun (title, cell) -> title, { cell with Category = category })

        if here |> List.exists (fun (_, cell) -> not (File.Exists(Sweep.recordPath sweep cell))) then
            []
        else
            let pictures = shown most data

            let results =
                here
                |> List.choose (fun (title, cell) ->
                    match load (Sweep.folder sweep cell) with
                    | Error _ -> None
                    | Ok detector ->
                        use detector = detector
                        let card = detector.Card

                        pictures
                        |> List.choose (fun picture ->
                            match ImagePreparation.ofFile card.Config card.Channels null picture.Path with
                            | Error _ -> None
                            | Ok read ->
                                let mask =
                                    picture.Mask
                                    |> Option.bind (MaskSource.read picture.Path >> Result.toOption)
                                    |> Option.map (MaskDecoder.resized (InputGeometry.preparedShape card.Config))

                                Some(
                                    picture,
                                    read.Image,
                                    mask,
                                    { Title = title; Calibration = detector.Calibration; Finding = detector.Inspect([| read.Image |])[0] }
                                ))
                        |> Some)

            if results.Length < here.Length then
                []
            else
                [
                    for row in List.transpose results do
                        let picture, input, mask, _ = List.head row

                        {
                            Caption = $"{category}: {picture.Defect}/{Files.name picture.Path}"
                            Input = input
                            Mask = mask
                            Results = row |> List.map (fun (_, _, _, result) -> result)
                        }
                ]

    let private figures load sweep =
        let model methodName without = { Method = methodName; Category = ""; Without = without; Seed = 0 }

        let over most models = sweep.Categories |> List.collect (images load sweep most models)
        let whole = model Cell.paper None

        let methods = Method.known |> List.filter (fun m -> sweep.Cells |> List.exists (fun cell -> cell.Method = m.Name))

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
    let write load (say: string -> unit) sweep =
        result {
            let! states = List.traverseResultM (Sweep.finished sweep) sweep.Cells
            let done' = List.choose id states
            let missing = sweep.Cells |> List.except (done' |> List.map _.Cell)
            let ofPaper = done' |> List.filter (fun r -> r.Cell.Without.IsNone)

            let tables =
                [
                    Tables.image sweep.Budget ofPaper
                    Tables.pixel sweep.Budget ofPaper
                    for ablation in sweep.Ablations do
                        if ablation = Ablation.Noise then
                            Tables.noise sweep.Budget done'
                        else
                            Tables.ablation sweep.Budget ablation done'
                    // Times differ from run to run: a sweep of one method has the same pages whenever it is run.
                    if (ofPaper |> List.distinctBy _.Cell.Method).Length > 1 then
                        CostTable.ofResults sweep.Budget ofPaper
                    if ofPaper |> List.exists _.ScoringRanks.IsSome then
                        ScoringTable.ofResults sweep.Budget ofPaper
                    Tables.methods ofPaper
                ]

            let preface =
                [
                    ($"{sweep.Categories.Length} categories, {sweep.Seeds} seed(s), {Budget.describe sweep.Budget}; "
                     + $"{done'.Length} of {sweep.Cells.Length} models are finished.")
                    "Columns with \"here\" were measured by fae reproduce; all others are the paper's, as printed."
                    ("No choice was made by looking at test labels: scoring and the best weights were chosen on "
                     + "synthetic defects painted on held-out good pictures. AUROCs are exact, at the network's size.")
                    if not missing.IsEmpty then
                        let names = missing |> List.map Cell.describe |> String.concat "; "
                        $"Missing: {names}."
                ]
                |> String.concat " "

            ReproductionReport.write
                (Sweep.home sweep)
                $"The paper's tables, {Budget.name sweep.Budget} budget"
                preface
                tables
                (figures load sweep)

            say $"""wrote {Path.Combine(Sweep.home sweep, "report.html")} ({done'.Length} of {sweep.Cells.Length} models)"""
            return missing
        }
