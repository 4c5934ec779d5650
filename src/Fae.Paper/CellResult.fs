/// The metrics of a finished cell.
namespace Fae.Paper

open Fae.Report

/// What a cell gave; AUROCs in [0, 1], `None` where they are not defined.
type CellResult =
    {
        Cell: Cell
        ImageAuroc: float option
        PixelAuroc: float option
        Aupro: float option
        /// Average precision over pixels.
        PixelAp: float option
        TrainingSeconds: float option
        /// The median time from a prepared picture to its regions.
        InspectionMilliseconds: float option
        /// How well synthetic defects order the ways of scoring, where it was measured.
        ScoringRanks: ScoringRanksJson option
    }

[<RequireQualifiedAccess>]
module CellResult =
    /// From the record of an evaluation.
    let ofJson cell (json: EvaluationJson) =
        {
            Cell = cell
            ImageAuroc = Option.ofNullable json.ImageAuroc
            PixelAuroc = Option.ofNullable json.PixelAuroc
            Aupro = Option.ofNullable json.Aupro
            PixelAp = Option.ofNullable json.PixelAp
            TrainingSeconds = Option.ofNullable json.TrainingSeconds
            InspectionMilliseconds = Option.ofNullable json.InspectionMilliseconds
            ScoringRanks = Option.ofObj json.ScoringRanks
        }
