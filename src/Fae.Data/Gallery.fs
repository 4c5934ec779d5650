/// Many pictures by number, more than memory holds.
namespace Fae.Data

open System
open System.IO
open System.Threading
open Fae.Core

/// A picture in memory, or its file as it was when it was first read: size in bytes and last change in ticks of UTC.
[<NoComparison>]
type private Exhibit =
    | InMemory of Image
    | OnDisk of size: int64 * changed: int64

/// Pictures that are there when they are asked for: those that fit into memory stay, the others are read anew each time. What a number
/// stands for never depends on which.
type Gallery private (names: string[], exhibits: Exhibit[], read: string -> Result<Image, ImageProblem>) =
    static let stamp (path: string) =
        let file = FileInfo path
        OnDisk(file.Length, file.LastWriteTimeUtc.Ticks)

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
                    InMemory image
                else
                    Interlocked.Add(&taken, -size) |> ignore
                    stamp path)

        DataSet.readAll look paths
        |> Result.map (fun exhibits -> Gallery(Array.ofList paths, Array.ofList exhibits, read))

    /// What was read again of a picture that could be read before; an `IOException` if it no longer can.
    static member Again(result: Result<'a, ImageProblem>) =
        match result with
        | Ok value -> value
        | Error problem -> raise (IOException $"{problem}; it could be read before: leave the pictures in place while they are used")

    /// Pictures that are in memory already.
    static member OfImages(images: Image seq) =
        let images = Array.ofSeq images
        Gallery(Array.replicate images.Length "", Array.map InMemory images, (fun _ -> invalidOp "every picture is in memory"))

    member _.Count = names.Length

    /// How many of the pictures stay in memory.
    member _.Kept = exhibits |> Array.sumBy (fun exhibit -> if exhibit.IsInMemory then 1 else 0)

    /// The picture of a number from 0; an `IOException` if its file can no longer be read, or was replaced: two epochs would not see the same picture.
    member _.Item
        with get (number: int) =
            match exhibits[number] with
            | InMemory image -> image
            | OnDisk _ as before ->
                let path = names[number]

                if File.Exists path && stamp path <> before then
                    raise (IOException $"{path}: was replaced while it is used; leave the pictures in place")

                Gallery.Again(read path)

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
