/// Trainings, one at a time, each a process of its own: what it does wrong ends it alone. They outlive the studio: what was not done when
/// it ended goes on from its checkpoint when it starts again.
namespace Fae.Studio

open System
open System.Collections.Generic
open System.ComponentModel
open System.Diagnostics
open System.IO
open System.Threading
open System.Threading.Tasks

/// `launch`: starts the program fae with these arguments (`Launcher.startInfo`). `exitTimeout`: how long a training that was left
/// behind may take to end.
type Trainer(home: string, launch: string list -> ProcessStartInfo, exitTimeout: TimeSpan) =
    /// Samples of a corruption sheet.
    static let samplesDrawn = 12

    let gate = obj ()
    let waiting = Queue<DetectorVersion>()
    let wake = new SemaphoreSlim(0)
    let ending = new CancellationTokenSource()
    /// What is trained now, and what ends its process, if there is one.
    let mutable current: (DetectorVersion * (unit -> unit)) option = None
    /// Somebody asked for the end of the training that runs.
    let mutable isStopped = false

    let isEnding () = lock gate (fun () -> isStopped || ending.IsCancellationRequested)

    let mark version status (problem: string | null) =
        DetectorVersion.set version (fun state ->
            { state with Status = DetectorVersion.statusName status; Problem = problem; Process = null })

    /// A process by its number and when it began: numbers are used again. None of one that has ended already.
    let identity (child: Process) : string | null =
        try
            $"{child.Id} {child.StartTime.ToUniversalTime():O}"
        with
        | :? InvalidOperationException
        | :? Win32Exception -> null

    /// Runs fae, adding what it says to the version's log: its exit code and last line, or `None` if it was not to be started any more.
    let run (version: DetectorVersion) (stop: Process -> unit) (args: string list) : (int * string) option =
        let mutable last = ""
        use log = new StreamWriter(DetectorVersion.log version, append = true, AutoFlush = true)
        use child = new Process(StartInfo = launch args)

        child.ErrorDataReceived.Add(fun line ->
            match line.Data with
            | null -> ()
            | text ->
                lock log (fun () ->
                    log.WriteLine text
                    last <- text))

        let begun =
            lock gate (fun () ->
                if isStopped || ending.IsCancellationRequested then
                    false
                else
                    child.Start() |> ignore
                    current <- Some(version, (fun () -> stop child))
                    true)

        if begun then
            DetectorVersion.set version (fun state -> { state with Process = identity child })
            child.BeginOutputReadLine()
            child.BeginErrorReadLine()
            child.WaitForExit()
            lock gate (fun () -> current <- Some(version, ignore))
            Some(child.ExitCode, last)
        else
            None

    let trainingArguments (version: DetectorVersion) (state: VersionState) =
        let ignored = Project.ignoreMask version.Project

        [ "train"; "--data"; Project.data version.Project; "--out"; version.Folder; "--budget"; state.Budget ]
        @ [ "--seed"; string state.Seed; "--resume" ]
        @ (if File.Exists ignored then [ "--ignore"; ignored ] else [])

    /// Without bad pictures there is nothing to evaluate on.
    let evaluate (version: DetectorVersion) =
        if (PictureStore.list version.Project Bad).IsEmpty then
            Some(0, "")
        else
            run version _.Kill() [ "eval"; "--model"; version.Folder; "--data"; Project.data version.Project; "--out"; version.Folder ]

    let train (version: DetectorVersion) (state: VersionState) =
        mark version Training null
        let trained = run version Launcher.stop (trainingArguments version state)

        match trained, isEnding () with
        | Some(0, _), false ->
            match evaluate version with
            | Some(0, _) -> mark version Ready null
            | Some(_, last) -> mark version Ready last
            | None -> ()
        | Some(_, last), false -> mark version Failed last
        | _ -> ()

        // Otherwise it goes on when the studio starts again.
        if lock gate (fun () -> isStopped) then mark version Stopped null

    let next () =
        lock gate (fun () ->
            isStopped <- false
            current <- if waiting.Count > 0 then Some(waiting.Dequeue(), ignore) else None
            current |> Option.map fst)

    let work () =
        while not ending.IsCancellationRequested do
            try
                wake.Wait ending.Token

                match
                    next ()
                    |> Option.bind (fun version -> DetectorVersion.read version |> Option.map (fun state -> version, state))
                with
                | None -> ()
                | Some(version, state) ->
                    try
                        train version state
                    with
                    | :? IOException
                    | :? UnauthorizedAccessException
                    | :? Win32Exception as e -> mark version Failed e.Message

                lock gate (fun () -> current <- None)
            with :? OperationCanceledException ->
                ()

    let enqueue version =
        lock gate (fun () -> waiting.Enqueue version)
        wake.Release() |> ignore

    /// Waits for a training that a studio left behind when it was killed: its input has ended, so it ends too. Two would write one folder.
    let endOrphan (state: VersionState) =
        match Option.ofObj state.Process |> Option.map _.Split(' ') with
        | Some [| number; _ |] ->
            try
                use child = Process.GetProcessById(int number)

                if state.Process = identity child && not (child.WaitForExit exitTimeout) then
                    child.Kill()
                    child.WaitForExit()
            with
            | :? ArgumentException
            | :? InvalidOperationException
            | :? Win32Exception -> ()
        | _ -> ()

    do
        for project in Project.all home do
            for version, state in DetectorVersion.all project do
                match DetectorVersion.status state with
                | Waiting
                | Training ->
                    endOrphan state
                    enqueue version
                | _ -> ()

    let working = Task.Factory.StartNew(work, TaskCreationOptions.LongRunning)

    /// The usual one.
    static member ExitTimeout = TimeSpan.FromMinutes 1.0

    /// Trains a new version, after those that wait.
    member _.Add(version: DetectorVersion) = enqueue version

    /// Goes on with a training that was stopped or has failed.
    member _.Resume(version: DetectorVersion) =
        mark version Waiting null
        enqueue version

    /// Stops a training, which keeps its checkpoint and the model so far, or takes one out of the queue.
    member _.Stop(version: DetectorVersion) =
        lock gate (fun () ->
            match current with
            | Some(own, stop) when own = version ->
                isStopped <- true
                stop ()
            | _ ->
                let others = waiting |> Seq.filter ((<>) version) |> List.ofSeq
                waiting.Clear()
                List.iter waiting.Enqueue others
                mark version Stopped null)

    /// Writes the model as an ONNX graph beside it, unless it is there; an error is one line.
    member _.Export(version: DetectorVersion) : Result<string, string> =
        let path = DetectorVersion.onnx version

        if File.Exists path then
            Ok path
        else
            Launcher.run launch [ "export"; "--model"; version.Folder; "--onnx"; path ] |> Result.map (fun () -> path)

    /// Draws what training makes of a project's good pictures: clean, mask, corrupted. An error is one line.
    member _.DrawCorruption(project: Project) : Result<unit, string> =
        let count = string samplesDrawn

        Launcher.run launch [ "corrupt"; "--data"; Project.data project; "--out"; Project.corruption project; "--count"; count ]

    /// Ends in order: a training writes its checkpoint.
    interface IDisposable with
        member _.Dispose() =
            lock gate (fun () ->
                ending.Cancel()
                current |> Option.iter (fun (_, stop) -> stop ()))

            working.Wait()
            wake.Dispose()
            ending.Dispose()
