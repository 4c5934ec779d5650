/// Trainings, one at a time, each a process of its own: what it does wrong ends it alone. They outlive the studio: what was not done when
/// it ended goes on from its checkpoint when it starts again.
namespace Fae.Studio

open System
open System.Collections.Generic
open System.Diagnostics
open System.IO
open System.Threading
open System.Threading.Tasks

/// `launch`: starts the program fae with these arguments, its messages redirected. `stop` asks a process to end in order.
type Trainer(home: string, launch: string list -> ProcessStartInfo, stop: Process -> unit) =
    let gate = obj ()
    let waiting = Queue<DetectorVersion>()
    let wake = new SemaphoreSlim(0)
    let ending = new CancellationTokenSource()
    let mutable current: (DetectorVersion * Process) option = None
    /// Somebody asked for the end of the training that runs.
    let mutable isStopped = false

    /// Runs fae, adding what it says to the version's log; its exit code and last line. Nothing is started once the studio ends.
    let run (version: DetectorVersion) (args: string list) : int * string =
        let mutable last = ""
        use log = new StreamWriter(DetectorVersion.log version, append = true, AutoFlush = true)
        use child = new Process(StartInfo = launch args)

        let hear (line: DataReceivedEventArgs) =
            match line.Data with
            | null -> ()
            | text ->
                lock log (fun () ->
                    log.WriteLine text
                    last <- text)

        child.OutputDataReceived.Add ignore
        child.ErrorDataReceived.Add hear

        let begun =
            lock gate (fun () ->
                if ending.IsCancellationRequested || isStopped then
                    false
                else
                    child.Start() |> ignore
                    current <- Some(version, child)
                    true)

        if begun then
            child.BeginOutputReadLine()
            child.BeginErrorReadLine()
            child.WaitForExit()
            lock gate (fun () -> current <- None)
            child.ExitCode, last
        else
            -1, ""

    let mark version status (problem: string | null) =
        DetectorVersion.set version (fun state -> { state with Status = DetectorVersion.statusName status; Problem = problem })

    let trainingArguments (version: DetectorVersion) (state: VersionState) =
        let ignored = Project.ignoreMask version.Project

        [ "train"; "--data"; Project.data version.Project; "--out"; version.Folder; "--budget"; state.Budget ]
        @ [ "--seed"; string state.Seed; "--resume" ]
        @ (if File.Exists ignored then [ "--ignore"; ignored ] else [])

    let evaluate (version: DetectorVersion) =
        run version [ "eval"; "--model"; version.Folder; "--data"; Project.data version.Project; "--out"; version.Folder ]

    let train (version: DetectorVersion) (state: VersionState) =
        mark version Training null
        let code, last = run version (trainingArguments version state)

        if ending.IsCancellationRequested then
            // It goes on when the studio starts again.
            ()
        elif lock gate (fun () -> isStopped) then
            mark version Stopped null
        elif code <> 0 then
            mark version Failed last
        else
            // Without bad pictures there is nothing to evaluate on.
            let code, last = if (PictureStore.list version.Project Bad).IsEmpty then 0, "" else evaluate version

            if not ending.IsCancellationRequested then
                mark version Ready (if code = 0 then null else last)

    let work () =
        while not ending.IsCancellationRequested do
            try
                wake.Wait ending.Token

                let next =
                    lock gate (fun () ->
                        isStopped <- false
                        if waiting.Count > 0 then Some(waiting.Dequeue()) else None)

                match next |> Option.bind (fun version -> DetectorVersion.read version |> Option.map (fun state -> version, state)) with
                | Some(version, state) -> train version state
                | None -> ()
            with
            | :? OperationCanceledException -> ()
            | :? IOException
            | :? ComponentModel.Win32Exception as e -> lock gate (fun () -> current) |> Option.iter (fun (v, _) -> mark v Failed e.Message)

    let enqueue version =
        lock gate (fun () -> waiting.Enqueue version)
        wake.Release() |> ignore

    do
        for project in Project.all home do
            for version, state in DetectorVersion.all project do
                match DetectorVersion.status state with
                | Waiting
                | Training -> enqueue version
                | _ -> ()

    let working = Task.Factory.StartNew(work, TaskCreationOptions.LongRunning)

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
            | Some(own, child) when own = version ->
                isStopped <- true
                stop child
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
            use child = new Process(StartInfo = launch [ "export"; "--model"; version.Folder; "--onnx"; path ])
            child.Start() |> ignore
            let error = child.StandardError.ReadToEndAsync()
            child.StandardOutput.ReadToEnd() |> ignore
            child.WaitForExit()
            if child.ExitCode = 0 then Ok path else Error(error.Result.Trim())

    /// Ends in order: a training writes its checkpoint.
    interface IDisposable with
        member _.Dispose() =
            lock gate (fun () ->
                ending.Cancel()
                current |> Option.iter (snd >> stop))

            working.Wait()
            wake.Dispose()
            ending.Dispose()
