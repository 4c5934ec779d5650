/// Quantiles of sorted values.
module Fae.Spec.QuantileLaws

open Fae.Core

/// A share in [0, 1], sorted values → the value.
type private Quantile = float -> float[] -> float

/// 1 to 12 values of few levels, sorted.
let private values (seed: uint64) =
    let count = 1 + int (Random.hash seed 99UL % 12UL)
    Array.init count (fun i -> float (Random.hash seed (uint64 i) % 9UL)) |> Array.sort

let private share (seed: uint64) = float (Random.toUnit (Random.hash seed 7UL))

let private laws: Law<Quantile> list =
    [
        Law.forAll "at k of n − 1 steps it is the value number k" (fun quantile seed ->
            let sorted = values seed
            let steps = float (max 1 (sorted.Length - 1))

            sorted
            |> Array.indexed
            |> Array.forall (fun (k, value) -> Near.numbers 1e-9 value (quantile (float k / steps) sorted)))
        Law.forAll "halfway between two values it is their mean" (fun quantile seed ->
            let sorted = values seed

            sorted
            |> Array.pairwise
            |> Array.indexed
            |> Array.forall (fun (k, (low, high)) ->
                let at = (float k + 0.5) / float (sorted.Length - 1)
                Near.numbers 1e-9 (0.5 * (low + high)) (quantile at sorted)))
        Law.forAll "a larger share has no smaller value" (fun quantile (seed, other) ->
            let a, b = share seed, share other
            quantile (min a b) (values seed) <= quantile (max a b) (values seed) + 1e-9)
        Law.forAll "values twice as large, and 3 more, have such a quantile" (fun quantile seed ->
            let sorted, at = values seed, share seed
            Near.numbers 1e-9 (2.0 * quantile at sorted + 3.0) (quantile at (Array.map (fun v -> 2.0 * v + 3.0) sorted)))
    ]

let private mutants: (string * string * Quantile) list =
    [
        "one step of n instead of n − 1",
        "at k of n − 1 steps it is the value number k",
        (fun share sorted -> Statistics.quantile (share * float (sorted.Length - 1) / float sorted.Length) sorted)
        "the lower of two values",
        "halfway between two values it is their mean",
        (fun share sorted -> sorted[int (share * float (sorted.Length - 1))])
        "from the other end", "a larger share has no smaller value", (fun share sorted -> Statistics.quantile (1.0 - share) sorted)
        "between two values by their squares",
        "values twice as large, and 3 more, have such a quantile",
        (fun share sorted -> sorted |> Array.map (fun v -> v * v) |> Statistics.quantile share |> sqrt)
    ]

let suite =
    Suite.create
        "Statistics: quantile"
        "Ranges of values and outliers rest on it."
        laws
        [ "plain", (fun share sorted -> Statistics.quantile share sorted) ]
        mutants
