module Fae.Tests.MetricsTests

open Expecto
open Fae.Core
open Fae.Tests.Generators

let private value result =
    match result with
    | Ok v -> v
    | Error e -> failtest $"no value: {e}"

/// The definition: over all pairs, wins plus half of the ties.
let private pairAuroc (scores: float32[]) (labels: bool[]) =
    let bad = Array.zip scores labels |> Array.filter snd |> Array.map fst
    let good = Array.zip scores labels |> Array.filter (snd >> not) |> Array.map fst

    Array.allPairs bad good
    |> Array.averageBy (fun (b, g) ->
        if b > g then 1.0
        elif b = g then 0.5
        else 0.0)

let private bruteF1 (scores: float32[]) (labels: bool[]) =
    [
        for threshold in Array.distinct scores do
            let tp = Array.fold2 (fun n s l -> if s >= threshold && l then n + 1.0 else n) 0.0 scores labels
            let predicted = scores |> Array.sumBy (fun s -> if s >= threshold then 1.0 else 0.0)
            let actual = labels |> Array.sumBy (fun l -> if l then 1.0 else 0.0)
            2.0 * tp / (predicted + actual)
    ]
    |> List.max

/// Average precision by its definition over distinct thresholds.
let private bruteAp (scores: float32[]) (labels: bool[]) =
    let actual = labels |> Array.sumBy (fun l -> if l then 1.0 else 0.0)

    let point threshold =
        let tp = Array.fold2 (fun n s l -> if s >= threshold && l then n + 1.0 else n) 0.0 scores labels
        let predicted = scores |> Array.sumBy (fun s -> if s >= threshold then 1.0 else 0.0)
        tp / actual, tp / predicted

    scores
    |> Array.distinct
    |> Array.sortDescending
    |> Array.map point
    |> Array.fold (fun (last, sum) (recall, precision) -> recall, sum + (recall - last) * precision) (0.0, 0.0)
    |> snd

/// AUPRO the slow way: threshold by threshold, region by region.
let private bruteAupro limit (map: Image) (mask: Image) =
    let regions = Metrics.components mask

    let good =
        [
            for i in 0 .. mask.Area - 1 do
                if mask.Pixels[i] < 0.5f then
                    i
        ]

    let points =
        [|
            { X = 0.0; Y = 0.0 }
            for threshold in map.Pixels |> Array.distinct |> Array.sortDescending do
                let above i = map.Pixels[i] >= threshold

                {
                    X = (good |> List.filter above |> List.length |> float) / float good.Length
                    Y =
                        regions
                        |> List.averageBy (fun r -> float (r |> Array.filter above).Length / float r.Length)
                }
        |]

    Metrics.areaUpTo limit points

let private close (a: float) b = abs (a - b) < 1e-9

let tests =
    testList
        "Metrics"
        [
            law "AUROC equals the count over all pairs, ties half" (fun (Labelled(s, l)) ->
                close (value (Metrics.auroc s l)) (pairAuroc s l))
            law "AUROC is unchanged by rising maps" (fun (Labelled(s, l)) ->
                close (value (Metrics.auroc s l)) (value (Metrics.auroc (Array.map (fun v -> exp v + 3.0f) s) l)))
            law "AUROC becomes 1 − a under negation" (fun (Labelled(s, l)) ->
                close (value (Metrics.auroc s l)) (1.0 - value (Metrics.auroc (Array.map (~-) s) l)))
            law "F1-max equals brute force" (fun (Labelled(s, l)) -> close (value (Metrics.f1Max s l)) (bruteF1 s l))
            law "AP equals brute force" (fun (Labelled(s, l)) -> close (value (Metrics.averagePrecision s l)) (bruteAp s l))
            law "AP of a constant score is the prevalence" (fun (Labelled(s, l)) ->
                close
                    (value (Metrics.averagePrecision (Array.map (fun _ -> 1.0f) s) l))
                    (l |> Array.averageBy (fun b -> if b then 1.0 else 0.0)))
            law "a perfect score gives 1 everywhere" (fun (Labelled(_, l)) ->
                let s = l |> Array.map (fun b -> if b then 2.0f else 1.0f)
                let all = value (Metrics.summary 10 s l)
                close all.Auroc 1.0 && close all.AveragePrecision 1.0 && close all.F1Max 1.0)
            law "AUPRO equals the slow way and stays in [0, 1]" (fun (Pair(map, noise)) ->
                let mask = Image.map (fun v -> if v > 0.6f then 1.0f else 0.0f) noise

                match Metrics.aupro 0.3 [ map ] [ mask ] with
                | Ok fast -> fast >= 0.0 && fast <= 1.0 && abs (fast - bruteAupro 0.3 map mask) < 1e-6
                | Error NoPositives -> Array.forall ((=) 0.0f) mask.Pixels
                | Error NoNegatives -> Array.forall ((=) 1.0f) mask.Pixels
                | Error NotANumber -> false)
            law "AUPRO does not look at ignored pixels" (fun (Pair(map, noise)) ->
                // The right half is ignored: whatever is painted there, the result is that of the left half alone.
                let split = max 1 (map.Width / 2)
                let right = Image.init 1 map.Height map.Width (fun _ _ x -> if x >= split then 1.0f else 0.0f)
                let left image = Image.crop 0 0 map.Height split image
                let mask = Image.map (fun v -> if v > 0.6f then 1.0f else 0.0f) noise
                let whole = Metrics.proCurve 0.3 (Some right) [ map ] [ mask ]
                whole = Metrics.proCurve 0.3 None [ left map ] [ left mask ])
            law "a thinned curve keeps its ends" (fun (Labelled(s, l)) ->
                let curve = (value (Metrics.summary 1000 s l)).Roc
                let thin = Metrics.thin 3 curve

                Array.head thin = Array.head curve
                && Array.last thin = Array.last curve
                && thin.Length <= 7)
            test "NaN is refused, and so are single-class labels" {
                Expect.equal (Metrics.auroc [| nanf; 1.0f |] [| true; false |]) (Error NotANumber) "NaN"
                Expect.equal (Metrics.auroc [| 0.0f; 1.0f |] [| true; true |]) (Error NoNegatives) "no good ones"
                Expect.equal (Metrics.auroc [| 0.0f; 1.0f |] [| false; false |]) (Error NoPositives) "no bad ones"
            }
            test "the conformal p-value is super-uniform on exchangeable data" {
                let draw seed = Sampler.value (Random.ofSeed seed) (Sampler.array 21 Sampler.normal)

                let ps =
                    [|
                        for seed in 1UL .. 4000UL -> let s = draw seed in Conformal.pValue (Array.take 20 s) s[20]
                    |]

                for rate in [ 0.05; 0.1; 0.25; 0.5 ] do
                    let share = ps |> Array.averageBy (fun p -> if p <= rate then 1.0 else 0.0)
                    Expect.isLessThan share (rate + 4.0 * sqrt (rate * (1.0 - rate) / 4000.0)) $"P(p ≤ {rate})"
            }
            law "a score above the conformal threshold is one with p ≤ rate" (fun (Labelled(s, _)) (score: int) ->
                let score = float32 (score % 12)

                match Conformal.threshold 0.2 s with
                | Ok t -> (score > t) = (Conformal.pValue s score <= 0.2 + 1e-9)
                | Error(TooFewImages(n, smallest)) -> smallest > 0.2 && n = s.Length
                | Error _ -> false)
            law "regions cover exactly the pixels above the threshold" (fun (Grey map) ->
                let regions = Scoring.regions None 0.5f map
                (regions |> List.sumBy _.Area) = (map.Pixels |> Array.filter (fun v -> v >= 0.5f) |> Array.length))
            law "the fast score is the plain one" (fun (Pair(map, noise)) ->
                let near (a: float32) b = abs (a - b) <= 1e-5f * max 1.0f (abs a)
                let hidden = Image.map (fun v -> if v > 0.6f then 1.0f else 0.0f) noise

                List.allPairs [ Sum; Maximum; Top 0.3f; Top 1.0f ] (List.allPairs [ 0; 2 ] [ 0.0f; 0.25f ])
                |> List.forall (fun (reduction, (frame, typical)) ->
                    let scoring =
                        {
                            Measure = Mse
                            FilterSize = 1
                            FilterPasses = 0
                            Reduction = reduction
                            Frame = frame
                            Typical = typical
                        }

                    [ None; Some hidden ]
                    |> List.forall (fun ignore ->
                        near (Fae.Kernels.ScoringKernel.Score(scoring, ignore, map)) (Scoring.score scoring ignore map))))
            law "the n-th smallest is at its place, smaller ones before it" (fun (Grey map) (n: int) ->
                let values = Array.copy map.Pixels
                let n = (n &&& 0x7FFFFFFF) % values.Length
                let found = Fae.Kernels.Selection.Nth(System.Span values, n)

                found = (Array.sort map.Pixels)[n]
                && Array.forall (fun v -> v <= found) values[..n]
                && Array.forall (fun v -> v >= found) values[n..])
            law "a score over the median is unchanged by the exposure" (fun (Grey map) ->
                let scoring typical =
                    {
                        Measure = Mse
                        FilterSize = 1
                        FilterPasses = 0
                        Reduction = Maximum
                        Frame = 0
                        Typical = typical
                    }

                let bright = Image.map (fun v -> 4.0f * v) map
                let a, b = Scoring.score (scoring 0.5f) None map, Scoring.score (scoring 2.0f) None bright
                abs (a - b) <= 1e-5f * max 1.0f a)
            law "the top fraction lies between mean and maximum" (fun (Grey map) ->
                let top = Scoring.reduce (Top 0.3f) map.Pixels
                top <= Array.max map.Pixels + 1e-6f && top >= Array.average map.Pixels - 1e-5f)
        ]
