/// Spearman's rank correlation.
module Fae.Spec.RankLaws

open Fae.Core

type private Correlation = float[] -> float[] -> float option

/// Paired values of few levels, so that some are equal: 3 to 12 pairs.
let private pairs (seed: uint64) =
    let count = 3 + int (Random.hash seed 99UL % 10UL)
    let values key = Array.init count (fun i -> float (Random.hash (seed + key) (uint64 i) % 6UL))
    values 1UL, values 2UL

let private near (a: float option) (b: float option) =
    match a, b with
    | Some a, Some b -> Near.numbers 1e-9 a b
    | a, b -> a = b

/// Pearson's correlation of counted ranks: how many values are smaller, and half of those that are equal.
let private slow (a: float[]) (b: float[]) =
    let rank (values: float[]) v =
        values
        |> Array.sumBy (fun other ->
            if other < v then 1.0
            elif other = v then 0.5
            else 0.0)

    let x, y = Array.map (rank a) a, Array.map (rank b) b
    let mean = Array.average
    let covariance p q = Array.map2 (fun u v -> (u - mean p) * (v - mean q)) p q |> Array.sum
    let scale = sqrt (covariance x x * covariance y y)
    if scale = 0.0 then None else Some(covariance x y / scale)

let private laws: Law<Correlation> list =
    [
        Law.forAll "it is Pearson's correlation of the ranks, ties at their mean rank" (fun correlation seed ->
            let a, b = pairs seed
            near (correlation a b) (slow a b))
        Law.forAll "rising maps of either side change nothing" (fun correlation seed ->
            let a, b = pairs seed
            near (correlation a b) (correlation (Array.map exp a) (Array.map (fun v -> v ** 3.0 - 7.0) b)))
        Law.forAll "it is the same from either side, and turns its sign with one" (fun correlation seed ->
            let a, b = pairs seed

            near (correlation a b) (correlation b a)
            && near (correlation a b) (correlation a (Array.map (~-) b) |> Option.map (~-)))
        Law.forAll "1 of equal values, and never beyond" (fun correlation seed ->
            let a, b = pairs seed
            let constant = Array.forall ((=) a[0]) a

            (if constant then correlation a a = None else near (correlation a a) (Some 1.0))
            && correlation a b |> Option.forall (fun r -> -1.0 <= r && r <= 1.0))
        Law.once "none of one pair, none of a constant side" (fun correlation ->
            correlation [| 1.0 |] [| 2.0 |] = None && correlation [| 1.0; 1.0; 1.0 |] [| 1.0; 2.0; 3.0 |] = None)
    ]

let private pearson (a: float[]) (b: float[]) =
    let centred (values: float[]) =
        let mean = if values.Length = 0 then 0.0 else Array.average values
        Array.map (fun v -> v - mean) values

    let x, y = centred a, centred b
    let product p q = Array.fold2 (fun sum u v -> sum + u * v) 0.0 p q
    let scale = sqrt (product x x * product y y)
    if a.Length < 2 || scale = 0.0 then None else Some(product x y / scale)

/// Places after sorting; equal values stay in their order.
let private places (values: float[]) =
    let order = Array.indexed values |> Array.sortBy snd |> Array.map fst
    let places = Array.zeroCreate values.Length
    order |> Array.iteri (fun place at -> places[at] <- float place)
    places

let private mutants: (string * string * Correlation) list =
    [
        "values instead of ranks", "rising maps of either side change nothing", pearson
        "ties in their order",
        "it is Pearson's correlation of the ranks, ties at their mean rank",
        (fun a b -> pearson (places a) (places b))
        "the sign is lost",
        "it is the same from either side, and turns its sign with one",
        (fun a b -> Statistics.rankCorrelation a b |> Option.map abs)
        "divided by one pair less",
        "1 of equal values, and never beyond",
        (fun a b -> Statistics.rankCorrelation a b |> Option.map (fun r -> r * float a.Length / float (a.Length - 1)))
        "0 where it is not defined",
        "none of one pair, none of a constant side",
        (fun a b -> Statistics.rankCorrelation a b |> Option.orElse (Some 0.0))
    ]

let suite =
    Suite.create
        "Statistics: rank correlation"
        "How well the synthetic AUROC orders ways of scoring as the labels do."
        laws
        [ "plain", Statistics.rankCorrelation ]
        mutants
