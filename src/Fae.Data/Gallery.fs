/// Many pictures by number, more than memory holds.
namespace Fae.Data

open System
open System.IO
open System.Threading
open Fae.Core

/// Pictures that are there when they are asked for: those that fit into memory stay, the others are read anew each time. What a number
/// stands for never depends on which.
type Gallery private (names: string[], kept: Image option[], read: string -> Result<Image, ImageProblem>) =

    /// A quarter of what this process may use.
    static member DefaultRoom = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 4L

    /// Reads every picture once, in parallel, and keeps what fits into `room` bytes; all that cannot be read are listed at once.
    static member Open(room: int64, read: string -> Result<Image, ImageProblem>, paths: string list) : Result<Gallery, DataProblem list> =
        let mutable taken = 0L

        let look path =
            read path
            |> Result.map (fun image ->
                let size = 4L * int64 image.Pixels.Length

                if Interlocked.Add(&taken, size) <= room then
                    Some image
                else
                    Interlocked.Add(&taken, -size) |> ignore
                    None)

        DataSet.readAll look paths
        |> Result.map (fun kept -> Gallery(Array.ofList paths, Array.ofList kept, read))

    /// What was read again of a picture that could be read before; an `IOException` if it no longer can.
    static member Again(result: Result<'a, ImageProblem>) =
        match result with
        | Ok value -> value
        | Error problem -> raise (IOException $"{problem}; it could be read before: leave the pictures in place while they are used")

    /// Pictures that are in memory already.
    static member OfImages(images: Image seq) =
        let images = Array.ofSeq images
        Gallery(Array.replicate images.Length "", Array.map Some images, (fun _ -> invalidOp "every picture is in memory"))

    member _.Count = names.Length

    /// How many of the pictures stay in memory.
    member _.Kept = kept |> Array.sumBy (fun image -> if image.IsSome then 1 else 0)

    /// The picture of a number from 0; an `IOException` if its file can no longer be read.
    member _.Item
        with get (number: int) =
            match kept[number] with
            | Some image -> image
            | None -> Gallery.Again(read names[number])

    /// About `most` of the pictures (never fewer where there are more), evenly from first to last.
    member gallery.Some(most: int) =
        let every = max 1 (gallery.Count / most)
        [ for number in 0..every .. gallery.Count - 1 -> gallery[number] ]

    interface Collections.Generic.IReadOnlyList<Image> with
        member gallery.Count = gallery.Count

        member gallery.Item
            with get number = gallery[number]

        member gallery.GetEnumerator() : Collections.Generic.IEnumerator<Image> =
            (seq { for number in 0 .. gallery.Count - 1 -> gallery[number] }).GetEnumerator()

        member gallery.GetEnumerator() : Collections.IEnumerator =
            (gallery :> Collections.Generic.IEnumerable<Image>).GetEnumerator() :> Collections.IEnumerator
