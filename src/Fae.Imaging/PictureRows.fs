/// Large pictures read row by row, as they are decoded.
namespace Fae.Imaging

open System
open System.Numerics.Tensors
open System.Runtime.InteropServices
open Fae.Core
open Fae.Kernels

/// A picture whose rows are read from the first to the last, in memory for a few of them. To be disposed of.
type PictureRows
    internal (name: string, held: NetVips.Image list, levelled: NetVips.Image, kind, range: struct (float32 * float32), unread, channels) =
    let struct (low, high) = range
    let isRaw = low = 0.0f && kind <> ValueKind.Other
    let scale = if isRaw then 1.0f / high else 1.0f
    let region = NetVips.Region.New levelled
    let mutable next = 0
    let mutable least, most = infinityf, -infinityf

    /// The lowest and the highest value so far, as the file has it.
    let note (lowest: float32) (highest: float32) =
        let raw value = if isRaw then value else low + (high - low) * value
        least <- min least (raw lowest)
        most <- max most (raw highest)

    member _.Width = levelled.Width
    member _.Height = levelled.Height

    /// What of its file is not read.
    member _.Unread: Unread = unread

    /// The values of the rows that were read, if they are not bytes.
    member _.Values =
        if kind = ValueKind.Byte then
            None
        else
            Some { Kind = kind; Lowest = least; Highest = most }

    /// The next rows, at most so many, as planes of values in [0, 1]; `None` after the last one.
    member _.Read(count: int) : Result<Image option, ImageProblem> =
        let rows = min count (levelled.Height - next)

        let planes () =
            let bytes = region.Fetch(0, next, levelled.Width, rows)
            next <- next + rows
            let pixels = Array.zeroCreate<float32>(channels * rows * levelled.Width)

            let finite =
                match levelled.Format with
                | NetVips.Enums.BandFormat.Uchar -> PlanesKernel.Split<byte>(ReadOnlySpan bytes, channels, scale, Span pixels)
                | NetVips.Enums.BandFormat.Ushort ->
                    let words = MemoryMarshal.Cast<byte, uint16>(ReadOnlySpan bytes)
                    note (float32 (TensorPrimitives.Min words)) (float32 (TensorPrimitives.Max words))
                    PlanesKernel.Split<uint16>(words, channels, scale, Span pixels)
                | _ ->
                    let floats = MemoryMarshal.Cast<byte, float32>(ReadOnlySpan bytes)
                    note (TensorPrimitives.Min floats) (TensorPrimitives.Max floats)
                    PlanesKernel.Split<float32>(floats, channels, scale, Span pixels)

            if not finite then Vips.refuse "holds values that are no numbers (NaN or infinite)"
            Image.ofArray channels rows levelled.Width pixels

        if rows <= 0 then Ok None else Vips.guard name planes |> Result.map Some

    interface IDisposable with
        member _.Dispose() =
            region.Dispose()
            held |> List.iter _.Dispose()

[<RequireQualifiedAccess>]
module PictureRows =
    /// Pixels of a row, at most: some hundred rows are held.
    let private widest = 100_000

    /// Height and width of a picture that is so large that it is better read in rows, if its file can be.
    let ofLarge path : struct (int * int) option =
        let shape () =
            if Bmp.isBmp (OnDisk path) then
                None
            else
                use file = Vips.load (NetVips.VOption()) (OnDisk path)

                if Planes.isHuge file && file.Width <= widest && Planes.comesInRows file then
                    Some(struct (file.Height, file.Width))
                else
                    None

        // What cannot be read is told when it is.
        Vips.guard path shape |> Result.defaultValue None

    /// A file's rows, their values as `settings` say.
    let openFile settings channels path : Result<PictureRows, ImageProblem> =
        Vips.guard path (fun () ->
            let file = Vips.loadInRows (OnDisk path)
            let coloured = Planes.toChannels channels file
            let kind = Planes.kindOf coloured
            let low, high = ValueRange.ofPicture settings kind
            let levelled, _ = Planes.levelled (low, high) coloured

            if levelled.Bands <> channels then
                Vips.refuse $"has {levelled.Bands} bands, which are neither grey nor colour"

            let plain =
                match levelled.Format with
                | NetVips.Enums.BandFormat.Uchar
                | NetVips.Enums.BandFormat.Ushort
                | NetVips.Enums.BandFormat.Float -> levelled
                | _ -> levelled.Cast NetVips.Enums.BandFormat.Float

            new PictureRows(path, [ plain; levelled; coloured; file ], plain, kind, struct (low, high), Planes.unread file, channels))
