/// A detector's findings on labelled pictures, and the metrics over them.
namespace Fae.Report

open System.Text.Json.Nodes
open Fae.Core
open Fae.Data
open Fae.Detection
open Fae.Kernels

/// One test picture with what was found on it. The mask is all zero for good pictures, `None` for defects without one. Of many pictures, what
/// went in and what the network made of it are not kept.
[<NoComparison>]
type Judged =
    {
        Picture: TestPicture
        Verdict: Verdict
        Heatmap: Image
        Mask: Image option
        Repaired: Repaired option
    }

/// The metrics of a test set. What is not defined there (no masks, one class only) is `None`.
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

[<RequireQualifiedAccess>]
module Evaluation =
    /// The false-positive rate up to which AUPRO integrates, by custom.
    let proLimit = 0.3

    let private curvePoints = 400

    let private toOption result =
        match result with
        | Ok value -> Some value
        | Error _ -> None

    let private score (judged: Judged) = judged.Verdict.Score

    /// Image AUROC of some pictures.
    let private imageSummary (pictures: Judged list) =
        Metrics.summary curvePoints (pictures |> List.map score |> Array.ofList) (pictures |> List.map _.Picture.Anomalous |> Array.ofList)
        |> toOption

    /// All metrics, exact, at the network's size; a defect without a mask counts for the image metrics only.
    let run (calibration: Calibration) (ignore: Image option) (seconds: float) (judged: Judged list) : Evaluation =
        let masked =
            judged
            |> List.choose (fun j -> j.Mask |> Option.map (fun mask -> j.Heatmap, mask))

        let heatmaps, masks =
            let heatmaps, masks = List.unzip masked
            Array.ofList heatmaps, Array.ofList masks

        let overPixels measure = if List.isEmpty masked then None else measure () |> toOption
        let pixel = overPixels (fun () -> MetricsKernel.SummarisePixels(curvePoints, ignore, heatmaps, masks))
        let pro = overPixels (fun () -> MetricsKernel.Pro(proLimit, curvePoints, ignore, heatmaps, masks))

        let good, bad = judged |> List.partition (fun j -> not j.Picture.Anomalous)
        let anomalous = List.filter (fun j -> j.Verdict.Anomalous) >> List.length

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

    let private number (value: float option) : JsonNode | null =
        match value with
        | Some v -> JsonValue.Create v
        | None -> null

    /// The machine's interface; its keys are stable.
    let toJson (e: Evaluation) =
        let json = JsonObject()
        let add (key: string) (value: JsonNode | null) = json[key] <- value
        add "image_auroc" (number (e.Image |> Option.map _.Auroc))
        add "pixel_auroc" (number (e.Pixel |> Option.map _.Auroc))
        add "aupro" (number e.Aupro)
        add "pixel_ap" (number (e.Pixel |> Option.map _.AveragePrecision))
        add "image_ap" (number (e.Image |> Option.map _.AveragePrecision))
        add "image_f1_max" (number (e.Image |> Option.map _.F1Max))
        add "pixel_f1_max" (number (e.Pixel |> Option.map _.F1Max))
        add "threshold_image" (JsonValue.Create e.ThresholdImage)
        add "threshold_pixel" (JsonValue.Create e.ThresholdPixel)
        add "images" (JsonValue.Create e.Images)
        let defects = JsonObject()

        for defect, _, auroc in e.PerDefect do
            defects[defect] <- number auroc

        add "per_defect" defects
        add "seconds" (JsonValue.Create e.Seconds)
        json
