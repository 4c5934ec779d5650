/// fae watch: every picture that appears in a folder is inspected, once.
namespace Fae.Cli

open System
open System.Collections.Generic
open System.IO
open System.Threading
open Argu
open Fae.Data
open Fae.Detection
open Fae.Server
open FsToolkit.ErrorHandling

[<RequireQualifiedAccess>]
module Watch =
    /// Watches and publishes until both are stopped.
    let private follow (options: WatchOptions) (journal: Journal) broker once (stop: CancellationToken) =
        match broker with
        | None -> FolderWatch.run options journal once stop
        | Some broker ->
            use ended = CancellationTokenSource.CreateLinkedTokenSource stop
            use publisher = new MqttPublisher(broker, journal.Path, Path.Combine(options.Out, "mqtt.offset"))
            let publishing = publisher.Run ended.Token
            FolderWatch.run options journal once stop
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
                let! port = Options.port "--live" port

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
                let! page = LivePage.Start(options, name, path, Models.reader (args.TryGetResult WatchArgs.Device))
                return page
            }

    let private openJournal folder out megabytes =
        let files = { Path = Path.Combine(out, "inspections.jsonl"); MostBytes = int64 (1e6 * megabytes) }
        Journal.Open(files, (fun name -> File.Exists(Path.Combine(folder, name))), Console.warn)

    let private defaultSettle, defaultMegabytes = 0.5, 100.0

    let private optionsOf folder out (shown: LiveModel option) borrow =
        {
            Folder = folder
            Out = out
            Move = false
            Settle = defaultSettle
            Borrow = borrow
            Monitor = monitors ()
            Shown = shown
            Unreachable = HashSet()
            Troubles = Troubles()
            Moved = MovedFiles()
        }

    let private borrowFrom (live: LiveModel) () =
        let lease = live.Take()
        new Borrowed(lease.Detector, lease.Release)

    /// Inspects what comes into a folder by a served model, until it is stopped. Journal and heatmaps are written to `out`.
    let byServed (live: LiveModel) (folder: string) (out: string) (stop: CancellationToken) : Result<unit, string> =
        result {
            let _ = Directory.CreateDirectory out
            use! journal = openJournal folder out defaultMegabytes
            FolderWatch.run (optionsOf folder out (Some live) (borrowFrom live)) journal false stop
        }
        |> Result.mapError (Fault.lines >> String.concat "; ")

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

            let settle = args.GetResult(WatchArgs.Settle, defaultValue = defaultSettle)

            do! Options.seconds "--settle" settle
            let megabytes = args.GetResult(WatchArgs.Journal_Megabytes, defaultValue = defaultMegabytes)

            do!
                if megabytes > 0.0 && Double.IsFinite megabytes then
                    Ok()
                else
                    Error(Usage [ $"--journal-megabytes {megabytes}: must be more than 0" ])

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

            use! journal = openJournal folder out megabytes
            let shown = page |> Option.map _.Model

            let borrow =
                match shown, own with
                | Some live, _ -> borrowFrom live
                | None, own -> fun () -> new Borrowed(Option.get own, ignore)

            let options = { optionsOf folder out shown borrow with Move = args.Contains WatchArgs.Move; Settle = settle }

            Console.say $"watching {folder}; {journal.Count} done before"

            return!
                Service.run (fun stop ->
                    Service.ready ()
                    follow options journal broker (args.Contains WatchArgs.Once) stop
                    Ok 0)
        }
