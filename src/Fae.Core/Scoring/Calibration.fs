/// The calibration of a trained detector: how to score, and the scores of good images.
namespace Fae.Core

type Calibration =
    {
        Scoring: Scoring
        /// Image scores of the held-out good images.
        HeldOut: float32[]
        /// A score above it is an anomaly.
        ImageThreshold: float32
        /// The false-alarm rate of the image threshold.
        FalseAlarm: float
        /// A heatmap value at or above it is anomalous.
        PixelThreshold: float32
        /// The heatmap value at the middle of the colour scale, the same for all images.
        HeatScale: float32
    }

/// The prediction for one image.
type Prediction = { Score: float32; PValue: float; Anomalous: bool }

[<RequireQualifiedAccess>]
module Calibration =
    /// Thresholds from held-out good images alone. Where they are too few for the rate asked, the threshold is their highest
    /// score, and the rate is the one that this can promise.
    let fit (scoring: Scoring) (rate: float) (pixelRate: float) (heldOutScores: float32[]) (pixels: float32[]) =
        let threshold, promised =
            match Conformal.threshold rate heldOutScores with
            | Ok threshold -> threshold, rate
            | Error _ -> Array.max heldOutScores, Conformal.smallestRate heldOutScores.Length

        let pixelThreshold = Conformal.upperQuantile pixelRate pixels

        {
            Scoring = scoring
            HeldOut = heldOutScores
            ImageThreshold = threshold
            FalseAlarm = promised
            PixelThreshold = pixelThreshold
            HeatScale = max 1e-9f pixelThreshold
        }

    /// A way of scoring before its thresholds are fitted: nothing is anomalous.
    let unfitted scoring =
        {
            Scoring = scoring
            HeldOut = [| 0.0f |]
            ImageThreshold = infinityf
            FalseAlarm = 1.0
            PixelThreshold = infinityf
            HeatScale = 1.0f
        }

    /// The same at another false-alarm rate.
    let atRate (rate: float) calibration =
        Conformal.threshold rate calibration.HeldOut
        |> Result.map (fun threshold -> { calibration with ImageThreshold = threshold; FalseAlarm = rate })

    let predict calibration (score: float32) =
        {
            Score = score
            PValue = Conformal.pValue calibration.HeldOut score
            Anomalous = score > calibration.ImageThreshold
        }
