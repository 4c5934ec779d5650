/// Regions that people drew.
module Fae.Spec.PolygonLaws

open Fae.Core

/// Height, width, polygons → mask.
type private Filling = int -> int -> (float * float)[] list -> Image

let private size = 24

let private random (seed: uint64) =
    let field = (Noise.field (Random.mix64 seed) 1.0f 1 1 16).Pixels
    let at i = 12.0 + 6.0 * float (max -1.9f (min 1.9f field[i]))
    [| for i in 0..4 -> at (2 * i), at (2 * i + 1) |]

/// A convex polygon: five points on a circle.
let private convex (seed: uint64) =
    let field = (Noise.field (Random.mix64 (seed + 3UL)) 1.0f 1 1 16).Pixels
    let centre i = 12.0 + 2.0 * float (max -1.0f (min 1.0f field[i]))
    let angles = [| for i in 0..4 -> float i * 1.25 + 0.3 * float (max -1.0f (min 1.0f field[i + 2])) |]
    [| for a in angles -> centre 0 + 7.0 * cos a, centre 1 + 7.0 * sin a |]

let private area (points: (float * float)[]) =
    let next i = points[(i + 1) % points.Length]

    abs (
        0.5
        * Seq.sumBy (fun i -> fst points[i] * snd (next i) - fst (next i) * snd points[i]) [ 0 .. points.Length - 1 ]
    )

let private marked (mask: Image) = float (Array.sum mask.Pixels)

let private laws: Law<Filling> list =
    [
        Law.forAll "a rectangle on the pixel grid marks exactly its pixels" (fun fill (a: uint8, b: uint8, c: uint8, d: uint8) ->
            let left, top = int a % 20, int b % 20
            let right, bottom = left + 1 + int c % (size - left - 1), top + 1 + int d % (size - top - 1)
            let corners = [| left, top; right, top; right, bottom; left, bottom |] |> Array.map (fun (x, y) -> float x, float y)
            // The corners' own pixels may be marked too.
            let isCorner x y = (x = left || x = right) && (y = top || y = bottom)
            let mask = fill size size [ corners ]

            Seq.allPairs [ 0 .. size - 1 ] [ 0 .. size - 1 ]
            |> Seq.forall (fun (y, x) -> isCorner x y || (mask[0, y, x] = 1.0f) = (x >= left && x < right && y >= top && y < bottom)))
        Law.forAll "of a convex polygon as many pixels as its area has, but for its edge" (fun fill (seed: uint64) ->
            let polygon = convex seed
            abs (marked (fill size size [ polygon ]) - area polygon) <= 26.0)
        Law.forAll "where it begins and which way it goes does not matter" (fun fill (seed: uint64) ->
            let polygon = random seed
            let turned = Array.append polygon[2..] polygon[..1]
            let mask = fill size size [ polygon ]
            mask = fill size size [ turned ] && mask = fill size size [ Array.rev polygon ])
        Law.forAll "several polygons are marked together" (fun fill (seed: uint64) ->
            let a, b = random seed, convex seed
            fill size size [ a; b ] = Image.map2 max (fill size size [ a ]) (fill size size [ b ]))
        Law.forAll "none vanishes, however small, and what is outside is cut off" (fun fill (seed: uint64) ->
            let x, y = (random seed)[0]
            let tiny = [| x, y; x + 0.01, y; x, y + 0.01 |]
            let outside = tiny |> Array.map (fun (x, y) -> x + 100.0, y)
            marked (fill size size [ tiny ]) >= 1.0 && marked (fill size size [ outside ]) = 0.0)
    ]

let private mutants: (string * string * Filling) list =
    [
        "a pixel further to the right",
        "a rectangle on the pixel grid marks exactly its pixels",
        (fun h w polygons -> Polygon.mask h w (polygons |> List.map (Array.map (fun (x, y) -> x + 1.0, y))))
        "the outline alone",
        "of a convex polygon as many pixels as its area has, but for its edge",
        (fun h w polygons -> Polygon.mask h w (polygons |> List.collect (Array.map (fun p -> [| p |]) >> List.ofArray)))
        "the last edge is open",
        "where it begins and which way it goes does not matter",
        (fun h w polygons -> Polygon.mask h w (polygons |> List.map (fun p -> Array.append p [| fst p[p.Length - 1], 0.0 |])))
        "the first polygon alone", "several polygons are marked together", (fun h w polygons -> Polygon.mask h w (List.truncate 1 polygons))
        "small ones are dropped",
        "none vanishes, however small, and what is outside is cut off",
        (fun h w polygons -> Polygon.mask h w (polygons |> List.filter (fun p -> area p > 1.0)))
    ]

let suite = Suite.create "Polygons" "Regions that people drew as polygons, as masks." laws [ "plain", Polygon.mask ] mutants
