/// fae watch: every picture that appears in a folder is inspected, once.
namespace Fae.Cli

open System
open System.Collections.Generic
open System.Diagnostics
open System.Globalization
open System.IO
open System.Text.Json
open System.Threading
open Argu
open Fae.Core
open Fae.Data
open Fae.Detection
open Fae.Imaging
open Fae.Server
open FsToolkit.ErrorHandling

/// The options of fae watch.
[<NoComparison>]
type private WatchOptions =
    {
        Folder: string
        Out: string
        Move: bool
        /// How long a file must have kept its size and time before it counts as written, in seconds.
        Settle: float
        /// The model, for one picture.
        Borrow: unit -> Borrowed
        Monitor: Detector -> DriftMonitor
        Page: LivePage option
        /// Files with names that cannot be opened; each was warned of.
        Unreachable: HashSet<string>
        Troubles: Troubles
        Moved: MovedFiles
    }

[<RequireQualifiedAccess>]
module Watch =
    let private pause = TimeSpan.FromSeconds 0.2

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
    let private finishMove options (path: string) (movedTo: string | null) =
        match movedTo with
        | null -> ()
        | target ->
            let target = Path.Combine(options.Out, target)

            if options.Troubles.Survive(path, (fun () -> WatchedFiles.moveWhole path target)) then
                options.Moved.Add(path, target)

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
            finishMove options path movedTo

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

            options.Page
            |> Option.iter (fun page -> page.Add(detector, stamp.Name, picture, finding, clock.Elapsed.TotalSeconds))

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

    /// Scans the folder once; true if nothing is left to do.
    let private look options (journal: Journal) (clock: Stopwatch) (waiting: Dictionary<string, Waiting>) (stop: CancellationToken) =
        let there = HashSet()
        let mutable idle = true
        options.Moved.Return(Console.warn)

        let pictures, complete = pictures options

        for path in pictures do
            match WatchedFiles.stampOf options.Folder path with
            | Some stamp when not stop.IsCancellationRequested ->
                there.Add stamp.Name |> ignore

                match journal.Find stamp with
                | Some entry -> finishMove options path entry.MovedTo
                | None ->
                    idle <- false

                    match waiting.TryGetValue stamp.Name with
                    | true, seen when seen.Stamp = stamp ->
                        let still = (clock.Elapsed - seen.Since).TotalSeconds

                        if still >= options.Settle then
                            match inspect options journal path stamp with
                            | Ok() -> waiting.Remove stamp.Name |> ignore
                            | Error problem when still >= options.Settle + readTimeout ->
                                giveUp options journal path stamp problem
                                waiting.Remove stamp.Name |> ignore
                            // Written slowly, perhaps: it is tried again.
                            | Error _ -> ()
                    | _ -> waiting[stamp.Name] <- { Stamp = stamp; Since = clock.Elapsed }
            | None when ImageFolder.isUnreachable path && options.Unreachable.Add path -> Console.warn $"{path}: {ImageFolder.unreachable}"
            | _ -> ()

        if complete then journal.Keep there
        options.Troubles.Keep(fun about -> File.Exists about || Directory.Exists about)

        for name in List.ofSeq waiting.Keys do
            if not (there.Contains name) then waiting.Remove name |> ignore

        idle

    let private watch options journal once (stop: CancellationToken) =
        let clock = Stopwatch.StartNew()
        let waiting = Dictionary()
        let mutable gone = false
        let mutable go = true

        while go && not stop.IsCancellationRequested do
            // A share that is away for a while is waited for.
            if Directory.Exists options.Folder then
                if gone then
                    Console.say $"{options.Folder} is back"
                    gone <- false

                let idle = look options journal clock waiting stop
                go <- not (once && idle)
            elif not gone then
                Console.warn $"{options.Folder} is gone; waiting for it"
                gone <- true

            Service.alive ()

            if go then stop.WaitHandle.WaitOne pause |> ignore

    /// Watches and publishes until both are stopped.
    let private follow (options: WatchOptions) (journal: Journal) broker once (stop: CancellationToken) =
        match broker with
        | None -> watch options journal once stop
        | Some broker ->
            use ended = CancellationTokenSource.CreateLinkedTokenSource stop
            use publisher = new MqttPublisher(broker, journal.Path, Path.Combine(options.Out, "mqtt.offset"))
            let publishing = publisher.Run ended.Token
            watch options journal once stop
            ended.Cancel()
            publishing.Wait()

    /// The drift monitor of the model with this fingerprint; a new one when the model changes.
    let private monitors () =
        let mutable known = "", Unchecked.defaultof<DriftMonitor>

        fun (detector: Detector) ->
            let print = detector.Card.Fingerprint

            if fst known <> print then
                known <- print, DriftMonitor(detector.Card, detector.Calibration.HeldOut, Console.warn)

            snd known

    /// The page for operators, if one is asked for.
    let private livePage (args: ParseResults<WatchArgs>) : Result<LivePage | null, Fault> =
        match args.TryGetResult WatchArgs.Live with
        | None ->
            let needless =
                [
                    "--bind", args.Contains WatchArgs.Bind
                    "--keys", args.Contains WatchArgs.Keys
                    "--people", args.Contains WatchArgs.People
                    "--shifts", args.Contains WatchArgs.Shifts
                    "--history", args.Contains WatchArgs.History
                ]
                |> List.filter snd
                |> List.map fst

            match needless with
            | [] -> Ok null
            | some ->
                let words = String.concat ", " some
                Error(Usage [ $"{words}: is of the page for operators; say --live PORT too" ])
        | Some port ->
            result {
                let! options =
                    { Server.defaults with
                        Port = port
                        FalseAlarm = args.TryGetResult WatchArgs.False_Alarm
                        History = args.TryGetResult WatchArgs.History |> Option.map (fun path -> path, Server.retention)
                    }
                    |> Access.options
                        (args.TryGetResult WatchArgs.Bind)
                        (args.TryGetResult WatchArgs.Keys)
                        (args.TryGetResult WatchArgs.People)
                        (args.TryGetResult WatchArgs.Shifts)

                let name, path = Models.named (args.GetResult WatchArgs.Model)
                let! page = LivePage.Start(options, name, path, Models.loader (args.TryGetResult WatchArgs.Device))
                return page
            }

    let private ifNone (page: LivePage option) (read: unit -> Result<Detector, Fault>) : Result<Detector | null, Fault> =
        if page.IsSome then
            Ok null
        else
            read () |> Result.map (fun detector -> (detector: Detector | null))

    let run (args: ParseResults<WatchArgs>) : Result<int, Fault> =
        result {
            let folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(args.GetResult WatchArgs.Folder))
            let out = Path.TrimEndingDirectorySeparator(Path.GetFullPath(args.GetResult WatchArgs.Out))

            do!
                if not (Directory.Exists folder) then
                    Error(Data [ NoFolder folder ])
                elif folder = out then
                    Error(Usage [ "--out: must be another folder than the one that is watched" ])
                else
                    Ok()

            let settle = args.GetResult(WatchArgs.Settle, defaultValue = 0.5)

            do!
                if settle >= 0.0 && Double.IsFinite settle then
                    Ok()
                else
                    Error(Usage [ $"--settle {settle}: must be a number of seconds" ])

            let! broker = Mqtt.broker args
            use! page = livePage args
            let page = Option.ofObj page
            // The page has read the model already.
            use! loaded = ifNone page (fun () -> Models.detector (args.TryGetResult WatchArgs.Device) (args.GetResult WatchArgs.Model))

            let! own =
                Option.ofObj loaded
                |> Option.map (Models.atRate (args.TryGetResult WatchArgs.False_Alarm))
                |> Option.sequenceResult

            let _ = Directory.CreateDirectory out

            let files =
                {
                    Path = Path.Combine(out, "inspections.jsonl")
                    MostBytes = int64 (1e6 * args.GetResult(WatchArgs.Journal_Megabytes, defaultValue = 100.0))
                }

            use! journal = Journal.Open(files, (fun name -> File.Exists(Path.Combine(folder, name))), Console.warn)

            let options =
                {
                    Folder = folder
                    Out = out
                    Move = args.Contains WatchArgs.Move
                    Settle = settle
                    Borrow =
                        match page, own with
                        | Some page, _ -> page.Borrow
                        | None, own -> fun () -> new Borrowed(Option.get own, ignore)
                    Monitor = monitors ()
                    Page = page
                    Unreachable = HashSet()
                    Troubles = Troubles()
                    Moved = MovedFiles()
                }

            Console.say $"watching {folder}; {journal.Count} done before"

            return!
                Service.run (fun stop ->
                    Service.ready ()
                    follow options journal broker (args.Contains WatchArgs.Once) stop
                    Ok 0)
        }
