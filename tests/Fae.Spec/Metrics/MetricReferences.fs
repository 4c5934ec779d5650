/// The metrics by their definitions, slowly, to compare with.
module Fae.Spec.MetricReferences

open Fae.Core

[<NoComparison; NoEquality>]
type MetricSet =
    {
        Auroc: float32[] -> bool[] -> Result<float, MetricError>
        AveragePrecision: float32[] -> bool[] -> Result<float, MetricError>
        F1Max: float32[] -> bool[] -> Result<float, MetricError>
        /// limit → ignored pixels → heatmaps → masks
        Aupro: float -> Image option -> Image list -> Image list -> Result<float, MetricError>
    }

let value result =
    match result with
    | Ok v -> v
    | Error e -> failwith $"no value: {e}"

let aupro (m: MetricSet) limit heatmaps masks = m.Aupro limit None heatmaps masks

let close a b = Near.numbers 1e-9 a b
let count p = Array.sumBy (fun v -> if p v then 1.0 else 0.0)

/// Over all pairs, wins plus half of the ties.
let pairAuroc (scores: float32[]) (labels: bool[]) =
    let bad, good = Array.zip scores labels |> Array.partition snd

    Array.allPairs bad good
    |> Array.averageBy (fun ((b, _), (g, _)) ->
        if b > g then 1.0
        elif b = g then 0.5
        else 0.0)

/// Recall and precision at each distinct threshold, highest first.
let operatingPoints (scores: float32[]) (labels: bool[]) =
    let actual = count id labels

    scores
    |> Array.distinct
    |> Array.sortDescending
    |> Array.map (fun threshold ->
        let found = Array.zip scores labels |> Array.filter (fun (s, _) -> s >= threshold)
        let hits = count snd found
        hits / actual, hits / float found.Length)

let slowAveragePrecision scores labels =
    operatingPoints scores labels
    |> Array.fold (fun (last, sum) (recall, precision) -> recall, sum + (recall - last) * precision) (0.0, 0.0)
    |> snd

let slowF1 scores labels =
    operatingPoints scores labels
    |> Array.map (fun (r, p) -> if r + p = 0.0 then 0.0 else 2.0 * r * p / (r + p))
    |> Array.max

/// The per-region-overlap curve, threshold by threshold and region by region.
let slowPro (map: Image) (mask: Image) =
    let regions = Metrics.components mask
    let good = [| 0 .. mask.Area - 1 |] |> Array.filter (fun i -> mask.Pixels[i] < 0.5f)

    [|
        { X = 0.0; Y = 0.0 }
        for threshold in map.Pixels |> Array.distinct |> Array.sortDescending do
            let share pixels = count (fun i -> map.Pixels[i] >= threshold) pixels / float (Array.length pixels)

            { X = share good; Y = regions |> List.averageBy share }
    |]

/// Hundreds of scores in one of several spreads, with ties: over all magnitudes and both signs; crowded beside one outlier; few values.
let crowd (seed: uint64) =
    let unit n i = float (Random.toUnit (Random.hash (seed + n) (uint64 i)))

    let spread i =
        match seed % 4UL with
        | 0UL -> unit 1UL i
        | 1UL -> (unit 1UL i - 0.5) * 10.0 ** (60.0 * unit 2UL i - 30.0)
        | 2UL -> if i = 7 then 1e9 else 1.0 + 1e-3 * unit 1UL i
        | _ -> floor (5.0 * unit 1UL i) - 2.0

    let scores = Array.init 600 (spread >> float32)
    // Bad ones are more often high; both kinds occur.
    let labels = Array.init 600 (fun i -> i = 0 || (i <> 1 && unit 3UL i < 0.2 + 0.1 * float (sign scores[i]) * unit 1UL i))

    scores, labels

let maskOf noise = Image.map (fun v -> if v > 0.6f then 1.0f else 0.0f) noise
