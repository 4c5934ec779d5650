/// Drift: whether later scores look like the held-out ones.
module Fae.Spec.DriftLaws

open Fae.Core

/// Held-out scores → later scores → drift.
type private Test = float32[] -> float32[] -> Drift option

let private normals (seed: uint64) count = (Noise.field (Random.mix64 (seed + 77UL)) 1.0f 1 1 count).Pixels
let private moved by = Array.map (fun v -> v + by)

/// How often of a thousand it alarms where the held-out and the later scores are drawn like this.
let private alarms (test: Test) count heldOut later =
    [ 1UL .. uint64 count ]
    |> List.averageBy (fun i ->
        match test (heldOut (2UL * i)) (later (2UL * i + 1UL)) with
        | Some drift when drift.Significance < 0.05 -> 1.0
        | _ -> 0.0)

let private laws: Law<Test> list =
    [
        Law.once "too few say nothing" (fun test ->
            test (normals 1UL 9) (normals 2UL 100) = None && test (normals 1UL 100) (normals 2UL 19) = None)
        Law.forAll "the distance is the largest between the two distributions" (fun test (seed: uint64) ->
            // Rounded, so that there are ties.
            let coarse = Array.map (fun v -> round (2.0f * v) / 2.0f)
            let a, b = coarse (normals seed 25), coarse (normals (seed + 1UL) 40)

            let share (values: float32[]) at = float (values |> Array.filter (fun v -> v <= at) |> Array.length) / float values.Length

            let most = Array.append a b |> Array.map (fun at -> abs (share a at - share b at)) |> Array.max

            match test a b with
            | Some drift -> abs (drift.Distance - most) < 1e-9
            | None -> false)
        Law.forAll "only the order of the scores counts" (fun test (seed: uint64) ->
            let a, b = normals seed 30, normals (seed + 1UL) 50
            test a b = test (Array.map (fun v -> exp v) a) (Array.map (fun v -> exp v) b))
        Law.once "where nothing has changed it alarms as seldom as its odds say, also after few held-out pictures" (fun test ->
            alarms test 1000 (fun seed -> normals seed 18) (fun seed -> normals seed 400) < 0.06
            && alarms test 400 (fun seed -> normals seed 300) (fun seed -> normals seed 300) < 0.08)
        Law.once "a camera that has changed is noticed" (fun test ->
            alarms test 200 (fun seed -> normals seed 40) (fun seed -> moved 1.5f (normals seed 200)) > 0.99)
        Law.once "Kolmogorov's table: a distance of 1.36/√n has odds of one in twenty" (fun test ->
            let n = 20000
            let ladder = Array.init n (fun i -> float32 i)
            // Shifted by as many steps as make the distance.
            let shift = float32 (round (1.36 / sqrt (float n / 2.0) * float n))

            match test ladder (moved shift ladder) with
            | Some drift -> abs (drift.Significance - 0.05) < 0.002
            | None -> false)
    ]

let private mutants: (string * string * Test) list =
    [
        "a single score is enough",
        "too few say nothing",
        (fun a b ->
            let d = Drift.distance a b

            Some { Distance = d; Significance = Drift.significance d a.Length b.Length })
        "the mean distance",
        "the distance is the largest between the two distributions",
        (fun a b -> Drift.test a b |> Option.map (fun drift -> { drift with Distance = 0.5 * drift.Distance }))
        "the distance of the means",
        "only the order of the scores counts",
        (fun a b ->
            Drift.test a b
            |> Option.map (fun drift -> { drift with Distance = float (abs (Array.average a - Array.average b)) }))
        "held-out scores are taken for the whole truth",
        "where nothing has changed it alarms as seldom as its odds say, also after few held-out pictures",
        (fun a b ->
            Drift.test a b
            |> Option.map (fun drift -> { drift with Significance = Drift.significance drift.Distance 1_000_000 b.Length }))
        "never an alarm",
        "a camera that has changed is noticed",
        (fun a b -> Drift.test a b |> Option.map (fun drift -> { drift with Significance = 1.0 }))
        "the tail is one-sided",
        "Kolmogorov's table: a distance of 1.36/√n has odds of one in twenty",
        (fun a b -> Drift.test a b |> Option.map (fun drift -> { drift with Significance = 0.5 * drift.Significance }))
    ]

let suite =
    Suite.create "Drift" "The test of Kolmogorov and Smirnov between held-out scores and later ones." laws [ "plain", Drift.test ] mutants
