/// Pictures too large to hold, in pieces of which some are kept.
namespace Fae.Core

/// A part of a picture, in its pixels: the row and column of its first pixel, its height and width.
[<Struct>]
type Piece = { Corner: struct (int * int); Extent: struct (int * int) }

[<RequireQualifiedAccess>]
module Piece =
    let pixels piece =
        let struct (height, width) = piece.Extent
        int64 height * int64 width

[<RequireQualifiedAccess>]
module Pieces =
    /// Sides of a piece, in sides of a tile: most places of a piece can begin a tile, and a few pieces show much of a picture.
    let private tiles = 4

    /// The pieces of a picture, whose sides are at least that of a tile: squares of four tiles' side, smaller where the picture is. They
    /// overlap by a tile: every tile of the picture lies in one of them as a whole.
    let all (tile: int) (struct (height: int, width: int)) : Piece[] =
        let along length =
            let side = min length (tiles * tile)
            side, Tiles.starts { Side = side; Overlap = min tile (side / 2) } length

        let high, tops = along height
        let wide, lefts = along width

        [|
            for top in tops do
                for left in lefts -> { Corner = struct (top, left); Extent = struct (high, wide) }
        |]

    /// Which pieces of each picture are kept, from top to bottom: all where they have at most `capacity` pixels together, else the same
    /// share of each picture's, drawn from the seed, and one at least.
    let choose (seed: Seed) (capacity: int64) (tile: int) (shapes: struct (int * int)[]) : Piece[][] =
        let pieces = shapes |> Array.map (all tile)
        let pixels = pieces |> Array.sumBy (Array.sumBy Piece.pixels)
        let share = min 1.0 (float capacity / float (max 1L pixels))

        pieces
        |> Array.mapi (fun picture some ->
            let kept = max 1 (int (share * float some.Length))
            let key = (Random.fork (uint64 picture) seed).State

            some
            |> Array.indexed
            |> Array.sortBy (fun (number, _) -> Random.hash key (uint64 number), number)
            |> Array.truncate kept
            |> Array.sortBy fst
            |> Array.map snd)
