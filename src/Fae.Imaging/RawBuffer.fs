/// Buffers of cameras that no image library reads, as buffers that one does.
namespace Fae.Imaging

open System
open System.Runtime.InteropServices
open System.Threading.Tasks
open Fae.Core

/// Packed: `Bands` and `Depth` are those of the unpacked values. Mosaic: one value a pixel. Planar: three planes of bytes, each `Height`
/// rows of `Stride` bytes.
[<RequireQualifiedAccess>]
type RawLayout =
    | Plain
    | Packed of BitPacking
    | Mosaic of BayerPattern
    | Planar

[<RequireQualifiedAccess>]
module RawBuffer =
    let private rowOf (buffer: PixelBuffer) length y = buffer.Pixels.Slice(y * buffer.Stride, length)

    let private ofValues (values: uint16[]) (buffer: PixelBuffer) bands depth bits : PixelBuffer =
        let bytes =
            if depth = 1 then
                Array.map byte values
            else
                MemoryMarshal.AsBytes(ReadOnlySpan values).ToArray()

        { buffer with
            Pixels = ReadOnlyMemory bytes
            Stride = buffer.Width * bands * depth
            Bands = bands
            Depth = depth
            Bits = bits
        }

    let private unpacked packing (buffer: PixelBuffer) =
        let values = Array.zeroCreate<uint16>(buffer.Width * buffer.Height)
        let length = RawPixels.rowBytes packing buffer.Width

        Parallel.For(
            0,
            buffer.Height,
            fun y -> (RawPixels.unpack packing buffer.Width (rowOf buffer length y)).CopyTo(values, y * buffer.Width)
        )
        |> ignore

        let bits =
            match packing with
            | BitPacking.Stream bits
            | BitPacking.Pairs bits -> bits

        ofValues values buffer 1 2 bits

    let private colours pattern (buffer: PixelBuffer) =
        let mosaic =
            Array.init (buffer.Width * buffer.Height) (fun i ->
                let at = i / buffer.Width * buffer.Stride + i % buffer.Width * buffer.Depth
                let span = buffer.Pixels.Span

                if buffer.Depth = 1 then
                    uint16 span[at]
                else
                    uint16 span[at] ||| (uint16 span[at + 1] <<< 8))

        ofValues (RawPixels.demosaic pattern buffer.Height buffer.Width mosaic) buffer 3 buffer.Depth buffer.Bits

    let private interleaved (buffer: PixelBuffer) =
        let bytes = Array.zeroCreate<byte>(3 * buffer.Width * buffer.Height)

        for c in 0..2 do
            for y in 0 .. buffer.Height - 1 do
                let row = (rowOf buffer buffer.Width (c * buffer.Height + y)).Span

                for x in 0 .. buffer.Width - 1 do
                    bytes[3 * (y * buffer.Width + x) + c] <- row[x]

        { buffer with Pixels = ReadOnlyMemory bytes; Stride = 3 * buffer.Width; Bands = 3 }

    /// A copy without padding whose row y is the row `source y` of the buffer's memory.
    let packed (source: int -> int) (buffer: PixelBuffer) : PixelBuffer =
        let row = buffer.Width * buffer.Bands * buffer.Depth
        let bytes = Array.zeroCreate<byte>(row * buffer.Height)

        for y in 0 .. buffer.Height - 1 do
            buffer.Pixels.Slice(source y * abs buffer.Stride, row).CopyTo(Memory(bytes, y * row, row))

        { buffer with Pixels = ReadOnlyMemory bytes; Stride = row }

    /// A buffer whose rows go from the bottom to the top, from the top to the bottom; a copy.
    let flipped (buffer: PixelBuffer) : PixelBuffer = packed (fun y -> buffer.Height - 1 - y) buffer

    /// Interleaved values of 8 or 16 bits. Nothing is copied where they are that already.
    let decode (layout: RawLayout) (buffer: PixelBuffer) : PixelBuffer =
        match layout with
        | RawLayout.Plain -> buffer
        | RawLayout.Packed packing -> unpacked packing buffer
        | RawLayout.Mosaic pattern -> colours pattern buffer
        | RawLayout.Planar -> interleaved buffer
