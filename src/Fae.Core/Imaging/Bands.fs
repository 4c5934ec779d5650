/// A picture that is too long to hold, in bands of whole rows.
namespace Fae.Core

/// Rows [From, To) of a picture are looked at to know rows [First, Last) of what is made of it.
type Band = { From: int; To: int; First: int; Last: int }

[<RequireQualifiedAccess>]
module Bands =
    /// Bands of at most `rows` rows that cover a height, for what depends on pixels at most `margin` rows away. Each begins to look at a
    /// multiple of `step`.
    let cover rows margin step height =
        [
            for first in 0..rows .. height - 1 do
                let last = min height (first + rows)

                { From = max 0 (first - margin) / step * step; To = min height (last + margin); First = first; Last = last }
        ]

    /// Rows [first, last) of an image.
    let slice first last (image: Image) = Image.crop first 0 (last - first) image.Width image

    /// One below the other.
    let stack (parts: Image list) =
        let starts = parts |> List.scan (fun row (part: Image) -> row + part.Height) 0

        let owner =
            [|
                for part, start in List.zip parts (List.take parts.Length starts) -> Array.create part.Height (part, start)
            |]

        let rows = Array.concat owner

        Image.init parts.Head.Channels rows.Length parts.Head.Width (fun c y x ->
            let part, start = rows[y]
            part[c, y - start, x])

    /// f of the whole picture, band by band: the same for every f that depends on pixels at most `margin` rows away.
    let map rows margin step (f: Image -> Image) (image: Image) =
        cover rows margin step image.Height
        |> List.map (fun band -> slice band.From band.To image |> f |> slice (band.First - band.From) (band.Last - band.From))
        |> stack
