/// What a TIFF file says of its bands beyond grey or colour. libvips takes them for transparency whatever they are.
namespace Fae.Imaging

open System
open System.IO

[<RequireQualifiedAccess>]
module internal TiffBands =
    /// Tag ExtraSamples; its values of transparency: associated (premultiplied) and not.
    let private extraSamples, transparency = 338UL, set [ 1UL; 2UL ]

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

            /// An unsigned number of so many bytes.
            let number size (from: byte[]) at =
                let order = if isLittle then [ size - 1 .. -1 .. 0 ] else [ 0 .. size - 1 ]
                order |> List.fold (fun sum i -> (sum <<< 8) ||| uint64 from[at + i]) 0UL

            let word = number 2
            let isBig = word head 2 = 43UL
            file.Position <- int64 (if isBig then number 8 head 8 else number 4 head 4)
            let count = if isBig then number 8 (bytes 8) 0 else word (bytes 2) 0

            // An entry is tag, type, number of values, and the values where they fit; that of ExtraSamples is a word.
            let entries = Seq.init (int (min mostEntries count)) (fun _ -> bytes (if isBig then 20 else 12))

            match entries |> Seq.tryFind (fun entry -> word entry 0 = extraSamples) with
            | Some entry -> transparency.Contains(word entry (if isBig then 12 else 8))
            | None -> false
        with
        | :? IOException
        | :? ArgumentException -> false
