/// From the heatmap to the verdict: scores, regions, and what held-out good images say about them.
module Fae.Spec.ScoringLaws

open System
open Fae.Core
open Fae.Kernels
open Fae.Spec.Generators

[<NoComparison; NoEquality>]
type Verdicts =
    {
        Score: Scoring -> Image option -> Image -> float32
        /// ignore → threshold → heatmap → regions
        Regions: Image option -> float32 -> Image -> Region list
        DivideLight: float32 -> Image -> Image
    }

let private scoring reduction frame typical =
    {
        Measure = Mse
        FilterSize = 1
        FilterPasses = 0
        Reduction = reduction
        Frame = frame
        Typical = typical
    }

let private near (a: float32) b = abs (a - b) <= 1e-5f * max 1.0f (abs a)
let private hiddenBy noise = Image.map (fun v -> if v > 0.6f then 1.0f else 0.0f) noise

let private verdictLaws: Law<Verdicts> list =
    [
        Law.forAll "the maximum is the largest value, the sum the sum" (fun v (Grey map) ->
            v.Score (scoring Maximum 0 0.0f) None map = Array.max map.Pixels
            && near (v.Score (scoring Sum 0 0.0f) None map) (Array.sum map.Pixels))
        Law.forAll "the top fraction lies between mean and maximum, and is both at its ends" (fun v (Grey map) ->
            let top q = v.Score (scoring (Top q) 0 0.0f) None map

            top 0.3f <= Array.max map.Pixels + 1e-6f
            && top 0.3f >= Array.average map.Pixels - 1e-5f
            && near (top 1.0f) (Array.average map.Pixels)
            && near (top 1e-6f) (Array.max map.Pixels))
        Law.forAll "a score over the median is unchanged by the exposure" (fun v (Grey map) ->
            let bright = Image.map (fun x -> 4.0f * x) map
            near (v.Score (scoring Maximum 0 0.5f) None map) (v.Score (scoring Maximum 0 2.0f) None bright))
        Law.forAll "the frame is not looked at" (fun v (Grey map) ->
            let framed =
                Image.init 1 (map.Height + 4) (map.Width + 4) (fun _ y x ->
                    if y < 2 || x < 2 || y >= map.Height + 2 || x >= map.Width + 2 then
                        9.0f
                    else
                        map[0, y - 2, x - 2])

            Seq.forall
                (fun r -> near (v.Score (scoring r 2 0.0f) None framed) (v.Score (scoring r 0 0.0f) None map))
                [ Sum; Maximum; Top 0.3f ])
        Law.forAll "ignored pixels are not looked at" (fun v (Pair(map, noise)) ->
            let hidden = hiddenBy noise
            let spoilt = Image.map2 (fun x h -> if h >= 0.5f then 9.0f else x) map hidden

            Seq.forall
                (fun r -> near (v.Score (scoring r 0 0.0f) (Some hidden) spoilt) (v.Score (scoring r 0 0.0f) (Some hidden) map))
                [ Sum; Maximum; Top 0.3f ]
            && v.Regions (Some hidden) 5.0f spoilt = [])
        Law.forAll "regions cover exactly the pixels at or above the threshold" (fun v (Grey map) ->
            let regions = v.Regions None 0.5f map
            (regions |> List.sumBy _.Area) = (map.Pixels |> Array.filter (fun x -> x >= 0.5f) |> Array.length))
        Law.forAll "each region's box holds its peak and no larger value outside boxes remains" (fun v (Grey map) ->
            let regions = v.Regions None 0.5f map
            let inside (r: Region) y x = x >= r.X && x < r.X + r.Width && y >= r.Y && y < r.Y + r.Height

            let peak (r: Region) =
                Seq.exists (fun i -> map.Pixels[i] = r.Peak && inside r (i / map.Width) (i % map.Width)) (seq { 0 .. map.Area - 1 })

            let covered i =
                map.Pixels[i] < 0.5f
                || List.exists (fun r -> inside r (i / map.Width) (i % map.Width)) regions

            List.forall peak regions && Seq.forall covered (seq { 0 .. map.Area - 1 }))
        Law.forAll "the highest peak comes first" (fun v (Grey map) ->
            let peaks = v.Regions None 0.5f map |> List.map _.Peak
            peaks = List.sortDescending peaks)
        Law.once "pixels that touch at a corner are one region" (fun v ->
            let diagonal = Image.init 1 4 4 (fun _ y x -> if x = y then 1.0f else 0.0f)

            v.Regions None 0.5f diagonal =
                [
                    {
                        X = 0
                        Y = 0
                        Width = 4
                        Height = 4
                        Area = 4
                        Peak = 1.0f
                    }
                ])
        Law.forAll "σ = 0 leaves the light alone" (fun v (Grey image) -> v.DivideLight 0.0f image = image)
        Law.forAll "divided light does not see the exposure" (fun v (Grey image) ->
            // Bright enough that the floor under the division does not show.
            let bright = Image.map (fun x -> 0.5f + 0.5f * x) image
            let dim = Image.map (fun x -> 0.6f * x) bright
            Near.images 0.05f (v.DivideLight 6.0f dim) (v.DivideLight 6.0f bright))
        Law.forAll "equals the plain definition" (fun v (Pair(map, noise)) ->
            let ways = List.allPairs [ Sum; Maximum; Top 0.3f; Top 1.0f ] (List.allPairs [ 0; 2 ] [ 0.0f; 0.25f ])

            List.allPairs ways [ None; Some(hiddenBy noise) ]
            |> List.forall (fun ((reduction, (frame, typical)), ignore) ->
                let scoring = scoring reduction frame typical
                near (v.Score scoring ignore map) (Scoring.score scoring ignore map))
            && Near.images 1e-4f (v.DivideLight 3.0f map) (Light.divide 3.0f map))
    ]

let private plain =
    {
        Score = Scoring.score
        Regions = Scoring.regions
        DivideLight = Light.divide
    }

let private kernel =
    { plain with
        Score = fun scoring ignore heatmap -> ScoringKernel.Score(scoring, ignore, heatmap)
        DivideLight = fun sigma image -> ScoringKernel.DivideLight(sigma, image)
    }

let private onDevice (device: Emulated.Device) =
    { plain with
        Score = fun scoring ignore heatmap -> device.On _.Score(scoring, ignore, heatmap)
    }

let private scoringBy change =
    { plain with
        Score = fun s ignore map -> Scoring.score (change s) ignore map
    }

let private regionsBy change =
    { plain with
        Regions = fun ignore t map -> Scoring.regions ignore t map |> change
    }

let private verdictMutants =
    [
        "the maximum is the 99.9% quantile, the sum a mean",
        "the maximum is the largest value, the sum the sum",
        scoringBy (fun s ->
            if s.Reduction = Sum then
                { s with Reduction = Top 1.0f }
            else
                s)
        "the top fraction is counted from below",
        "the top fraction lies between mean and maximum, and is both at its ends",
        { plain with
            Score =
                fun s ignore map ->
                    (match s.Reduction with
                     | Top q when q < 1.0f -> -(Scoring.score { s with Reduction = Top q } ignore (Image.map (~-) map))
                     | _ -> Scoring.score s ignore map)
        }
        "the norm is added, not multiplied",
        "a score over the median is unchanged by the exposure",
        { plain with
            Score = fun s ignore map -> Scoring.score { s with Typical = 0.0f } ignore map - s.Typical
        }
        "the frame is one pixel too thin", "the frame is not looked at", scoringBy (fun s -> { s with Frame = max 0 (s.Frame - 1) })
        "the ignore mask is not asked",
        "ignored pixels are not looked at",
        { plain with
            Score = fun s _ map -> Scoring.score s None map
        }
        "regions of one pixel are dropped",
        "regions cover exactly the pixels at or above the threshold",
        regionsBy (List.filter (fun r -> r.Area > 1))
        "boxes are one pixel too narrow",
        "each region's box holds its peak and no larger value outside boxes remains",
        regionsBy (List.map (fun r -> { r with Width = r.Width - 1 }))
        "the largest region comes first", "the highest peak comes first", regionsBy (List.sortByDescending _.Area)
        "rows are regions",
        "pixels that touch at a corner are one region",
        { plain with
            Regions =
                fun ignore t map ->
                    [
                        for y in 0 .. map.Height - 1 do
                            for r in Scoring.regions (ignore |> Option.map (Image.crop y 0 1 map.Width)) t (Image.crop y 0 1 map.Width map) ->
                                { r with Y = y }
                    ]
                    |> List.sortByDescending _.Peak
        }
        "no σ means one pixel",
        "σ = 0 leaves the light alone",
        { plain with
            DivideLight = fun sigma image -> Light.divide (max 1.0f sigma) image
        }
        "the light is subtracted",
        "divided light does not see the exposure",
        { plain with
            DivideLight =
                fun sigma image ->
                    if sigma <= 0.0f then
                        image
                    else
                        Image.map2 (fun x m -> x - m + 0.5f) image (MeanFilter.apply (Light.filterSize sigma) 3 image)
                        |> Image.map (fun v -> 3.0f * v)
        }
        "the lower median instead of the upper",
        "equals the plain definition",
        { plain with
            Score =
                fun s ignore map ->
                    (let values = Scoring.counted s.Frame ignore map in
                     let reduced = Scoring.reduce s.Reduction values in

                     if s.Typical > 0.0f && values.Length > 0 then
                         reduced / ((Array.sort values)[(values.Length - 1) / 2] + s.Typical)
                     else
                         Scoring.score s ignore map)
        }
    ]

/// n → values → the n-th smallest; the values are partitioned around it.
type private Selecting = int -> float32[] -> float32

let private selectionLaws: Law<Selecting> list =
    [
        Law.forAll "the n-th smallest, as sorting would find it" (fun nth (Wild map, n: int) ->
            let n = (n &&& Int32.MaxValue) % map.Area
            nth n (Array.copy map.Pixels) = (Array.sort map.Pixels)[n])
        Law.forAll "no value is lost; smaller ones lie before, larger ones behind" (fun nth (Wild map, n: int) ->
            let values = Array.copy map.Pixels
            let n = (n &&& Int32.MaxValue) % values.Length
            let found = nth n values

            Array.sort values = Array.sort map.Pixels
            && Array.forall (fun v -> v <= found) values[..n]
            && Array.forall (fun v -> v >= found) values[n..])
    ]

let private selection: Selecting = fun n values -> Selection.Nth(Span values, n)

let private selectionMutants: (string * string * Selecting) list =
    [
        "counted from 1", "the n-th smallest, as sorting would find it", (fun n values -> selection (max 0 (n - 1)) values)
        "a sorted copy is looked at",
        "no value is lost; smaller ones lie before, larger ones behind",
        (fun n values -> (Array.sort values)[n])
    ]

[<NoComparison; NoEquality>]
type Calibrating =
    {
        PValue: float32[] -> float32 -> float
        Threshold: float -> float32[] -> Result<float32, CalibrationError>
        /// scoring → rate → pixel rate → held-out scores → pixels of held-out heatmaps → what the detector keeps
        Fit: Scoring -> float -> float -> float32[] -> float32[] -> Calibration
        AtRate: float -> Calibration -> Result<Calibration, CalibrationError>
        Verdict: Calibration -> float32 -> Verdict
    }

let private conformalLaws: Law<Calibrating> list =
    [
        Law.once "the p-value is super-uniform on exchangeable data" (fun c ->
            let draw seed = Sampler.value (Random.ofSeed seed) (Sampler.array 21 Sampler.normal)

            let ps =
                [|
                    for seed in 1UL .. 4000UL -> let s = draw seed in c.PValue (Array.take 20 s) s[20]
                |]

            Seq.forall
                (fun rate ->
                    let share = ps |> Array.averageBy (fun p -> if p <= rate + 1e-9 then 1.0 else 0.0)
                    // Not above the rate beyond four standard errors; and not so far below it that it would be of no use.
                    share < rate + 4.0 * sqrt (rate * (1.0 - rate) / 4000.0)
                    && share > rate - 1.0 / 21.0 - 0.03)
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
            let verdict = c.Verdict fitted score

            verdict.Score = score
            && verdict.PValue = c.PValue s score
            && verdict.Anomalous = (verdict.PValue <= fitted.FalseAlarm + 1e-9))
        Law.forAll "where held-out images are too few, the best rate they can promise is promised" (fun c (Labelled(s, _)) ->
            let fitted = c.Fit (scoring Maximum 0 0.0f) 0.01 0.1 s s

            fitted.FalseAlarm = 1.0 / float (s.Length + 1)
            && fitted.ImageThreshold = Array.max s)
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

            above threshold <= 0.1 + 1e-9
            && (lower.Length = 0 || above (Array.max lower) > 0.1 - 1e-9))
    ]

let private conformal =
    {
        PValue = Conformal.pValue
        Threshold = Conformal.threshold
        Fit = Calibration.fit
        AtRate = Calibration.atRate
        Verdict = Calibration.verdict
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
            PValue =
                fun s score ->
                    float (1 + Array.sumBy (fun v -> if v > score then 1 else 0) s)
                    / float (s.Length + 1)
        }
        "one rank too low",
        "a score above the threshold is one with p ≤ rate",
        { conformal with
            Threshold =
                fun rate s ->
                    Conformal.threshold rate s
                    |> Result.map (fun t ->
                        s
                        |> Array.filter (fun v -> v < t)
                        |> fun below -> if below.Length = 0 then t - 1.0f else Array.max below)
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
            Verdict =
                fun calibration score ->
                    { Calibration.verdict calibration score with
                        Anomalous = score >= calibration.ImageThreshold
                    }
        }
        "the rate asked for is promised, whatever the number of images",
        "where held-out images are too few, the best rate they can promise is promised",
        { conformal with
            Fit =
                fun scoring rate pixelRate s pixels ->
                    { Calibration.fit scoring rate pixelRate s pixels with
                        FalseAlarm = rate
                    }
        }
        "the rate is noted, the threshold stays",
        "asking for another rate is fitting at that rate",
        { conformal with
            AtRate =
                fun rate calibration ->
                    Conformal.threshold rate calibration.HeldOut
                    |> Result.map (fun _ -> { calibration with FalseAlarm = rate })
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
            "Verdicts"
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
