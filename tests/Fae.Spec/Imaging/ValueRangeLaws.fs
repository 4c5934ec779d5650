/// Which values of a picture's file become black and white.
module Fae.Spec.ValueRangeLaws

open FsCheck
open Fae.Core

[<NoComparison; NoEquality>]
type ValueReader =
    {
        Of: ValueSettings -> ValueKind -> float32 * float32
        Find: Set<ValueKind> -> float32 -> float32 -> ValueSettings
    }

let private near (a: float32, b: float32) (c: float32, d: float32) =
    let close x y = abs (x - y) <= 1e-4f * max 1.0f (abs y)
    close a c && close b d

let private depth (PositiveInt n) = ValueRange.depths[n % ValueRange.depths.Length]

/// The lowest and the highest of some whole numbers that a type holds.
let private ends most (PositiveInt a) (PositiveInt b) =
    let a, b = float32 (a * 977 % most), float32 (b * 613 % most)
    min a b, max a b

let private kinds = Set.ofList

let private laws: Law<ValueReader> list =
    [
        Law.forAll "bytes are 0 to 255, whatever depth the training pictures had" (fun r n ->
            near (r.Of { Bits = Some(depth n); Range = None } ValueKind.Byte) (0.0f, 255.0f))
        Law.forAll "words use the bits of the training pictures, and all of them beside bytes" (fun r n ->
            let bits = depth n
            let full = if bits = 8 then 65535.0f else float32 ((1 <<< bits) - 1)
            near (r.Of { Bits = Some bits; Range = None } ValueKind.Word) (0.0f, full))
        Law.forAll "a range is of numbers of its depth, and a byte's share of it the same" (fun r (a, b) ->
            let low, high = ends 4096 a b
            let settings = { Bits = Some 12; Range = Some(low, high) }
            let share = 255.0f / 4095.0f

            near (r.Of settings ValueKind.Word) (low, high)
            && near (r.Of settings ValueKind.Byte) (low * share, high * share))
        Law.once "by its type alone a byte has 255, a word 65535, and a float 1 for white" (fun r ->
            let white = r.Of ValueRange.byType >> snd
            [ ValueKind.Byte; ValueKind.Word; ValueKind.Other ] |> List.map white = [ 255.0f; 65535.0f; 1.0f ])
        Law.forAll "the depth that is found is the smallest that holds every value" (fun r (a, b) ->
            let low, high = ends 65536 a b

            match (r.Find (kinds [ ValueKind.Byte; ValueKind.Word ]) low high).Bits with
            | Some bits -> float32 (1 <<< bits) > high && (bits = 8 || float32 (1 <<< (bits - 2)) <= high)
            | None -> false)
        Law.forAll "a range that is found holds every value" (fun r (a, b, NormalFloat shift) ->
            let low, high = ends 5000 a b
            let shift = float32 (shift % 1e4)
            let found = r.Find (kinds [ ValueKind.Other ]) (low + shift) (high + shift)
            let black, white = r.Of found ValueKind.Other
            black <= low + shift && white >= high + shift && white > black)
        Law.once "heights of a few tenths of a millimetre keep their contrast" (fun r ->
            let black, white = r.Of (r.Find (kinds [ ValueKind.Other ]) 12.1f 12.5f) ValueKind.Other
            white - black < 0.8f)
        Law.once "floats of 0 to 1 and of 0 to 255 are what they seem to be" (fun r ->
            let found low high = r.Of (r.Find (kinds [ ValueKind.Other ]) low high) ValueKind.Other
            found 0.02f 0.93f = (0.0f, 1.0f) && found 3.0f 211.0f = (0.0f, 255.0f))
    ]

let private plain = { Of = ValueRange.ofPicture; Find = ValueRange.find }

let private mutants: (string * string * ValueReader) list =
    [
        "bytes in the numbers of deeper pictures",
        "bytes are 0 to 255, whatever depth the training pictures had",
        { plain with Of = fun settings _ -> ValueRange.ofPicture settings ValueKind.Other }
        "words always use sixteen bits",
        "words use the bits of the training pictures, and all of them beside bytes",
        { plain with
            Of = fun settings kind -> if kind = ValueKind.Word then 0.0f, 65535.0f else ValueRange.ofPicture settings kind
        }
        "a range begins at 0",
        "a range is of numbers of its depth, and a byte's share of it the same",
        { plain with Of = fun settings kind -> 0.0f, snd (ValueRange.ofPicture settings kind) }
        "floats are bytes",
        "by its type alone a byte has 255, a word 65535, and a float 1 for white",
        { plain with
            Of = fun settings kind -> if settings = ValueRange.byType then 0.0f, 255.0f else ValueRange.ofPicture settings kind
        }
        "sixteen bits, always",
        "the depth that is found is the smallest that holds every value",
        { plain with Find = fun _ _ _ -> { Bits = Some 16; Range = None } }
        "the upper end is cut",
        "a range that is found holds every value",
        { plain with
            Find =
                fun kinds low high ->
                    let found = ValueRange.find kinds low high
                    { found with Range = found.Range |> Option.map (fun (black, white) -> black, black + 0.6f * (white - black)) }
        }
        "from zero",
        "heights of a few tenths of a millimetre keep their contrast",
        { plain with Find = fun _ _ high -> { Bits = Some ValueRange.otherDepth; Range = Some(0.0f, high) } }
        "always with room",
        "floats of 0 to 1 and of 0 to 255 are what they seem to be",
        { plain with
            Find = fun _ low high -> { Bits = Some ValueRange.otherDepth; Range = Some(low - 0.25f, high + 0.25f * (high - low)) }
        }
    ]

let suites =
    [
        Suite.create
            "Value range"
            "Which values of a picture become black and white: by type, depth, and the training pictures."
            laws
            [ "plain", plain ]
            mutants
    ]
