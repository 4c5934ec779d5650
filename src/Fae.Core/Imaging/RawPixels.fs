/// How cameras lay out pixels that no file format knows: packed bits and Bayer mosaics.
namespace Fae.Core

open System
open System.Threading.Tasks

/// Values of fewer than sixteen bits in a row without gaps. `Stream`: GenICam's Mono10p, Mono12p and Mono14p, the lowest bits first.
/// `Pairs`: GigE Vision's Mono10Packed and Mono12Packed, two values in three bytes, the low bits of both in the middle one.
[<RequireQualifiedAccess>]
type BitPacking =
    | Stream of bits: int
    | Pairs of bits: int

/// The colours of the first two pixels of a mosaic's first row.
[<RequireQualifiedAccess>]
type BayerPattern =
    | RG
    | GR
    | GB
    | BG

[<RequireQualifiedAccess>]
module RawPixels =
    /// Bytes of a row of so many values; a row begins at a whole byte.
    let rowBytes (packing: BitPacking) (width: int) : int =
        match packing with
        | BitPacking.Stream bits -> (width * bits + 7) / 8
        | BitPacking.Pairs _ -> (width * 3 + 1) / 2

    /// The values of a row, 0 to 2^bits − 1.
    let unpack (packing: BitPacking) (width: int) (row: ReadOnlyMemory<byte>) : uint16[] =
        match packing with
        | BitPacking.Stream bits ->
            let mask = (1 <<< bits) - 1

            Array.init width (fun i ->
                let first, shift = i * bits / 8, i * bits % 8
                let byte at = if at < row.Length then int row.Span[at] else 0
                // A value of up to 14 bits lies in at most three bytes.
                uint16 (((byte first ||| (byte (first + 1) <<< 8) ||| (byte (first + 2) <<< 16)) >>> shift) &&& mask))
        | BitPacking.Pairs bits ->
            let low = bits - 8
            let mask = (1 <<< low) - 1

            Array.init width (fun i ->
                let span = row.Span
                let middle = int span[i / 2 * 3 + 1]

                if i % 2 = 0 then
                    uint16 ((int span[i / 2 * 3] <<< low) ||| (middle &&& mask))
                else
                    uint16 ((int span[i / 2 * 3 + 2] <<< low) ||| ((middle >>> 4) &&& mask)))

    /// The colour that a pixel of the mosaic measures: 0 red, 1 green, 2 blue.
    let private colour (pattern: BayerPattern) (y: int) (x: int) =
        let redY, redX =
            match pattern with
            | BayerPattern.RG -> 0, 0
            | BayerPattern.GR -> 0, 1
            | BayerPattern.GB -> 1, 0
            | BayerPattern.BG -> 1, 1

        match (y + redY) % 2, (x + redX) % 2 with
        | 0, 0 -> 0
        | 1, 1 -> 2
        | _ -> 1

    /// Red, green and blue of every pixel, in that order, of a mosaic of H×W values (both at least 2): what a pixel measured is kept, the
    /// two other colours are the rounded means of the nearest that measured them (bilinear). At the border the mosaic goes on mirrored
    /// at its last pixel, which keeps the pattern.
    let demosaic (pattern: BayerPattern) (height: int) (width: int) (mosaic: uint16[]) : uint16[] =
        let mirrored size i =
            if i < 0 then -i
            elif i >= size then 2 * size - 2 - i
            else i

        let result = Array.zeroCreate<uint16>(3 * height * width)

        let row y =
            for x in 0 .. width - 1 do
                let at dy dx = int mosaic[mirrored height (y + dy) * width + mirrored width (x + dx)]
                let own = at 0 0
                let sides, ends = at 0 -1 + at 0 1, at -1 0 + at 1 0

                let red, green, blue =
                    match colour pattern y x with
                    | 1 ->
                        let horizontal, vertical = (sides + 1) / 2, (ends + 1) / 2
                        // Red lies beside a green pixel in red's rows, above and below it in blue's.
                        if colour pattern y (x + 1) = 0 then
                            horizontal, own, vertical
                        else
                            vertical, own, horizontal
                    | measured ->
                        let green = (sides + ends + 2) / 4
                        let corners = (at -1 -1 + at -1 1 + at 1 -1 + at 1 1 + 2) / 4
                        if measured = 0 then own, green, corners else corners, green, own

                let first = 3 * (y * width + x)
                result[first] <- uint16 red
                result[first + 1] <- uint16 green
                result[first + 2] <- uint16 blue

        Parallel.For(0, height, row) |> ignore
        result
