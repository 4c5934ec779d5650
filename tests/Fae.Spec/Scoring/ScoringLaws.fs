/// From the heatmap to the verdict: scores, regions, and what held-out good images say about them.
module Fae.Spec.ScoringLaws

open Fae.Core
open Fae.Spec.Generators
open Fae.Spec.PredictionLaws

[<NoComparison; NoEquality>]
type Calibrating =
    {
        PValue: float32[] -> float32 -> float
        Threshold: float -> float32[] -> Result<float32, CalibrationError>
        /// scoring → rate → pixel rate → held-out scores → pixels of held-out heatmaps → what the detector keeps
        Fit: Scoring -> float -> float -> float32[] -> float32[] -> Calibration
        AtRate: float -> Calibration -> Result<Calibration, CalibrationError>
        Predict: Calibration -> float32 -> Prediction
    }

let private conformalLaws: Law<Calibrating> list =
    [
        Law.once "the p-value is super-uniform on exchangeable data" (fun c ->
            let draw seed = Sampler.value (Random.ofSeed seed) (Sampler.array 21 Sampler.normal)

            let ps = [| for seed in 1UL .. 4000UL -> let s = draw seed in c.PValue (Array.take 20 s) s[20] |]

            Seq.forall
                (fun rate ->
                    let share = ps |> Array.averageBy (fun p -> if p <= rate + 1e-9 then 1.0 else 0.0)
                    // Not above the rate beyond four standard errors; and not so far below it that it would be of no use.
                    share < rate + 4.0 * sqrt (rate * (1.0 - rate) / 4000.0) && share > rate - 1.0 / 21.0 - 0.03)
                [ 0.05; 0.1; 0.25; 0.5 ])
        Law.forAll "a higher score has no higher p-value" (fun c (Labelled(s, _), a: int, b: int) ->
            let a, b = float32 (a % 12), float32 (b % 12)
            c.PValue s (max a b) <= c.PValue s (min a b))
        Law.forAll "the p-value lies in [1/(n+1), 1], and counts equal scores" (fun c (Labelled(s, _)) ->
            let smallest = 1.0 / float (s.Length + 1)

            Near.numbers 1e-12 (c.PValue s (Array.max s + 1.0f)) smallest
            && Near.numbers 1e-12 (c.PValue s (Array.min s)) 1.0
            && c.PValue s (Array.max s) > smallest + 1e-12)
        Law.forAll "a score above the threshold is one with p ≤ rate" (fun c (Labelled(s, _), score: int) ->
            let score = float32 (score % 12)

            match c.Threshold 0.2 s with
            | Ok t -> (score > t) = (c.PValue s score <= 0.2 + 1e-9)
            | Error(TooFewImages(n, smallest)) -> smallest > 0.2 && n = s.Length
            | Error _ -> false)
        Law.forAll "a rate that n images cannot promise, or that is none, is refused" (fun c (Labelled(s, _)) ->
            (match c.Threshold (0.99 / float (s.Length + 1)) s with
             | Error(TooFewImages(n, _)) -> n = s.Length
             | _ -> false)
            && Seq.forall (fun rate -> c.Threshold rate s = Error(RateOutOfRange rate)) [ 0.0; 1.0; -0.1 ])
        Law.forAll "a verdict is anomalous exactly where p is at most the rate that is promised" (fun c (Labelled(s, _), score: int) ->
            let score = float32 (score % 12)
            let fitted = c.Fit (scoring Maximum 0 0.0f) 0.2 0.1 s s
            let verdict = c.Predict fitted score

            verdict.Score = score
            && verdict.PValue = c.PValue s score
            && verdict.Anomalous = (verdict.PValue <= fitted.FalseAlarm + 1e-9))
        Law.forAll "where held-out images are too few, the best rate they can promise is promised" (fun c (Labelled(s, _)) ->
            let fitted = c.Fit (scoring Maximum 0 0.0f) 0.01 0.1 s s

            fitted.FalseAlarm = 1.0 / float (s.Length + 1) && fitted.ImageThreshold = Array.max s)
        Law.forAll "asking for another rate is fitting at that rate" (fun c (Labelled(s, _)) ->
            let fit rate = c.Fit (scoring Maximum 0 0.0f) rate 0.1 s s

            match c.AtRate 0.5 (fit 0.2) with
            | Ok moved -> moved = fit 0.5
            | Error(TooFewImages _) -> s.Length < 1
            | Error _ -> false)
        Law.forAll "of good pixels no more than the rate lie above the pixel threshold, and one more would" (fun c (Grey map) ->
            let threshold = (c.Fit (scoring Maximum 0 0.0f) 0.5 0.1 [| 1.0f |] map.Pixels).PixelThreshold
            let above t = map.Pixels |> Array.averageBy (fun v -> if v > t then 1.0 else 0.0)
            let lower = map.Pixels |> Array.filter (fun v -> v < threshold)

            above threshold <= 0.1 + 1e-9 && (lower.Length = 0 || above (Array.max lower) > 0.1 - 1e-9))
    ]

let private conformal =
    {
        PValue = Conformal.pValue
        Threshold = Conformal.threshold
        Fit = Calibration.fit
        AtRate = Calibration.atRate
        Predict = Calibration.predict
    }

let private conformalMutants =
    [
        "the image itself is not counted",
        "the p-value is super-uniform on exchangeable data",
        { conformal with
            PValue = fun s score -> float (Array.sumBy (fun v -> if v >= score then 1 else 0) s) / float s.Length
        }
        "two-sided",
        "a higher score has no higher p-value",
        { conformal with
            PValue = fun s score -> (let p = Conformal.pValue s score in min 1.0 (2.0 * min p (1.0 - p + 1.0 / float (s.Length + 1))))
        }
        "equal scores are not counted",
        "the p-value lies in [1/(n+1), 1], and counts equal scores",
        { conformal with
            PValue = fun s score -> float (1 + Array.sumBy (fun v -> if v > score then 1 else 0) s) / float (s.Length + 1)
        }
        "one rank too low",
        "a score above the threshold is one with p ≤ rate",
        { conformal with
            Threshold =
                fun rate s ->
                    Conformal.threshold rate s
                    |> Result.map (fun t ->
                        s |> Array.filter (fun v -> v < t) |> fun below -> if below.Length = 0 then t - 1.0f else Array.max below)
        }
        "the largest held-out score promises any rate",
        "a rate that n images cannot promise, or that is none, is refused",
        { conformal with
            Threshold =
                fun rate s ->
                    match Conformal.threshold rate s with
                    | Error(TooFewImages _) -> Ok(Array.max s)
                    | other -> other
        }
        "a score at the threshold is anomalous",
        "a verdict is anomalous exactly where p is at most the rate that is promised",
        { conformal with
            Predict =
                fun calibration score -> { Calibration.predict calibration score with Anomalous = score >= calibration.ImageThreshold }
        }
        "the rate asked for is promised, whatever the number of images",
        "where held-out images are too few, the best rate they can promise is promised",
        { conformal with
            Fit = fun scoring rate pixelRate s pixels -> { Calibration.fit scoring rate pixelRate s pixels with FalseAlarm = rate }
        }
        "the rate is noted, the threshold stays",
        "asking for another rate is fitting at that rate",
        { conformal with
            AtRate =
                fun rate calibration ->
                    Conformal.threshold rate calibration.HeldOut |> Result.map (fun _ -> { calibration with FalseAlarm = rate })
        }
        "the quantile is taken from below",
        "of good pixels no more than the rate lie above the pixel threshold, and one more would",
        { conformal with
            Fit = fun scoring rate pixelRate s pixels -> Calibration.fit scoring rate (1.0 - pixelRate) s pixels
        }
    ]

let suites =
    [
        Suite.create
            "Scorer"
            "Score, regions and light division of one picture."
            verdictLaws
            [ "plain", plain; "kernel", kernel ]
            verdictMutants
        |> Suite.withEmulated verdictLaws (Emulated.each onDevice)
        Suite.create "Selection" "The n-th smallest without sorting." selectionLaws [ "kernel", selection ] selectionMutants
        Suite.create
            "Calibration"
            "Split conformal prediction (Vovk et al. 2005): what held-out good images promise about a score."
            conformalLaws
            [ "plain", conformal ]
            conformalMutants
    ]
