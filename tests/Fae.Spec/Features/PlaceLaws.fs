/// What is usual at each place of a memory bank's map.
module Fae.Spec.PlaceLaws

open Fae.Core

/// From the distances of good pictures, (1, h, w) each.
type Placer = Image list -> Image

/// Positive distances, drawn from a seed.
let private drawn (seed: uint64) number =
    Image.init 1 9 11 (fun _ y x -> 0.5f + Random.toUnit (Random.hash (Random.hash seed (uint64 number)) (uint64 (11 * y + x))))

/// Larger on the left, in every picture.
let private slope number = Image.init 1 9 11 (fun _ _ x -> 2.0f - 0.1f * float32 x + 0.001f * float32 number)

let private near = Near.images 1e-4f

let private ones = Image.constant 1 9 11 1.0f

let private usual maps = List.reduce (Image.map2 (+)) maps |> MeanFilter.once MemoryBank.placeNeighbours

let private laws: Law<Placer> list =
    [
        Law.forAll "pictures that are the same at every place say nothing" (fun places (level: uint8) ->
            near ones (places [ for i in 0..5 -> Image.constant 1 9 11 (1.0f + float32 level + float32 i) ]))
        Law.forAll "equal pictures give their smoothed map over its mean" (fun places seed ->
            let map = drawn seed 0
            let smooth = MeanFilter.once MemoryBank.placeNeighbours map
            let mean = Array.average smooth.Pixels
            near (Image.map (fun v -> v / mean) smooth) (places (List.replicate 4 map)))
        Law.forAll "the scale of distances does not matter" (fun places (seed, factor: uint8) ->
            let maps = [ for i in 0..5 -> Image.map2 (+) (slope i) (drawn seed i) ]
            near (places maps) (places (maps |> List.map (Image.map (fun v -> v * (0.5f + float32 factor))))))
        Law.forAll "pictures that contradict each other say nothing" (fun places seed ->
            let map = drawn seed 0
            // Every other picture is large where the others are small.
            let against = Image.map (fun v -> 2.0f - v) map
            near ones (places [ map; against; map; against ]))
        Law.forAll "places on which pictures hardly agree say nothing" (fun places (seed, shared: uint8) ->
            let common = drawn seed 100
            let share = float32 shared / 255.0f
            let maps = [ for i in 0..5 -> Image.map2 (fun own all -> (1.0f - share) * own + share * all) (drawn seed i) common ]
            let half odd = maps |> List.indexed |> List.filter (fun (i, _) -> (i % 2 = 1) = odd) |> List.map snd
            let logs some = (usual some).Pixels |> Array.map (float >> log)

            match Statistics.correlation (logs (half false)) (logs (half true)) with
            | Some c when 2.0 * c / (1.0 + c) < MemoryBank.leastReliability - 1e-4 -> near ones (places maps)
            | Some c when c > 0.6 -> not (near ones (places maps))
            | _ -> true)
        Law.forAll "where one picture alone is far, its place stays nearer to 1 than its mean is" (fun places (seed: uint64) ->
            let bright number = if number = 2 then 9.0f else 1.0f

            let maps =
                [
                    for i in 0..7 -> Image.init 1 9 11 (fun _ y x -> (drawn seed i)[0, y, x] * (if x < 4 then bright i else 1.0f))
                ]

            let mean = maps |> List.reduce (Image.map2 (+)) |> MeanFilter.once MemoryBank.placeNeighbours
            let middle = Array.average mean.Pixels
            (places maps)[0, 4, 1] < mean[0, 4, 1] / middle)
    ]

let private plain: Placer = MemoryBank.places

let private overMean (map: Image) = Image.map (fun v -> v / Array.average map.Pixels) map

let private mutants: (string * string * Placer) list =
    [
        "the mean itself, however much the pictures agree",
        "where one picture alone is far, its place stays nearer to 1 than its mean is",
        usual >> overMean
        "however little the pictures agree",
        "places on which pictures hardly agree say nothing",
        (fun maps ->
            let mean = usual maps
            let middle = Array.average mean.Pixels
            mean |> Image.map (fun u -> (u / middle) ** 0.3f))
        "not smoothed", "equal pictures give their smoothed map over its mean", List.reduce (Image.map2 (+)) >> overMean
        "not over the mean", "pictures that are the same at every place say nothing", usual
        "one more than the distances",
        "the scale of distances does not matter",
        (fun maps -> maps |> List.map (Image.map (fun v -> v + 1.0f)) |> plain)
        "the first picture alone", "pictures that contradict each other say nothing", (fun maps -> plain [ maps.Head; maps.Head ])
    ]

let suite =
    Suite.create
        "Places of a memory bank"
        "What is usual at each place of a memory bank's map, as far as good pictures agree on it."
        laws
        [ "plain", plain ]
        mutants
