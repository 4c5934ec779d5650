/// Files that were moved after their verdict. Some copies have their full size from the start and stall: what is still written after the
/// verdict gets another one.
namespace Fae.Cli

open System
open System.Collections.Generic
open System.Diagnostics
open System.IO
open Fae.Imaging

type MovedFiles() =
    /// How long a moved file is looked at, and how many are at most.
    let watched, most = TimeSpan.FromMinutes 10.0, 5000
    let clock = Stopwatch.StartNew()
    let files = Queue<struct (string * string * struct (int64 * int64) option * TimeSpan)>()

    /// A file that had this size and time when it was judged was renamed.
    member _.Add(source: string, target: string, stamp: struct (int64 * int64)) =
        files.Enqueue(struct (source, target, Some stamp, clock.Elapsed))
        if files.Count > most then files.Dequeue() |> ignore

    /// Moves files that have changed since back to where they came from, where they are inspected again.
    member _.Return(warn: string -> unit) =
        for _ in 1 .. files.Count do
            let struct (source, target, stamp, since) as file = files.Dequeue()
            let now = Files.stamp target

            if now = stamp then
                if clock.Elapsed - since < watched then files.Enqueue file
            elif Option.isSome now && not (File.Exists source) then
                try
                    Directory.Move(target, source)
                    warn $"{source}: was still written to after its verdict; it is inspected again"
                with
                | :? IOException
                | :? UnauthorizedAccessException as e ->
                    warn $"{target}: was still written to after its verdict, and cannot be moved back: {e.Message}"
