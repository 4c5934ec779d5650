/// How well synthetic defects order the ways of scoring of a model.
namespace Fae.Paper

open Fae.Report

[<RequireQualifiedAccess>]
module ScoringTable =
    /// Each model whose scorings were compared: Spearman's correlations, the image AUROC of the way that was chosen and of the best one.
    /// The last row is the mean.
    let ofResults budget (results: CellResult list) : Table =
        let measured = results |> List.choose (fun result -> result.ScoringRanks |> Option.map (fun ranks -> result, ranks))

        let entry digits (value: float option) = value |> Option.map (Tables.text digits >> Entry.plain) |> Option.defaultValue Entry.none

        let entries (chosen: float option) (ranks: ScoringRanksJson) =
            [
                entry 0 (Some(float ranks.Ways))
                entry 2 (Option.ofNullable ranks.Image)
                entry 2 (Option.ofNullable ranks.Pixel)
                entry 2 (Option.ofNullable ranks.Choice)
                entry 1 (chosen |> Option.map ((*) 100.0))
                entry 1 (Some(100.0 * ranks.BestImageAuroc))
            ]

        let mean values =
            match List.choose id values with
            | [] -> None
            | some -> Some(List.average some)

        let over f = mean [ for _, ranks in measured -> Option.ofNullable (f ranks) ]

        let last =
            [
                Entry.none
                entry 2 (over _.Image)
                entry 2 (over _.Pixel)
                entry 2 (over _.Choice)
                entry 1 (mean [ for result, _ in measured -> result.ImageAuroc |> Option.map ((*) 100.0) ])
                entry 1 (mean [ for _, ranks in measured -> Some(100.0 * ranks.BestImageAuroc) ])
            ]

        {
            Name = "scorings"
            Title = $"Synthetic defects as judges of the ways of scoring ({Budget.describe budget})"
            Columns =
                [
                    "model"
                    "ways"
                    "rank correlation of image AUROCs"
                    "of pixel AUROCs"
                    "of the synthetic mean with the image AUROC"
                    "image AUROC as chosen, %"
                    "of the best way by the labels, %"
                ]
            Rows =
                [ for result, ranks in measured -> Row(Cell.describe result.Cell, entries result.ImageAuroc ranks) ]
                @ [ Rule; Row("mean", last) ]
            Notes = []
        }
