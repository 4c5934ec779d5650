/// How often the data of a JPEG file go over the picture. Progressive files have about ten scans, each of which is decoded over all
/// blocks; a file of some megabytes can hold a hundred thousand and keep a decoder busy for minutes.
namespace Fae.Imaging

open System

[<RequireQualifiedAccess>]
module internal JpegScans =
    /// More scans than this are refused, as in libtiff.
    let most = 100

    let private startOfScan, endOfImage = 0xDAuy, 0xD9uy

    /// Stuffed zeros, restarts and the temporary marker stand alone; others have a length.
    let private standsAlone marker = marker = 0x00uy || marker = 0x01uy || marker >= 0xD0uy && marker <= 0xD8uy

    /// The number of scans before the end of the image; counting ends above `most`.
    let count (file: ReadOnlyMemory<byte>) =
        let rec walk at scans =
            let offset = if at >= file.Length then -1 else file.Span.Slice(at).IndexOf 0xFFuy
            let marker = at + offset + 1

            if offset < 0 || marker >= file.Length || scans > most then
                scans
            else
                match file.Span[marker] with
                | 0xFFuy -> walk marker scans
                | code when code = endOfImage -> scans
                | code when standsAlone code -> walk (marker + 1) scans
                | code ->
                    let length =
                        if marker + 2 < file.Length then
                            (int file.Span[marker + 1] <<< 8) + int file.Span[marker + 2]
                        else
                            0

                    walk (marker + 1 + length) (if code = startOfScan then scans + 1 else scans)

        walk 0 0
