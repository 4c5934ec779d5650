/// Many pictures by number, more than memory holds.
namespace Fae.Data

open System
open System.IO
open System.Threading
open Fae.Core
open Fae.Imaging

/// A picture in memory, or its file as it was when it was first read: size in bytes and last change in ticks of UTC.
[<NoComparison>]
type private CachedImage =
    | InMemory of Image
    | OnDisk of size: int64 * changed: int64

/// Pictures on demand. Those that fit into memory are kept, the others are read each time. What a number
/// stands for never depends on which.
type ImageCache private (names: string[], images: CachedImage[], read: string -> Result<Image, ImageProblem>, arePieces: bool) =
    static let stamp (path: string) =
        let file = FileInfo path
        OnDisk(file.Length, file.LastWriteTimeUtc.Ticks)

    /// A quarter of what this process may use.
    static member DefaultCapacity = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 4L

    /// Reads every picture once, in parallel, and keeps what fits into `capacity` bytes; all that cannot be read are listed at once.
    static member Open
        (capacity: int64, read: string -> Result<Image, ImageProblem>, paths: string list)
        : Result<ImageCache, DataProblem list> =
        let mutable taken = 0L

        let look path =
            read path
            |> Result.map (fun image ->
                let size = 4L * int64 image.Pixels.Length

                if Interlocked.Add(&taken, size) <= capacity then
                    InMemory image
                else
                    Interlocked.Add(&taken, -size) |> ignore
                    stamp path)

        DataSet.readAll look paths
        |> Result.map (fun images -> ImageCache(Array.ofList paths, Array.ofList images, read, false))

    /// What was read again of a picture that could be read before; an `IOException` if it no longer can.
    static member Again(result: Result<'a, ImageProblem>) =
        match result with
        | Ok value -> value
        | Error problem -> raise (IOException $"{problem}; it could be read before: leave the pictures in place while they are used")

    /// Pictures that are in memory already.
    static member OfImages(images: Image seq) =
        let images = Array.ofSeq images
        ImageCache(Array.replicate images.Length "", Array.map InMemory images, (fun _ -> invalidOp "every picture is in memory"), false)

    /// Pieces of pictures that are too large to hold, in memory already, with the files that they are of.
    static member OfPieces(files: (string * Image list) list) =
        let pieces =
            [|
                for path, images in files do
                    for image in images -> path, image
            |]

        let images = pieces |> Array.map (snd >> InMemory)
        ImageCache(Array.map fst pieces, images, (fun _ -> invalidOp "every piece is in memory"), true)

    member _.Count = names.Length

    /// The file of each picture; empty for pictures without one.
    member _.Names: string list = List.ofArray names

    /// Whether they are pieces of files.
    member _.ArePieces = arePieces

    /// How many of the pictures stay in memory.
    member _.Kept = images |> Array.sumBy (fun image -> if image.IsInMemory then 1 else 0)

    /// The picture of a number from 0; an `IOException` if its file can no longer be read, or was replaced: two epochs would not see the
    /// same picture.
    member _.Item
        with get (number: int) =
            match images[number] with
            | InMemory image -> image
            | OnDisk _ as before ->
                let path = names[number]

                if File.Exists path && stamp path <> before then
                    raise (IOException $"{path}: was replaced while it is used; leave the pictures in place")

                ImageCache.Again(read path)

    /// About `most` of the pictures (never fewer where there are more), evenly from first to last.
    member cache.Some(most: int) =
        let every = max 1 (cache.Count / most)
        [ for number in 0..every .. cache.Count - 1 -> cache[number] ]

    /// The pictures of these names.
    member _.Where(isKept: string -> bool) =
        let kept =
            [|
                for number in 0 .. names.Length - 1 do
                    if isKept names[number] then number
            |]

        ImageCache(Array.map (Array.get names) kept, Array.map (Array.get images) kept, read, arePieces)

    /// The numbers of so many of the pictures, or of all, evenly from first to last.
    member cache.Numbers(most: int) =
        let some = min most cache.Count
        [ for number in 0 .. some - 1 -> int (int64 number * int64 cache.Count / int64 some) ]

    /// The file of a picture.
    member _.NameOf(number: int) = names[number]

    /// So many of the pictures, or all, evenly from first to last.
    member cache.Spread(most: int) = cache.Numbers most |> Seq.map (fun number -> cache[number])

    /// About so many pictures of several caches by their numbers, the same share of each, evenly from first to last.
    static member Evenly(most: int, caches: ImageCache list) : (ImageCache * int)[] =
        let all = caches |> List.sumBy (fun (cache: ImageCache) -> cache.Count)
        let share = min 1.0 (float most / float (max 1 all))

        [|
            for cache in caches do
                for number in cache.Numbers(int (ceil (share * float cache.Count))) -> cache, number
        |]

    interface Collections.Generic.IReadOnlyList<Image> with
        member cache.Count = cache.Count

        member cache.Item
            with get number = cache[number]

        member cache.GetEnumerator() : Collections.Generic.IEnumerator<Image> =
            (seq { for number in 0 .. cache.Count - 1 -> cache[number] }).GetEnumerator()

        member cache.GetEnumerator() : Collections.IEnumerator =
            (cache :> Collections.Generic.IEnumerable<Image>).GetEnumerator() :> Collections.IEnumerator
