/// fae watch: every picture that appears in a folder is inspected, once.
namespace Fae.Cli

open System
open System.Collections.Generic
open System.Diagnostics
open System.Globalization
open System.IO
open System.Text.Json.Nodes
open System.Threading
open Argu
open Fae.Core
open Fae.Data
open Fae.Detection
open Fae.Engine
open Fae.Report

/// What a watch was asked for.
[<NoComparison>]
type private Post =
    {
        Folder: string
        Out: string
        Move: bool
        /// How long a file must have kept its size and time before it counts as written, in seconds.
        Settle: float
        Detector: Detector
        Lookout: Lookout
        /// Files that were listed and cannot be opened under any name, as was said of each.
        Unreachable: HashSet<string>
    }

[<RequireQualifiedAccess>]
module Watch =
    let private pause = TimeSpan.FromSeconds 0.2

    /// A file that cannot be read although nothing writes to it any more is given up after so many seconds.
    let private patience = 10.0

    /// A file that was seen and is not done: as it was, and since when it is so.
    type private Waiting = { Mark: FileMark; Since: TimeSpan }

    let private mark folder (path: string) =
        let info = FileInfo path

        if info.Exists then
            Some
                {
                    Name = Path.GetRelativePath(folder, path)
                    Size = info.Length
                    Changed = info.LastWriteTimeUtc.Ticks
                }
        else
            None

    /// The pictures of the folder, but for those that the watch itself puts there.
    let private pictures post =
        ImageFile.listAll post.Folder
        |> List.filter (fun path -> not (path.StartsWith(post.Out + string Path.DirectorySeparatorChar, StringComparison.Ordinal)))

    /// A name below the folder that no file has: the name itself, or numbered.
    let private freeName (folder: string) (name: string) =
        let numbered n =
            if n = 1 then
                name
            else
                Path.Combine(string (Path.GetDirectoryName name), $"{Files.stem name}-{n}{Files.extension name}")

        Seq.initInfinite (fun i -> numbered (i + 1))
        |> Seq.find (fun candidate -> not (File.Exists(Path.Combine(folder, candidate))))

    /// From one place to another, whole or not at all, on another disk too.
    let private moveWhole (source: string) (target: string) =
        Directory.CreateDirectory(string (Path.GetDirectoryName target)) |> ignore

        if File.Exists target then
            // The copy to another disk was finished and the machine ended before the source was removed.
            File.Delete source
        else
            try
                // A rename and nothing else: File.Move copies to another disk, and may leave half a file there.
                Directory.Move(source, target)
            with :? IOException when File.Exists source ->
                AtomicFile.Copy(source, target)
                File.Delete source

    /// Does what the file's entry says that is to be done with it: nothing, or the move that may have been cut short.
    let private settleAccount post (path: string) (entry: JsonObject) =
        match entry["moved_to"] with
        | null -> ()
        | target -> moveWhole path (Path.Combine(post.Out, target.GetValue<string>()))

    /// Writes what was found into the journal, then moves the file: whatever comes between, the next start finds what is left to do.
    let private record post (journal: Journal) (path: string) (mark: FileMark) (sort: string) (json: JsonObject) =
        json["time"] <- JsonValue.Create(DateTime.UtcNow.ToString("O", CultureInfo.InvariantCulture))

        if post.Move then
            json["moved_to"] <- JsonValue.Create(Path.Combine(sort, freeName (Path.Combine(post.Out, sort)) mark.Name))

        journal.Add(mark, json)
        settleAccount post path json

    let private inspect post (journal: Journal) (path: string) (mark: FileMark) =
        let card = post.Detector.Card

        match Settings.prepare card.Config card.Channels (Option.ofObj card.Ignore) path with
        | Error problem -> Error problem
        | Ok picture ->
            let finding = (post.Detector.Inspect [| picture.Image |])[0]

            let heatmap =
                Inspect.writeHeatmap
                    (Path.Combine(post.Out, "heatmaps"))
                    (journal.Count + 1)
                    path
                    post.Detector.Calibration.PixelThreshold
                    picture
                    finding

            let json = Findings.toJson mark.Name picture finding (Path.GetRelativePath(post.Out, heatmap))
            let verdict = if finding.Verdict.Anomalous then "anomalous" else "good"
            post.Lookout.Saw(finding.Verdict.Score, (fun () -> ImageFile.hasColour path))
            record post journal path mark verdict json
            Console.say $"{mark.Name}: {verdict}, score {finding.Verdict.Score:G4}, p = {finding.Verdict.PValue:F4}"
            Ok()

    let private giveUp post journal path mark (problem: ImageProblem) =
        let json = JsonObject()
        json["problem"] <- JsonValue.Create problem.Reason
        record post journal path mark "unreadable" json
        Console.warn $"{mark.Name}: {problem.Reason}"

    /// Looks at the folder once; says whether nothing is left to do.
    let private look post (journal: Journal) (clock: Stopwatch) (waiting: Dictionary<string, Waiting>) (stop: CancellationToken) =
        let there = HashSet()
        let mutable idle = true

        for path in pictures post do
            match mark post.Folder path with
            | Some mark when not stop.IsCancellationRequested ->
                there.Add mark.Name |> ignore

                match journal.Find mark with
                | Some entry -> settleAccount post path entry
                | None ->
                    idle <- false

                    match waiting.TryGetValue mark.Name with
                    | true, seen when seen.Mark = mark ->
                        let still = (clock.Elapsed - seen.Since).TotalSeconds

                        if still >= post.Settle then
                            match inspect post journal path mark with
                            | Ok() -> waiting.Remove mark.Name |> ignore
                            | Error problem when still >= post.Settle + patience ->
                                giveUp post journal path mark problem
                                waiting.Remove mark.Name |> ignore
                            // Written slowly, perhaps: it is tried again.
                            | Error _ -> ()
                    | _ -> waiting[mark.Name] <- { Mark = mark; Since = clock.Elapsed }
            | None when ImageFile.isUnreachable path && post.Unreachable.Add path -> Console.warn $"{path}: {ImageFile.unreachable}"
            | _ -> ()

        journal.Keep there

        for name in List.ofSeq waiting.Keys do
            if not (there.Contains name) then
                waiting.Remove name |> ignore

        idle

    let private watch post journal once (stop: CancellationToken) =
        let clock = Stopwatch.StartNew()
        let waiting = Dictionary()
        let mutable gone = false
        let mutable go = true

        while go && not stop.IsCancellationRequested do
            // A share that is away for a while is waited for.
            if Directory.Exists post.Folder then
                if gone then
                    Console.say $"{post.Folder} is back"
                    gone <- false

                let idle = look post journal clock waiting stop
                go <- not (once && idle)
            elif not gone then
                Console.warn $"{post.Folder} is gone; waiting for it"
                gone <- true

            if go then
                stop.WaitHandle.WaitOne pause |> ignore

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

            let! broker =
                match args.TryGetResult WatchArgs.Mqtt with
                | None -> Ok None
                | Some text ->
                    match Broker.tryParse text with
                    | Some broker -> Ok(Some broker)
                    | None -> Error(Usage [ $"--mqtt {text}: write HOST/TOPIC or HOST:PORT/TOPIC" ])

            use! loaded = Settings.detector (args.TryGetResult WatchArgs.Device) (args.GetResult WatchArgs.Model)
            let! detector = Settings.atRate (args.TryGetResult WatchArgs.False_Alarm) loaded
            let _ = Directory.CreateDirectory out

            use! journal =
                Journal.Open(Path.Combine(out, "inspections.jsonl"), (fun name -> File.Exists(Path.Combine(folder, name))))

            let post =
                {
                    Folder = folder
                    Out = out
                    Move = args.Contains WatchArgs.Move
                    Settle = settle
                    Detector = detector
                    Lookout = Lookout(detector.Card, detector.Calibration.HeldOut, Console.warn)
                    Unreachable = HashSet()
                }

            Console.say $"watching {folder}; {journal.Count} done before"

            return!
                Interrupts.watch (fun stop ->
                    use ended = CancellationTokenSource.CreateLinkedTokenSource stop

                    use publisher =
                        broker
                        |> Option.map (fun b -> new Publisher(b, journal.Path, Path.Combine(out, "mqtt.offset")))
                        |> Option.toObj

                    let telling =
                        match publisher with
                        | null -> Tasks.Task.CompletedTask
                        | publisher -> publisher.Run ended.Token

                    watch post journal (args.Contains WatchArgs.Once) stop
                    ended.Cancel()
                    telling.Wait()
                    Ok 0)
        }
