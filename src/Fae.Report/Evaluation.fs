/// A detector's findings on labelled pictures, and the metrics over them.
namespace Fae.Report

open System
open System.Collections.Generic
open System.Text.Json.Serialization
open Fae.Core
open Fae.Data
open Fae.Kernels

/// A test picture with its prediction, without its pixels: those of a whole test set do not fit into memory.
[<NoComparison>]
type EvaluatedImage =
    {
        Picture: TestPicture
        Prediction: Prediction
        /// The share of its pixels that the mask marks: 0 for good pictures, `None` for defects without a mask.
        MaskShare: float option
    }

/// What is shown of a test picture, at the network's size.
[<NoComparison>]
type EvaluatedView = { Input: Image; Reconstruction: Image; Heatmap: Image; Mask: Image option }

/// The metrics of a test set. Undefined ones (no masks, one class only) are `None`.
[<NoComparison>]
type Evaluation =
    {
        Images: int
        Image: Summary option
        Pixel: Summary option
        Aupro: float option
        ProCurve: RatePoint[]
        PerDefect: (string * int * float option) list
        ThresholdImage: float32
        ThresholdPixel: float32
        FalseAlarms: int
        Good: int
        Found: int
        Bad: int
        Seconds: float
    }

/// A test picture in the JSON of an evaluation.
[<NoComparison; NoEquality>]
type EvaluatedJson =
    {
        Path: string
        /// The folder's name, "good" for good ones.
        Defect: string
        Score: float32
        PValue: float
        Anomalous: bool
    }

/// How well the AUROCs of ways of scoring on synthetic defects order those on labelled pictures: Spearman's correlations, in [−1, 1], null
/// where they are not defined. `Choice`: of the synthetic mean AUROC, which chooses, with the labelled image AUROC. `BestImageAuroc`: of
/// the way that the labels would choose.
type ScoringRanksJson = { Ways: int; Image: Nullable<float>; Pixel: Nullable<float>; Choice: Nullable<float>; BestImageAuroc: float }

/// The JSON of an evaluation.
[<NoComparison; NoEquality>]
type EvaluationJson =
    {
        [<JsonIgnore(Condition = JsonIgnoreCondition.Never)>]
        ImageAuroc: Nullable<float>
        [<JsonIgnore(Condition = JsonIgnoreCondition.Never)>]
        PixelAuroc: Nullable<float>
        [<JsonIgnore(Condition = JsonIgnoreCondition.Never)>]
        Aupro: Nullable<float>
        [<JsonIgnore(Condition = JsonIgnoreCondition.Never)>]
        PixelAp: Nullable<float>
        [<JsonIgnore(Condition = JsonIgnoreCondition.Never)>]
        ImageAp: Nullable<float>
        [<JsonIgnore(Condition = JsonIgnoreCondition.Never)>]
        [<JsonPropertyName "image_f1_max">]
        ImageF1Max: Nullable<float>
        [<JsonIgnore(Condition = JsonIgnoreCondition.Never)>]
        [<JsonPropertyName "pixel_f1_max">]
        PixelF1Max: Nullable<float>
        ThresholdImage: float32
        ThresholdPixel: float32
        Images: int
        /// Pictures with defects, and those of them whose scores are above the threshold.
        Bad: int
        Found: int
        /// Good pictures, and those of them whose scores are above the threshold.
        Good: int
        FalseAlarms: int
        PerDefect: IDictionary<string, Nullable<float>>
        /// Every picture; not in the records of `fae reproduce`.
        Pictures: EvaluatedJson[] | null
        Seconds: float
        /// From the start of training to the model file; only in the records of `fae reproduce`, and not after a resumed training.
        TrainingSeconds: Nullable<float>
        /// The median time from a prepared picture to its regions; only in the records of `fae reproduce`.
        InspectionMilliseconds: Nullable<float>
        /// How well synthetic defects order the ways of scoring; only in the records of `fae reproduce` for no configuration.
        ScoringRanks: ScoringRanksJson | null
        /// How scores are computed, in words; only in the records of `fae reproduce`.
        Scoring: string | null
        /// What the record depends on; only in the records of `fae reproduce`.
        Fingerprint: string | null
    }

[<RequireQualifiedAccess>]
module Evaluation =
    /// The false-positive rate up to which AUPRO integrates, by custom.
    let proLimit = 0.3

    let private curvePoints = 400

    let private toOption result =
        match result with
        | Ok value -> Some value
        | Error _ -> None

    let private score (judged: EvaluatedImage) = judged.Prediction.Score

    /// Image AUROC of some pictures.
    let private imageSummary (pictures: EvaluatedImage list) =
        Metrics.summary curvePoints (pictures |> List.map score |> Array.ofList) (pictures |> List.map _.Picture.Anomalous |> Array.ofList)
        |> toOption

    /// All metrics, exact, at the network's size. `pixels` has those of the heatmaps of pictures that are good or have a mask; a defect
    /// without a mask counts for the image metrics only.
    let run (calibration: Calibration) (pixels: PixelMetrics) (seconds: float) (judged: EvaluatedImage list) : Evaluation =
        let pixel = pixels.Summarise curvePoints |> toOption
        let pro = pixels.Pro(proLimit, curvePoints) |> toOption

        let good, bad = judged |> List.partition (fun j -> not j.Picture.Anomalous)
        let anomalous = List.filter (fun j -> j.Prediction.Anomalous) >> List.length

        {
            Images = judged.Length
            Image = imageSummary judged
            Pixel = pixel
            Aupro = pro |> Option.map fst
            ProCurve = pro |> Option.map snd |> Option.defaultValue [||]
            PerDefect =
                bad
                |> List.groupBy _.Picture.Defect
                |> List.map (fun (defect, some) -> defect, some.Length, imageSummary (good @ some) |> Option.map _.Auroc)
            ThresholdImage = calibration.ImageThreshold
            ThresholdPixel = calibration.PixelThreshold
            FalseAlarms = anomalous good
            Good = good.Length
            Found = anomalous bad
            Bad = bad.Length
            Seconds = seconds
        }

    /// The pictures of an evaluation, for its JSON.
    let pictures (judged: EvaluatedImage list) =
        [|
            for one in judged ->
                {
                    Path = one.Picture.Path
                    Defect = one.Picture.Defect
                    Score = one.Prediction.Score
                    PValue = one.Prediction.PValue
                    Anomalous = one.Prediction.Anomalous
                }
        |]

    /// The JSON of `eval --json`; its keys are stable. What is not defined is null.
    let toJson (e: Evaluation) : EvaluationJson =
        let image, pixel = e.Image, e.Pixel

        {
            ImageAuroc = image |> Option.map _.Auroc |> Option.toNullable
            PixelAuroc = pixel |> Option.map _.Auroc |> Option.toNullable
            Aupro = Option.toNullable e.Aupro
            PixelAp = pixel |> Option.map _.AveragePrecision |> Option.toNullable
            ImageAp = image |> Option.map _.AveragePrecision |> Option.toNullable
            ImageF1Max = image |> Option.map _.F1Max |> Option.toNullable
            PixelF1Max = pixel |> Option.map _.F1Max |> Option.toNullable
            ThresholdImage = e.ThresholdImage
            ThresholdPixel = e.ThresholdPixel
            Images = e.Images
            Bad = e.Bad
            Found = e.Found
            Good = e.Good
            FalseAlarms = e.FalseAlarms
            Pictures = null
            PerDefect = dict [ for defect, _, auroc in e.PerDefect -> defect, Option.toNullable auroc ]
            Seconds = e.Seconds
            TrainingSeconds = Nullable()
            InspectionMilliseconds = Nullable()
            ScoringRanks = null
            Scoring = null
            Fingerprint = null
        }
