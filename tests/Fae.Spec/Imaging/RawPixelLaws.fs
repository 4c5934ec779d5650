/// Pixels as cameras lay them out.
module Fae.Spec.RawPixelLaws

open System
open Fae.Core

/// Packing → width → row → values.
type private Unpacking = BitPacking -> int -> ReadOnlyMemory<byte> -> uint16[]

let private packings =
    [ for bits in [ 10; 12; 14 ] -> BitPacking.Stream bits ] @ [ BitPacking.Pairs 10; BitPacking.Pairs 12 ]

let private bitsOf =
    function
    | BitPacking.Stream bits
    | BitPacking.Pairs bits -> bits

let private values (packing: BitPacking) (seed: uint64) (count: int) =
    Array.init count (fun i -> uint16 (Random.mix64 (seed + uint64 i) % (1UL <<< bitsOf packing)))

/// The row as the camera's standard writes it, bit by bit: the place of bit k of value i.
let private packed (packing: BitPacking) (row: uint16[]) =
    let place i k =
        match packing with
        | BitPacking.Stream bits -> i * bits + k
        | BitPacking.Pairs bits ->
            let low = bits - 8

            if k < low then
                24 * (i / 2) + 8 + 4 * (i % 2) + k
            else
                24 * (i / 2) + 16 * (i % 2) + k - low

    let bytes = Array.zeroCreate<byte>(RawPixels.rowBytes packing row.Length)

    for i in 0 .. row.Length - 1 do
        for k in 0 .. bitsOf packing - 1 do
            if (row[i] >>> k) &&& 1us = 1us then
                let bit = place i k
                bytes[bit / 8] <- bytes[bit / 8] ||| (1uy <<< (bit % 8))

    bytes

let private unpackingLaws: Law<Unpacking> list =
    [
        Law.forAll "a row in the bits of the camera's standard comes back" (fun unpack (seed: uint64, length: uint8) ->
            packings
            |> List.forall (fun packing ->
                let row = values packing seed (1 + int length % 40)
                unpack packing row.Length (ReadOnlyMemory(packed packing row)) = row))
        Law.forAll "bytes after the row's end do not matter" (fun unpack (seed: uint64) ->
            packings
            |> List.forall (fun packing ->
                let row = values packing seed 7
                let longer = Array.append (packed packing row) [| 255uy; 255uy |]
                unpack packing 7 (ReadOnlyMemory longer) = row))
    ]

let private unpackingMutants: (string * string * Unpacking) list =
    [
        "the two values of three bytes share the middle one the other way round",
        "a row in the bits of the camera's standard comes back",
        (fun packing width row ->
            match packing with
            | BitPacking.Pairs _ ->
                let turned = row.ToArray() |> Array.mapi (fun i b -> if i % 3 = 1 then (b >>> 4) ||| (b <<< 4) else b)
                RawPixels.unpack packing width (ReadOnlyMemory turned)
            | _ -> RawPixels.unpack packing width row)
        "a stream as if it were pairs",
        "a row in the bits of the camera's standard comes back",
        (fun packing width row ->
            match packing with
            | BitPacking.Stream 12 when width % 2 = 0 -> RawPixels.unpack (BitPacking.Pairs 12) width row
            | _ -> RawPixels.unpack packing width row)
        "bits of the next bytes are kept",
        "bytes after the row's end do not matter",
        (fun packing width row ->
            let values = RawPixels.unpack packing width row
            let last = row.Span[row.Length - 1]
            values |> Array.mapi (fun i v -> if i = width - 1 && last = 255uy then v ||| 1us <<< 15 else v))
    ]

/// Pattern → height → width → mosaic → red, green, blue.
type private Demosaicing = BayerPattern -> int -> int -> uint16[] -> uint16[]

let private patterns = [ BayerPattern.RG; BayerPattern.GR; BayerPattern.GB; BayerPattern.BG ]

/// Which colour each pixel measures, as the pattern's name says it.
let private measured (pattern: BayerPattern) y x =
    let rows =
        match pattern with
        | BayerPattern.RG -> [ "RG"; "GB" ]
        | BayerPattern.GR -> [ "GR"; "BG" ]
        | BayerPattern.GB -> [ "GB"; "RG" ]
        | BayerPattern.BG -> [ "BG"; "GR" ]

    "RGB".IndexOf rows[y % 2].[x % 2]

let private height, width = 7, 10

let private mosaicOf pattern (colour: int -> int -> int -> uint16) =
    Array.init (height * width) (fun i -> colour (measured pattern (i / width) (i % width)) (i / width) (i % width))

let private all (test: int -> int -> bool) = Seq.allPairs [ 0 .. height - 1 ] [ 0 .. width - 1 ] |> Seq.forall (fun (y, x) -> test y x)

let private noise (seed: uint64) = fun c y x -> uint16 (Random.mix64 (seed + uint64 (c + 3 * (y * width + x))) % 4096UL)

let private at (picture: uint16[]) c y x = picture[3 * (y * width + x) + c]

let private demosaicingLaws: Law<Demosaicing> list =
    [
        Law.forAll "what a pixel measured is kept" (fun demosaic (seed: uint64) ->
            patterns
            |> List.forall (fun pattern ->
                let mosaic = mosaicOf pattern (noise seed)
                let picture = demosaic pattern height width mosaic
                all (fun y x -> at picture (measured pattern y x) y x = mosaic[y * width + x])))
        Law.forAll "one colour everywhere comes back everywhere" (fun demosaic (seed: uint64) ->
            let colour = noise seed

            patterns
            |> List.forall (fun pattern ->
                let picture = demosaic pattern height width (mosaicOf pattern (fun c _ _ -> colour c 0 0))
                all (fun y x -> [ 0..2 ] |> List.forall (fun c -> at picture c y x = colour c 0 0))))
        Law.forAll "even slopes come back, but for the border" (fun demosaic (seed: uint64, a: uint8, b: uint8) ->
            let start = noise seed
            let slope c y x = start c 0 0 + uint16 (2 * (int a % 20 + c) * x) + uint16 (2 * (int b % 20) * y)

            patterns
            |> List.forall (fun pattern ->
                let picture = demosaic pattern height width (mosaicOf pattern slope)

                all (fun y x ->
                    y = 0
                    || x = 0
                    || y = height - 1
                    || x = width - 1
                    || [ 0..2 ] |> List.forall (fun c -> at picture c y x = slope c y x))))
    ]

let private demosaicingMutants: (string * string * Demosaicing) list =
    [
        "red and blue are taken for each other",
        "one colour everywhere comes back everywhere",
        (fun pattern h w mosaic -> RawPixels.demosaic pattern h w mosaic |> Array.chunkBySize 3 |> Array.collect Array.rev)
        "the neighbour's colour instead of the mean of both",
        "even slopes come back, but for the border",
        (fun pattern h w mosaic ->
            let picture = RawPixels.demosaic pattern h w mosaic

            Array.init picture.Length (fun i ->
                let c, x = i % 3, i / 3 % w
                if measured pattern (i / 3 / w) x = c || x = 0 then picture[i] else picture[i - 3]))
        "smoothed once more",
        "what a pixel measured is kept",
        (fun pattern h w mosaic ->
            let picture = RawPixels.demosaic pattern h w mosaic
            Array.init picture.Length (fun i -> if i < 3 then picture[i] else (picture[i] + picture[i - 3]) / 2us))
    ]

let suites =
    [
        Suite.create "Packed pixels" "Rows of 10, 12 and 14 bits a value." unpackingLaws [ "plain", RawPixels.unpack ] unpackingMutants
        Suite.create
            "Bayer mosaics"
            "Colours of cameras that measure one colour a pixel."
            demosaicingLaws
            [ "plain", RawPixels.demosaic ]
            demosaicingMutants
    ]
