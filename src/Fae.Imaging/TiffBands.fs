/// What a TIFF file says of its bands beyond grey or colour. libvips takes them for transparency whatever they are.
namespace Fae.Imaging

open System
open System.Buffers.Binary
open System.IO

[<RequireQualifiedAccess>]
module internal TiffBands =
    /// Tag ExtraSamples; its values of transparency: associated (premultiplied) and not.
    let private extraSamples, transparency = 338us, set [ 1us; 2us ]

    /// Entries of a directory that are looked at.
    let private mostEntries = 4096UL

    /// Whether the first band beyond the colours is transparency. Not in a file that does not say so, or cannot be read.
    let hasAlpha (file: Stream) =
        let bytes count =
            let buffer = Array.zeroCreate<byte> count
            file.ReadExactly(buffer, 0, count)
            buffer

        try
            let head = bytes 16
            let isLittle = head[0] = byte 'I'

            let word (from: byte[]) at =
                let span = ReadOnlySpan(from, at, 2)

                if isLittle then
                    BinaryPrimitives.ReadUInt16LittleEndian span
                else
                    BinaryPrimitives.ReadUInt16BigEndian span

            let long (from: byte[]) at =
                let span = ReadOnlySpan(from, at, 4)

                if isLittle then
                    BinaryPrimitives.ReadUInt32LittleEndian span
                else
                    BinaryPrimitives.ReadUInt32BigEndian span

            let longer (from: byte[]) at =
                let span = ReadOnlySpan(from, at, 8)

                if isLittle then
                    BinaryPrimitives.ReadUInt64LittleEndian span
                else
                    BinaryPrimitives.ReadUInt64BigEndian span

            let isBig = word head 2 = 43us
            file.Position <- if isBig then int64 (longer head 8) else int64 (long head 4)
            let count = if isBig then longer (bytes 8) 0 else uint64 (word (bytes 2) 0)

            // An entry is tag, type, number of values, and the values where they fit; that of ExtraSamples is a word.
            let entries = Seq.init (int (min mostEntries count)) (fun _ -> bytes (if isBig then 20 else 12))

            match entries |> Seq.tryFind (fun entry -> word entry 0 = extraSamples) with
            | Some entry -> transparency.Contains(word entry (if isBig then 12 else 8))
            | None -> false
        with
        | :? IOException
        | :? ArgumentException -> false
