/// Scores far above the others.
module Fae.Spec.OutlierLaws

open Fae.Core

/// Scores → the numbers of those that stand out.
type private Finder = float32[] -> int list

let private normals (seed: uint64) count = (Noise.field (Random.mix64 (seed + 11UL)) 1.0f 1 1 count).Pixels

/// Scores as good parts have them: positive, skewed.
let private good seed count = normals seed count |> Array.map (fun v -> exp (0.3f * v))

let private laws: Law<Finder> list =
    [
        Law.forAll "good parts stand out hardly ever" (fun find (seed: uint64) ->
            // Of ten thousand scores a percent of one is expected.
            (find (good seed 10000)).Length <= 1)
        Law.forAll "a bad part among forty good ones stands out, wherever it is" (fun find (seed: uint64, at: uint8) ->
            let scores = good seed 40
            let place = int at % 40
            scores[place] <- 30.0f
            List.contains place (find scores))
        Law.forAll "and so do five, each of them, the highest first" (fun find (seed: uint64) ->
            let bad = [| 40.0f; 90.0f; 60.0f; 50.0f; 70.0f |]
            let scores = Array.append (good seed 40) bad
            find scores |> List.truncate 5 = [ 41; 44; 42; 43; 40 ])
        Law.forAll "the unit of the scores changes nothing" (fun find (seed: uint64) ->
            let scores = Array.append (good seed 40) [| 25.0f |]
            find scores = find (Array.map (fun s -> 1024.0f * s) scores))
        Law.once "scores that are all alike, a few ones, and low ones do not stand out" (fun find ->
            List.isEmpty (find (Array.create 50 0.3f))
            && List.isEmpty (find [| 1.0f; 1.1f; 900.0f |])
            && not (List.contains 40 (find (Array.append (good 5UL 40) [| 1e-6f |]))))
    ]

/// Further from the mean than so many deviations.
let private byDeviations (times: float) (scores: float32[]) =
    let statistics = Statistics.summarise (scores |> Array.map float |> List.ofArray)

    [ 0 .. scores.Length - 1 ]
    |> List.filter (fun i -> scores.Length >= 12 && float scores[i] > statistics.Mean + times * statistics.Deviation)
    |> List.sortByDescending (fun i -> scores[i])

let private mutants: (string * string * Finder) list =
    [
        "without logarithms: two deviations above the mean", "good parts stand out hardly ever", byDeviations 2.0
        "the last one is never looked at",
        "a bad part among forty good ones stands out, wherever it is",
        (fun scores -> Outliers.above scores |> List.filter (fun i -> i <> scores.Length - 1))
        "three deviations: bad parts hide each other", "and so do five, each of them, the highest first", byDeviations 3.0
        "a fixed limit",
        "the unit of the scores changes nothing",
        (fun scores -> [ 0 .. scores.Length - 1 ] |> List.filter (fun i -> scores[i] > 20.0f))
        "the spread may be nothing",
        "scores that are all alike, a few ones, and low ones do not stand out",
        (fun scores -> if scores.Length < 12 then [ 0 ] else Outliers.above scores)
    ]

let suite =
    Suite.create
        "Outliers"
        "Scores far above the others: training pictures that a person should look at again."
        laws
        [ "plain", Outliers.above ]
        mutants
