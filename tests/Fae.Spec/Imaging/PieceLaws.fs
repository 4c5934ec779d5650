/// Pictures too large to hold, in pieces.
module Fae.Spec.PieceLaws

open Fae.Core

/// Seed → capacity → side of a tile → shapes of pictures → pieces of each that are kept.
type private Choice = Seed -> int64 -> int -> struct (int * int)[] -> Piece[][]

/// A tile and one to four pictures that hold it.
let private drawn (seed: uint64) =
    let number key most = int (Random.hash seed key % uint64 most)
    let tile = 2 + number 1UL 12

    let shapes =
        Array.init (1 + number 2UL 4) (fun i ->
            struct (tile + number (uint64 (10 + i)) (12 * tile), tile + number (uint64 (20 + i)) (12 * tile)))

    tile, shapes

/// Some pixels, from none to more than all have.
let private roomFor (seed: uint64) = int64 (Random.hash seed 3UL % 60_000UL)

let private pixels (pieces: Piece[][]) = pieces |> Array.sumBy (Array.sumBy Piece.pixels)
let private everything: Choice = fun seed _ tile shapes -> Pieces.choose seed System.Int64.MaxValue tile shapes

let private holds (struct (top, left)) tile piece =
    let struct (first, start) = piece.Corner
    let struct (height, width) = piece.Extent
    first <= top && top + tile <= first + height && start <= left && left + tile <= start + width

let private laws: Law<Choice> list =
    [
        Law.forAll "pieces lie in their picture, and no piece is kept twice" (fun choose (seed: uint64) ->
            let tile, shapes = drawn seed

            Array.zip shapes (choose (Random.ofSeed seed) (roomFor seed) tile shapes)
            |> Array.forall (fun (struct (height, width), pieces) ->
                (Array.distinct pieces).Length = pieces.Length
                && pieces
                   |> Array.forall (fun piece ->
                       let struct (top, left) = piece.Corner
                       let struct (high, wide) = piece.Extent
                       top >= 0 && left >= 0 && top + high <= height && left + wide <= width && high >= tile && wide >= tile)))
        Law.forAll "where there is room, every tile of a picture lies in a piece as a whole" (fun choose (seed: uint64) ->
            let tile, shapes = drawn seed

            Array.zip shapes (choose (Random.ofSeed seed) System.Int64.MaxValue tile shapes)
            |> Array.forall (fun (struct (height, width), pieces) ->
                Seq.allPairs [ 0 .. height - tile ] [ 0 .. width - tile ]
                |> Seq.forall (fun (top, left) -> pieces |> Array.exists (holds (struct (top, left)) tile))))
        Law.forAll
            "of each picture one is kept at least, and together no more than there is room for beside that"
            (fun choose (seed: uint64) ->
                let tile, shapes = drawn seed
                let kept = choose (Random.ofSeed seed) (roomFor seed) tile shapes
                let firsts = kept |> Array.sumBy (fun some -> if some.Length = 1 then Piece.pixels some[0] else 0L)

                kept |> Array.forall (fun some -> some.Length > 0) && pixels kept <= roomFor seed + firsts)
        Law.forAll "a large share of the room is used" (fun choose (seed: uint64) ->
            let tile, shapes = drawn seed
            let all = everything (Random.ofSeed seed) 0L tile shapes
            let most = all |> Array.sumBy (fun some -> Piece.pixels some[0])
            let room = pixels all / 2L
            // Of each picture less than one piece is lost by rounding.
            pixels (choose (Random.ofSeed seed) room tile shapes) >= room - most)
        Law.forAll "the same seed keeps the same pieces, from top to bottom" (fun choose (seed: uint64) ->
            let tile, shapes = drawn seed
            let kept = choose (Random.ofSeed seed) (roomFor seed) tile shapes
            let all = everything (Random.ofSeed seed) 0L tile shapes
            let order = Array.map2 (fun some all -> some |> Array.map (fun piece -> Array.findIndex ((=) piece) all)) kept all

            kept = choose (Random.ofSeed seed) (roomFor seed) tile shapes
            && order |> Array.forall (fun numbers -> Array.sort numbers = numbers))
        Law.once "every piece is kept by as many seeds" (fun choose ->
            let shapes = [| struct (40, 40) |]
            let all = Pieces.all 4 shapes[0]
            let room = pixels [| all |] / 3L

            let counts =
                [| 1UL .. 600UL |]
                |> Array.collect (fun seed -> (choose (Random.ofSeed seed) room 4 shapes)[0])
                |> Array.countBy id
                |> Array.map snd

            let mean = float (Array.sum counts) / float all.Length
            counts.Length = all.Length && counts |> Array.forall (fun count -> abs (float count - mean) < 5.0 * sqrt mean))
    ]

let private mutants: (string * string * Choice) list =
    [
        "pieces side by side",
        "where there is room, every tile of a picture lies in a piece as a whole",
        (fun seed capacity tile shapes ->
            Pieces.choose seed capacity tile shapes
            |> Array.map (
                Array.filter (fun piece ->
                    let struct (top, _) = piece.Corner
                    top = 0)
            ))
        "the first ones are kept",
        "every piece is kept by as many seeds",
        (fun seed capacity tile shapes ->
            Pieces.choose seed capacity tile shapes
            |> Array.mapi (fun picture kept -> Array.truncate kept.Length (Pieces.all tile shapes[picture])))
        "all are kept", "of each picture one is kept at least, and together no more than there is room for beside that", everything
        "one of each", "a large share of the room is used", (fun seed _ tile shapes -> Pieces.choose seed 0L tile shapes)
        "in the order of the draw",
        "the same seed keeps the same pieces, from top to bottom",
        (fun seed capacity tile shapes -> Pieces.choose seed capacity tile shapes |> Array.map Array.rev)
        "one piece too far to the right",
        "pieces lie in their picture, and no piece is kept twice",
        (fun seed capacity tile shapes ->
            Pieces.choose seed capacity tile shapes
            |> Array.map (
                Array.map (fun piece ->
                    let struct (top, left) = piece.Corner
                    { piece with Corner = struct (top, left + 1) })
            ))
    ]

let suite =
    Suite.create "Pieces" "Which parts of pictures too large to hold are trained on." laws [ "plain", Pieces.choose ] mutants
