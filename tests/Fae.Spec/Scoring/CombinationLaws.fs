/// The exponents of the measures in a combined heatmap.
module Fae.Spec.CombinationLaws

open Fae.Core

/// Scores by filter and measure → exponents.
type private Weighing = MemberScores list list -> float list list

let private normals seed count = (Noise.field (Random.mix64 seed) 1.0f 1 1 count).Pixels

/// Scores of 24 good pictures and 48 defects; log-scores of defects are higher by so many deviations.
let private scores seed (deviation: float32) (higher: float32) =
    let good, bad = normals (2UL * seed) 24, normals (2UL * seed + 1UL) 48
    let score shift = Array.map (fun v -> exp (deviation * (v + shift)))
    { Family = MapFamily.Reconstruction; Good = score 0.0f good; Bad = score higher bad }

let private bank (member': MemberScores) = { member' with Family = MapFamily.AnomalyMap }

/// Of log-scores of good pictures.
let private deviation (m: MemberScores) = (Statistics.summarise [ for score in m.Good -> log (float score) ]).Deviation

/// 2·AUROC − 1, from the pairs in order.
let private separation (m: MemberScores) =
    let pairs =
        [
            for g in m.Good do
                for b in m.Bad -> float (sign (b - g))
        ]

    List.average pairs

/// Two filters and three measures; the last measure says nothing.
let private some seed =
    [
        for filter in 0UL .. 1UL ->
            [
                for measure, higher in [ 0UL, 2.0f; 1UL, 1.0f; 2UL, -9.0f ] -> scores (16UL * seed + 4UL * filter + measure) 0.3f higher
            ]
    ]

let private same (a: float list list) (b: float list list) = List.forall2 (List.forall2 (fun (x: float) y -> abs (x - y) <= 1e-4)) a b

let private laws: Law<Weighing> list =
    [
        Law.forAll "the exponents sum to 1, none is negative" (fun weigh (seed: uint64) ->
            let all = List.concat (weigh (some seed))
            abs (List.sum all - 1.0) < 1e-6 && List.forall (fun w -> w >= 0.0) all)
        Law.forAll "a measure that takes defects for good pictures is left out" (fun weigh (seed: uint64) ->
            weigh (some seed) |> List.forall (fun terms -> terms[2] = 0.0))
        Law.forAll "the unit of a measure's scores changes nothing" (fun weigh (seed: uint64) ->
            let scaled =
                some seed
                |> List.map (
                    List.mapi (fun i m ->
                        if i = 0 then
                            { m with Good = Array.map ((*) 64.0f) m.Good; Bad = Array.map ((*) 64.0f) m.Bad }
                        else
                            m)
                )

            same (weigh (some seed)) (weigh scaled))
        Law.forAll "log-scores that deviate twice as much get half the exponent of their like" (fun weigh (seed: uint64) ->
            let squared m = { m with Good = Array.map (fun s -> s * s) m.Good; Bad = Array.map (fun s -> s * s) m.Bad }
            let one = scores seed 0.3f 1.5f

            match weigh [ [ one; squared one ] ] with
            | [ [ a; b ] ] -> abs (a - 2.0 * b) < 1e-3
            | _ -> false)
        Law.forAll "the order of measures and filters does not matter" (fun weigh (seed: uint64) ->
            let turned = some seed |> List.map List.rev |> List.rev
            same (weigh turned) (weigh (some seed) |> List.map List.rev |> List.rev))
        Law.forAll "a filter with which defects are told better counts for more, the other is not forgotten" (fun weigh (seed: uint64) ->
            // The same pictures, the defects a little higher with the first filter.
            let better = [ scores seed 0.3f 2.2f ]
            let worse = [ scores seed 0.3f 2.0f ]

            match weigh [ better; worse ] with
            | [ [ a ]; [ b ] ] -> a >= b && b > 0.0
            | _ -> false)
        Law.once "where nothing tells defects from good pictures, all count alike" (fun weigh ->
            let alike family = { Family = family; Good = [| 1.0f; 2.0f; 4.0f |]; Bad = [| 1.0f; 2.0f; 4.0f |] }
            let expected = List.replicate 2 (List.replicate 3 (1.0 / 6.0))
            let bank = alike MapFamily.AnomalyMap
            same (weigh (List.replicate 2 [ alike MapFamily.Reconstruction; bank; bank ])) expected)
        Law.forAll "a family does not count for more by a second member that is like the first" (fun weigh (seed: uint64) ->
            let one, other = scores (2UL * seed) 0.3f 1.5f, bank (scores (2UL * seed + 1UL) 0.3f 1.0f)

            [ one, other; other, one ]
            |> List.forall (fun (one, other) ->
                match weigh [ [ one; other ] ], weigh [ [ one; one; other ] ] with
                | [ [ alone; beside ] ], [ [ first; second; third ] ] ->
                    abs (first + second - alone) < 1e-6 && abs (first - second) < 1e-6 && abs (third - beside) < 1e-6
                | _ -> false))
        Law.forAll "an anomaly map counts twice as much as a reconstruction measure with its scores" (fun weigh (seed: uint64) ->
            let one = scores seed 0.3f 1.5f

            match weigh [ [ one; bank one ] ] with
            | [ [ reconstruction; map ] ] -> abs (map - 2.0 * reconstruction) < 1e-6
            | _ -> false)
        Law.forAll "families count in proportion to 2·AUROC − 1 of their best members" (fun weigh (seed: uint64) ->
            let one, other = scores (2UL * seed) 0.3f 2.0f, bank (scores (2UL * seed + 1UL) 0.5f 1.0f)

            match weigh [ [ one; other ] ] with
            | [ [ a; b ] ] ->
                let ratio = 0.5 * separation one / separation other
                abs (a * deviation one - ratio * b * deviation other) < 1e-4
            | _ -> false)
        Law.forAll "of two reconstruction measures the one that tells defects better counts for more" (fun weigh (seed: uint64) ->
            // The same pictures, the defects higher by the first measure.
            let better, worse = scores seed 0.3f 1.6f, scores seed 0.3f 1.0f
            let map = bank (scores (seed + 1UL) 0.3f 1.3f)

            match weigh [ [ better; worse; map ] ] with
            | [ [ a; b; _ ] ] -> a > b
            | _ -> false)
        Law.forAll "anomaly maps that tell defects count alike, over their deviations" (fun weigh (seed: uint64) ->
            let one = bank (scores (2UL * seed) 0.3f 1.6f)
            let other = bank (scores (2UL * seed + 1UL) 0.5f 1.0f)

            let blind = { one with Bad = Array.append one.Good one.Good }

            match weigh [ [ one; other; blind ] ] with
            | [ [ a; b; none ] ] -> abs (a * deviation one - b * deviation other) < 1e-4 * a * deviation one && none = 0.0
            | _ -> false)
    ]

let private plain = Combination.weights

let private normalised (weights: float list list) =
    let sum = List.sumBy List.sum weights
    weights |> List.map (List.map (fun w -> w / sum))

let private mutants: (string * string * Weighing) list =
    [
        "each filter's exponents sum to 1",
        "the exponents sum to 1, none is negative",
        (fun scores -> plain scores |> List.map (fun terms -> let sum = List.sum terms in List.map (fun w -> w / max sum 1e-9) terms))
        "all measures keep a little",
        "a measure that takes defects for good pictures is left out",
        (fun scores -> plain scores |> List.map (List.map (fun w -> w + 0.01)) |> normalised)
        "scores instead of their logarithms",
        "the unit of a measure's scores changes nothing",
        (fun scores -> List.map2 (List.map2 (fun w m -> w * float (Array.average m.Good))) (plain scores) scores |> normalised)
        "deviations are forgotten",
        "log-scores that deviate twice as much get half the exponent of their like",
        (fun scores -> plain scores |> List.map (List.map (fun w -> if w > 0.0 then 1.0 else 0.0)) |> normalised)
        "the first measure of each filter alone",
        "the order of measures and filters does not matter",
        (fun scores -> plain scores |> List.map (List.mapi (fun i w -> if i = 0 then w else 0.0)) |> normalised)
        "a family counts for more by a second member",
        "a family does not count for more by a second member that is like the first",
        (fun scores ->
            let many family = scores.Head |> List.filter (fun (m: MemberScores) -> m.Family = family) |> List.length |> float
            List.map2 (List.map2 (fun w (m: MemberScores) -> w * many m.Family)) (plain scores) scores |> normalised)
        "all maps are trusted alike",
        "an anomaly map counts twice as much as a reconstruction measure with its scores",
        (fun scores ->
            let trust (m: MemberScores) = if m.Family = MapFamily.Reconstruction then 2.0 else 1.0
            List.map2 (List.map2 (fun w m -> w * trust m)) (plain scores) scores |> normalised)
        "families count by the third power",
        "families count in proportion to 2·AUROC − 1 of their best members",
        (fun scores ->
            let squared (m: MemberScores) = separation m ** 2.0
            List.map2 (List.map2 (fun w m -> w * squared m)) (plain scores) scores |> normalised)
        "reconstruction measures share equally",
        "of two reconstruction measures the one that tells defects better counts for more",
        (fun scores ->
            let alike = scores |> List.map (List.map bank)

            if scores |> List.forall (List.exists (fun (m: MemberScores) -> m.Family = MapFamily.AnomalyMap)) then
                plain alike
            else
                plain scores)
        "anomaly maps count by the power too",
        "anomaly maps that tell defects count alike, over their deviations",
        (fun scores -> scores |> List.map (List.map (fun (m: MemberScores) -> { m with Family = MapFamily.Reconstruction })) |> plain)
        "the best filter alone",
        "a filter with which defects are told better counts for more, the other is not forgotten",
        (fun scores ->
            let weights = plain scores
            let best = weights |> List.map List.sum |> List.max

            weights
            |> List.map (fun terms -> if List.sum terms = best then terms else List.map (fun _ -> 0.0) terms)
            |> normalised)
        "without a winner the first measure alone",
        "where nothing tells defects from good pictures, all count alike",
        (fun scores ->
            let weights = plain scores
            let flat = List.concat weights

            if List.forall (fun w -> abs (w - flat.Head) < 1e-9) flat then
                weights |> List.map (List.mapi (fun i _ -> if i = 0 then 0.5 else 0.0))
            else
                weights)
    ]

let suite =
    Suite.create "Combination" "How much each measure and each filter counts in a combined heatmap." laws [ "plain", plain ] mutants

/// Scores and medians of good pictures → deviation of ln(score/median).
type private Spread = float32[] -> float32[] -> float

let private near (a: float) b = abs (a - b) <= 1e-4 * max 1e-3 (abs b)

let private positive seed = Array.map exp (normals seed 24)

let private ones = Array.create 24 1.0f

let private spreadLaws: Law<Spread> list =
    [
        Law.forAll "with medians of 1 it is the deviation of the log-scores" (fun spread (seed: uint64) ->
            let scores = positive seed
            near (spread scores ones) (Statistics.summarise [ for s in scores -> log (float s) ]).Deviation)
        Law.forAll "the units of scores and medians change nothing" (fun spread (seed: uint64) ->
            let scores, medians = positive seed, positive (seed + 1UL)
            near (spread (Array.map ((*) 64.0f) scores) (Array.map ((*) 0.25f) medians)) (spread scores medians))
        Law.forAll "pictures whose scores are as many times their medians agree" (fun spread (seed: uint64) ->
            let medians = positive seed
            spread (Array.map ((*) 5.0f) medians) medians < 1e-5)
        Law.forAll "medians that do not vary with the scores make them agree less" (fun spread (seed: uint64) ->
            let scores = positive seed
            spread scores (Array.map (fun s -> 1.0f / s) scores) > 1.9 * spread scores ones)
    ]

let private plainSpread = Combination.spread

let private spreadMutants: (string * string * Spread) list =
    [
        "scores instead of their logarithms",
        "with medians of 1 it is the deviation of the log-scores",
        (fun scores medians -> plainSpread (Array.map exp scores) medians)
        "in units of the mean score",
        "the units of scores and medians change nothing",
        (fun scores medians -> plainSpread scores medians * float (Array.average scores))
        "over the median and a typical one",
        "pictures whose scores are as many times their medians agree",
        (fun scores medians -> plainSpread scores (Array.map ((+) (Array.average medians)) medians))
        "without the medians", "medians that do not vary with the scores make them agree less", (fun scores _ -> plainSpread scores ones)
    ]

let spreadSuite =
    Suite.create
        "Spread of combined scores"
        "How far good pictures' scores deviate, over the medians of their heatmaps: decides on the division by the median."
        spreadLaws
        [ "plain", plainSpread ]
        spreadMutants
