/// Files that were moved after their verdict. Some copies have their full size from the start and stall: what is still written after the
/// verdict gets another one.
namespace Fae.Cli

open System
open System.Collections.Generic
open System.Diagnostics
open System.IO
open Fae.Imaging

/// A file that was moved, what it was when it was judged, and when that was.
[<NoComparison; NoEquality>]
type private MovedFile = { Source: string; Target: string; Stamp: struct (int64 * int64); Since: TimeSpan }

type MovedFiles() =
    /// How long a moved file is looked at.
    let watched = TimeSpan.FromMinutes 10.0

    /// Looked at again after so long, or after this share of the time that has passed since its verdict: a file on a network share takes
    /// a millisecond, and a line moves thousands in ten minutes.
    let soonest, share = TimeSpan.FromSeconds 0.2, 0.2

    let clock = Stopwatch.StartNew()
    let files = PriorityQueue<MovedFile, TimeSpan>()

    let later (file: MovedFile) =
        let now = clock.Elapsed
        files.Enqueue(file, now + max soonest (share * (now - file.Since)))

    let back (warn: string -> unit) (file: MovedFile) =
        try
            Directory.Move(file.Target, file.Source)
            warn $"{file.Source}: was still written to after its verdict; it is inspected again"
        with
        | :? IOException
        | :? UnauthorizedAccessException as e ->
            warn $"{file.Target}: was still written to after its verdict, and cannot be moved back: {e.Message}"

    /// A file that had this size and time when it was judged was renamed.
    member _.Add(source: string, target: string, stamp: struct (int64 * int64)) =
        later { Source = source; Target = target; Stamp = stamp; Since = clock.Elapsed }

    /// Moves files that have changed since back to where they came from, where they are inspected again.
    member _.Return(warn: string -> unit) =
        let isDue () =
            match files.TryPeek() with
            | true, _, due -> due <= clock.Elapsed
            | _ -> false

        while isDue () do
            let file = files.Dequeue()

            match Files.stamp file.Target with
            | Some stamp when stamp = file.Stamp -> if clock.Elapsed - file.Since < watched then later file
            | None -> ()
            | Some _ -> if not (File.Exists file.Source) then back warn file
