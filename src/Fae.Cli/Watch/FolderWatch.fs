/// Scans of a watched folder: a picture is inspected when it has kept its size and time for a while, once.
namespace Fae.Cli

open System
open System.Collections.Generic
open System.Diagnostics
open System.Globalization
open System.IO
open System.Text.Json
open System.Threading
open Fae.Data
open Fae.Detection
open Fae.Imaging
open Fae.Server

/// A detector for one picture; dispose of it when the picture is done.
[<Sealed>]
type Borrowed(detector: Detector, giveBack: unit -> unit) =
    member _.Detector = detector

    interface IDisposable with
        member _.Dispose() = giveBack ()

/// The options of fae watch.
[<NoComparison>]
type WatchOptions =
    {
        Folder: string
        Out: string
        Move: bool
        /// How long a file must have kept its size and time before it counts as written, in seconds.
        Settle: float
        /// The model, for one picture.
        Borrow: unit -> Borrowed
        Monitor: Detector -> DriftMonitor
        /// Where inspections are shown and kept besides the journal.
        Shown: LiveModel option
        /// Files with names that cannot be opened; each was warned of.
        Unreachable: HashSet<string>
        Troubles: Troubles
        Moved: MovedFiles
    }

[<RequireQualifiedAccess>]
module FolderWatch =
    let private pause = TimeSpan.FromSeconds 0.2

    /// Files that are done and were perhaps replaced: in a folder of a million it takes seconds to look at all.
    let private doneAtOnce = 20_000

    /// Seconds after which a file that cannot be read is given up.
    let private readTimeout = 10.0

    /// A file that was seen and is not done: as it was, and since when it is so.
    type private Waiting = { Stamp: FileStamp; Since: TimeSpan }

    /// The pictures of the folder, but for those that the watch itself puts there, and whether these are all. A folder that may not be
    /// listed is said.
    let private pictures options =
        let mutable complete = true

        let failed (folder: string) (e: exn) =
            complete <- false
            options.Troubles.Say(folder, e.Message)

        let found =
            ImageFolder.listReadable failed options.Folder
            |> List.filter (fun path -> not (path.StartsWith(options.Out + string Path.DirectorySeparatorChar, StringComparison.Ordinal)))

        // A share that is away may look like an empty folder.
        found, complete && not (List.isEmpty found)

    /// Finishes the move that the file's entry announces, if there is one: it may have been cut short.
    let private finishMove options (path: string) (stamp: FileStamp) (movedTo: string | null) =
        match movedTo with
        | null -> ()
        | target ->
            let target = Path.Combine(options.Out, target)
            let mutable renamed = false

            if options.Troubles.Survive(path, (fun () -> renamed <- WatchedFiles.moveWhole path target)) && renamed then
                options.Moved.Add(path, target, struct (stamp.Size, stamp.Changed))

    let private now () = DateTime.UtcNow.ToString("O", CultureInfo.InvariantCulture)

    /// Where the file goes, below the output folder; null without --move.
    let private destination options (stamp: FileStamp) (folder: string) : string | null =
        if options.Move then
            Path.Combine(folder, WatchedFiles.freeName (Path.Combine(options.Out, folder)) stamp.Name)
        else
            null

    /// Writes the line first and moves the file after it: after a crash in between, the next start finishes the move. A file that has
    /// changed since it was read stays: it gets another verdict.
    let private record options (journal: Journal) (path: string) (stamp: FileStamp) (movedTo: string | null) (line: 'json) =
        journal.Add(stamp, movedTo, JsonSerializer.Serialize(line, FaeJson.Compact))

        if WatchedFiles.stampOf options.Folder path = Some stamp then
            finishMove options path stamp movedTo

    let private inspect options (journal: Journal) (path: string) (stamp: FileStamp) =
        let clock = Stopwatch.StartNew()
        use borrowed = options.Borrow()
        let detector = borrowed.Detector
        let card = detector.Card

        match Inspect.file detector (Some(Path.Combine(options.Out, "heatmaps"))) (journal.Count + 1) path with
        | Error problem -> Error problem
        | Ok(inspected, heatmap) ->
            let picture, finding = inspected.Picture, inspected.Finding
            let prediction = finding.Prediction
            let verdict = if prediction.Anomalous then "anomalous" else "good"
            let movedTo = destination options stamp verdict
            options.Monitor(detector).Observe(prediction.Score, picture, (fun () -> ImageDecoder.hasColour card.Config.Image.Values path))

            InspectionJson(
                stamp.Name,
                picture,
                finding,
                detector.Calibration,
                card.Fingerprint,
                Heatmap = Path.GetRelativePath(options.Out, Option.get heatmap),
                Time = now (),
                Size = Nullable stamp.Size,
                Changed = Nullable stamp.Changed,
                MovedTo = movedTo
            )
            |> record options journal path stamp movedTo

            options.Shown
            |> Option.iter (fun live -> live.Add(detector, stamp.Name, picture, finding, clock.Elapsed.TotalSeconds))

            Service.alive ()
            Console.say $"{stamp.Name}: {verdict}, score {prediction.Score:G4}, p = {prediction.PValue:F4}"
            Ok()

    let private giveUp options journal path (stamp: FileStamp) (problem: ImageProblem) =
        let movedTo = destination options stamp "unreadable"

        UnreadableJson(
            stamp.Name,
            problem.Reason,
            Time = now (),
            Size = Nullable stamp.Size,
            Changed = Nullable stamp.Changed,
            MovedTo = movedTo
        )
        |> record options journal path stamp movedTo

        Console.warn $"{stamp.Name}: {problem.Reason}"

    /// What a watch knows of its folder.
    type private Seen =
        {
            Journal: Journal
            Clock: Stopwatch
            /// Files that are not done, by their names.
            Waiting: Dictionary<string, Waiting>
            Turns: Turns
        }

    /// Looks at a file that is not done: it is inspected when it has kept its size and time for long enough.
    let private consider options (seen: Seen) (path: string) (stamp: FileStamp) =
        match seen.Waiting.TryGetValue stamp.Name with
        | true, before when before.Stamp = stamp ->
            let still = (seen.Clock.Elapsed - before.Since).TotalSeconds

            if still >= options.Settle then
                match inspect options seen.Journal path stamp with
                | Ok() -> seen.Waiting.Remove stamp.Name |> ignore
                | Error problem when still >= options.Settle + readTimeout ->
                    giveUp options seen.Journal path stamp problem
                    seen.Waiting.Remove stamp.Name |> ignore
                // Written slowly, perhaps: it is tried again.
                | Error _ -> ()
        | _ -> seen.Waiting[stamp.Name] <- { Stamp = stamp; Since = seen.Clock.Elapsed }

    /// Scans the folder once; true if nothing is left to do. Of files that are done those are looked at whose turn it is.
    let private look options (seen: Seen) (stop: CancellationToken) =
        let journal = seen.Journal
        let there = HashSet()
        let mutable idle = true
        options.Moved.Return(Console.warn)

        let pictures, complete = pictures options

        let isDone (path: string) =
            let name = WatchedFiles.nameOf options.Folder path
            let passedOver = journal.IsDone name && not (seen.Turns.Next())
            if passedOver then there.Add name |> ignore
            passedOver

        for path in pictures |> List.filter (isDone >> not) |> List.sortWith (fun a b -> String.CompareOrdinal(a, b)) do
            match WatchedFiles.stampOf options.Folder path with
            | Some stamp when not stop.IsCancellationRequested ->
                there.Add stamp.Name |> ignore

                match journal.Find stamp with
                | Some entry -> finishMove options path stamp entry.MovedTo
                | None ->
                    idle <- false
                    consider options seen path stamp
            | None when ImageFolder.isUnreachable path && options.Unreachable.Add path -> Console.warn $"{path}: {ImageFolder.unreachable}"
            | _ -> ()

        seen.Turns.EndRound()
        if complete then journal.Keep there
        options.Troubles.Keep(fun about -> File.Exists about || Directory.Exists about)

        for name in List.ofSeq seen.Waiting.Keys do
            if not (there.Contains name) then seen.Waiting.Remove name |> ignore

        idle

    /// Waits for the next scan, as long as the last one took: a large folder does not keep a core busy. Files that were seen are looked
    /// at meanwhile.
    let private rest options (seen: Seen) (took: TimeSpan) (stop: CancellationToken) =
        let until = seen.Clock.Elapsed + took
        stop.WaitHandle.WaitOne pause |> ignore

        while seen.Clock.Elapsed < until && not stop.IsCancellationRequested do
            for name in List.ofSeq seen.Waiting.Keys do
                let path = Path.Combine(options.Folder, name)

                match WatchedFiles.stampOf options.Folder path with
                | Some stamp when not stop.IsCancellationRequested -> consider options seen path stamp
                | _ -> ()

            Service.alive ()
            stop.WaitHandle.WaitOne pause |> ignore

    /// Watches until it is stopped, or, once, until every picture is done.
    let run options journal once (stop: CancellationToken) =
        let seen =
            {
                Journal = journal
                Clock = Stopwatch.StartNew()
                Waiting = Dictionary()
                Turns = Turns(if once then Int32.MaxValue else doneAtOnce)
            }

        let mutable gone = false
        let mutable go = true

        while go && not stop.IsCancellationRequested do
            let from = seen.Clock.Elapsed

            // A share that is away for a while is waited for.
            if Directory.Exists options.Folder then
                if gone then
                    Console.say $"{options.Folder} is back"
                    gone <- false

                let idle = look options seen stop
                go <- not (once && idle)
            elif not gone then
                Console.warn $"{options.Folder} is gone; waiting for it"
                gone <- true

            Service.alive ()

            if go then rest options seen (seen.Clock.Elapsed - from) stop
