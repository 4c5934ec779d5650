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

/// The laws of `Outliers.outside`.
let private outsideLaws: Law<Finder> list =
    [
        Law.forAll "of good parts less than one in a hundred is outside" (fun find (seed: uint64) -> (find (good seed 5000)).Length < 50)
        Law.forAll "what is far out is outside, and comes first" (fun find (seed: uint64, bad: uint8) ->
            let scores = Array.append (good seed 40) [| for i in 0 .. int bad % 8 -> 40.0f + float32 i |]
            let far = Outliers.farOut scores
            List.truncate far.Length (find scores) = far)
        Law.forAll "a score of three and a half deviations is outside" (fun find (seed: uint64) ->
            List.contains 400 (find (Array.append (good seed 400) [| exp (0.3f * 3.5f) |])))
        Law.forAll "the unit of the scores changes nothing" (fun find (seed: uint64) ->
            let scores = Array.append (good seed 40) [| 4.0f |]
            find scores = find (Array.map (fun s -> 1024.0f * s) scores))
        Law.forAll "scores that are alike to a twentieth are not outside" (fun find (seed: uint64) ->
            List.isEmpty (find (Array.append (normals seed 40 |> Array.map (fun v -> exp (0.001f * v))) [| 1.05f |])))
    ]

let private outsideMutants: (string * string * Finder) list =
    [
        "three quartile ranges", "a score of three and a half deviations is outside", Outliers.farOut
        "two deviations", "of good parts less than one in a hundred is outside", byDeviations 2.0
        "the least unusual first", "what is far out is outside, and comes first", Outliers.outside >> List.rev
        "a fixed limit",
        "the unit of the scores changes nothing",
        (fun scores ->
            [ 0 .. scores.Length - 1 ]
            |> List.filter (fun i -> scores[i] > 3.0f)
            |> List.sortByDescending (fun i -> scores[i]))
        "by the spread alone", "scores that are alike to a twentieth are not outside", byDeviations 4.0
    ]

let outsideSuite =
    Suite.create
        "Outliers to look at"
        "Scores above most others: training pictures that are listed for a person."
        outsideLaws
        [ "plain", Outliers.outside ]
        outsideMutants

/// Distances of good pictures' places → maps and scores.
type private Scorer = Image list -> (Image * float32) list

/// Positive distances of a picture that is like the others, larger on the right in every picture.
let private map (seed: uint64) number =
    Image.init 1 10 20 (fun _ y x ->
        (1.0f + 0.2f * float32 x)
        * (0.9f + 0.2f * Random.toUnit (Random.hash (Random.hash seed (uint64 number)) (uint64 (20 * y + x)))))

let private distanceLaws: Law<Scorer> list =
    [
        Law.forAll "one far place makes a picture the farthest, wherever it is" (fun score (seed: uint64, at: uint8) ->
            let y, x = int at % 10, int at % 20
            let usual = map seed 0
            let strange = Image.init 1 10 20 (fun _ y' x' -> if y' = y && x' = x then 3.0f * usual[0, y, x] else usual[0, y', x'])
            let scores = score (strange :: [ for i in 1..11 -> map seed i ]) |> List.map snd
            List.head scores > List.max (List.tail scores))
        Law.forAll "the scale of distances does not matter for the order" (fun score (seed: uint64) ->
            let order maps = score maps |> List.map snd |> List.indexed |> List.sortBy snd |> List.map fst
            let maps = [ for i in 0..7 -> map seed i ]
            order maps = order (maps |> List.map (Image.map (fun v -> 4.0f * v))))
        Law.forAll "a score is one of its map's values, or between two" (fun score (seed: uint64) ->
            score [ for i in 0..7 -> map seed i ]
            |> List.forall (fun (map, score) -> Array.min map.Pixels <= score && score <= Array.max map.Pixels))
    ]

let private plainScores (maps: Image list) = maps |> List.map (fun map -> map, Array.max map.Pixels)

let private distanceMutants: (string * string * Scorer) list =
    [
        "what is usual at a place does not count", "one far place makes a picture the farthest, wherever it is", plainScores
        "the mean of a map",
        "one far place makes a picture the farthest, wherever it is",
        (fun maps -> Outliers.ofDistances maps |> List.map (fun (map, _) -> map, Array.average map.Pixels))
        "distances are cut at 1",
        "the scale of distances does not matter for the order",
        (List.map (Image.map (min 1.5f)) >> Outliers.ofDistances)
        "the sum",
        "a score is one of its map's values, or between two",
        (fun maps -> Outliers.ofDistances maps |> List.map (fun (map, _) -> map, Array.sum map.Pixels))
    ]

let distanceSuite =
    Suite.create
        "Distances between good pictures"
        "How far each good picture is from the others, by the distances of its patches to theirs."
        distanceLaws
        [ "plain", Outliers.ofDistances ]
        distanceMutants

let suite =
    Suite.create
        "Outliers"
        "Scores far above the others: training pictures that a person should look at again."
        laws
        [ "plain", Outliers.above ]
        mutants
