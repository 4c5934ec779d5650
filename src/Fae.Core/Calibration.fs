/// What a trained detector knows about good images: how to score, and what scores good ones get.
namespace Fae.Core

type Calibration =
    {
        Scoring: Scoring
        /// Image scores of the held-out good images.
        HeldOut: float32[]
        /// A score above it is an anomaly.
        ImageThreshold: float32
        /// The false-alarm rate that the image threshold stands for.
        FalseAlarm: float
        /// A heatmap value at or above it is anomalous.
        PixelThreshold: float32
        /// Heatmap value shown as the colour scale's middle; the scale is never stretched per image.
        HeatScale: float32
    }

/// A verdict on one image.
type Verdict =
    {
        Score: float32
        PValue: float
        Anomalous: bool
    }

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

    /// Asks for another false-alarm rate.
    let atRate (rate: float) calibration =
        Conformal.threshold rate calibration.HeldOut
        |> Result.map (fun threshold ->
            { calibration with
                ImageThreshold = threshold
                FalseAlarm = rate
            })

    let verdict calibration (score: float32) =
        {
            Score = score
            PValue = Conformal.pValue calibration.HeldOut score
            Anomalous = score > calibration.ImageThreshold
        }
