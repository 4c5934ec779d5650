/// Pictures of the same part.
module Fae.Spec.NearDuplicateLaws

open Fae.Core

/// Details of pictures → for each the number of the first one of its group.
type private Grouping = float32[][] -> int[]

let private size = NearDuplicates.side

/// What all parts share: a bright disc, and a texture.
let private shared =
    Noise.field 7UL 0.15f 1 size size
    |> Image.map2 (+) (Image.init 1 size size (fun _ y x -> if (y - 32) * (y - 32) + (x - 32) * (x - 32) < 400 then 1.0f else 0.0f))

/// A part: what all share, and grain of its own.
let private part (seed: uint64) = Image.map2 (+) shared (Noise.field (Random.mix64 seed) 0.05f 1 size size)

/// The same part again: other noise, and other light.
let private noisy sigma (seed: uint64) (number: uint64) =
    let noise = Noise.field (Random.mix64 (seed + 977UL * (number + 1UL))) sigma 1 size size
    let light = 1.0f + 0.05f * float32 (number % 3UL)
    Image.map2 (fun a b -> light * a + b) (part seed) noise

let private frame = noisy 0.015f

/// So many parts with so many frames each, part after part.
let private burstsOf frame (seed: uint64) parts frames =
    [|
        for p in 0UL .. parts - 1UL do
            for f in 0UL .. frames - 1UL -> NearDuplicates.detail (frame (seed + 31UL * p) f)
    |]

let private bursts = burstsOf frame

/// The same part at another exposure: darker from left to right.
let private exposed (seed: uint64) (number: uint64) =
    let frame = frame seed number
    Image.init 1 size size (fun _ y x -> frame[0, y, x] / (1.0f + float32 number * float32 x / 8.0f))

let private laws: Law<Grouping> list =
    [
        Law.forAll "frames of one part are one group, other parts are others" (fun group (seed: uint64) ->
            group (bursts seed 9UL 4UL) = Array.init 36 (fun i -> i / 4 * 4))
        Law.forAll "frames with as much noise as detail are one group where other parts are less alike" (fun group (seed: uint64) ->
            group (burstsOf (noisy 0.05f) seed 9UL 4UL) = Array.init 36 (fun i -> i / 4 * 4))
        Law.forAll "exposures of one part are one group" (fun group (seed: uint64) ->
            group (burstsOf exposed seed 9UL 4UL) = Array.init 36 (fun i -> i / 4 * 4))
        Law.forAll "parts of one kind are groups of one" (fun group (seed: uint64) ->
            group (Array.init 24 (fun i -> NearDuplicates.detail (part (seed + 31UL * uint64 i)))) = Array.init 24 id)
        Law.forAll "a group is told by its first picture" (fun group (seed: uint64) ->
            let groups = group (bursts seed 5UL 3UL)
            groups |> Array.mapi (fun i g -> g <= i && groups[g] = g) |> Array.forall id)
        Law.forAll "the order of the pictures does not matter" (fun group (seed: uint64) ->
            let details = bursts seed 6UL 3UL
            let order = Array.init 18 (fun i -> 5 * i % 18)
            let groups, turned = group details, group (order |> Array.map (fun i -> details[i]))

            Seq.allPairs [ 0..17 ] [ 0..17 ]
            |> Seq.forall (fun (a, b) -> (turned[a] = turned[b]) = (groups[order[a]] = groups[order[b]])))
        Law.once "pictures without any detail are groups of one" (fun group ->
            group (Array.init 8 (fun i -> NearDuplicates.detail (Image.constant 1 size size (0.1f * float32 i)))) = Array.init 8 id)
    ]

let private mutants: (string * string * Grouping) list =
    [
        "each picture alone", "frames of one part are one group, other parts are others", (fun details -> Array.init details.Length id)
        "a limit twice as high",
        "frames with as much noise as detail are one group where other parts are less alike",
        (fun details ->
            // As much again that no other picture has halves all correlations.
            details
            |> Array.mapi (fun i one -> Array.append one (Noise.field (Random.mix64 (uint64 i)) 1.0f 1 size size).Pixels)
            |> NearDuplicates.groups)
        "an exposure is a part of its own",
        "exposures of one part are one group",
        (fun details -> NearDuplicates.groups details |> Array.mapi (fun i g -> if i % 4 = 3 then i else g))
        "what all parts share is not taken away",
        "parts of one kind are groups of one",
        (fun details ->
            // The mean of pictures and their negatives is nothing.
            Array.append details (details |> Array.map (Array.map (fun v -> -v)))
            |> NearDuplicates.groups
            |> Array.truncate details.Length)
        "a group is told by its last picture",
        "a group is told by its first picture",
        (fun details ->
            let groups = NearDuplicates.groups details
            groups |> Array.map (fun g -> Array.findIndexBack ((=) g) groups))
        "only neighbours are compared",
        "the order of the pictures does not matter",
        (fun details ->
            let groups = NearDuplicates.groups details

            groups
            |> Array.mapi (fun i g ->
                if i > 0 && groups[i - 1] = g then g
                elif g = i then g
                else i))
        "pictures without detail are alike",
        "pictures without any detail are groups of one",
        (fun details ->
            if details |> Array.forall (Array.forall (fun v -> v = 0.0f)) then
                Array.map (fun _ -> 0) details
            else
                NearDuplicates.groups details)
    ]

let suite =
    Suite.create
        "Near duplicates"
        "Which good pictures show the same part: they are held out together."
        laws
        [ "plain", NearDuplicates.groups ]
        mutants
