/// Folders of this machine whose new pictures are inspected by the version of a project that serves.
namespace Fae.Studio

open System
open System.Collections.Generic
open System.IO
open System.Threading
open System.Threading.Tasks
open Fae.Detection
open Fae.Server

/// Inspects what comes into a folder by a served model until it is stopped: model, folder, folder for journal and heatmaps. An error is one
/// line.
type FolderWatcher = LiveModel -> string -> string -> CancellationToken -> Result<unit, string>

/// The folder of a project, and why it is not watched now, if it is not.
type FolderSource = { Folder: string; Problem: string option }

[<NoComparison; NoEquality>]
type private Running = { Stop: CancellationTokenSource; Task: Task<Result<unit, string>> }

/// Thread-safe. Dispose of it to stop all.
type FolderSources(home: string, models: ModelSet, log: InspectionLog, watch: FolderWatcher, warn: string -> unit) =
    let gate = obj ()
    let running = Dictionary<string, Running>()

    let folderOf project : string option =
        try
            Some(File.ReadAllText(Project.sourcePath project).Trim())
        with :? IOException ->
            None

    let work (project: Project) slot (folder: string) (stop: CancellationToken) =
        let ended =
            try
                watch (LiveModel(models, slot, log)) folder (Project.watched project) stop
            with e ->
                Error e.Message

        ended
        |> Result.mapError (fun reason -> warn $"project {project.Name}: {folder} is not watched: {reason}")
        |> ignore

        ended

    let stop (project: Project) =
        match running.TryGetValue project.Name with
        | true, one ->
            one.Stop.Cancel()
            one.Task.Wait()
            one.Stop.Dispose()
            running.Remove project.Name |> ignore
        | _ -> ()

    let isWatched (project: Project) =
        match running.TryGetValue project.Name with
        | true, one -> not one.Task.IsCompleted
        | _ -> false

    let start (project: Project) =
        match folderOf project, models.TryFind project.Name with
        | Some folder, Some slot when not (isWatched project) ->
            stop project
            let stop = new CancellationTokenSource()
            // A thread of its own: it waits most of the time.
            let task = Task.Factory.StartNew((fun () -> work project slot folder stop.Token), TaskCreationOptions.LongRunning)
            running[project.Name] <- { Stop = stop; Task = task }
        | _ -> ()

    let isBelow (folder: string) (other: string) =
        let full (path: string) = Path.TrimEndingDirectorySeparator(Path.GetFullPath path) + string Path.DirectorySeparatorChar
        (full other).StartsWith(full folder, StringComparison.Ordinal)

    /// Begins to watch the folder of a project, if it has one and a version serves.
    member _.Start(project: Project) = lock gate (fun () -> start project)

    /// Watches another folder from now on. Refused: one that is not there, or holds the studio's own files.
    member _.Set(project: Project, folder: string) : Result<unit, string> =
        if not (Path.IsPathFullyQualified folder) then
            Error $"'{folder}': write the whole path of a folder of the machine that the studio runs on"
        elif not (Directory.Exists folder) then
            Error $"{folder}: there is no such folder on the machine that the studio runs on"
        elif isBelow folder home || isBelow home folder then
            Error $"{folder}: holds files of the studio itself; take another folder"
        else
            lock gate (fun () ->
                stop project
                AtomicFile.WriteText(Project.sourcePath project, Path.TrimEndingDirectorySeparator folder + "\n")
                start project)

            Ok()

    /// No folder is watched any more. What was inspected stays.
    member _.Clear(project: Project) =
        lock gate (fun () ->
            stop project
            File.Delete(Project.sourcePath project))

    member _.State(project: Project) : FolderSource option =
        lock gate (fun () ->
            folderOf project
            |> Option.map (fun folder ->
                let problem =
                    match running.TryGetValue project.Name with
                    | true, one when not one.Task.IsCompleted -> None
                    | true, one ->
                        match one.Task.Result with
                        | Error reason -> Some reason
                        | Ok() -> None
                    | _ -> Some "no version serves yet"

                { Folder = folder; Problem = problem }))

    interface IDisposable with
        member _.Dispose() =
            lock gate (fun () ->
                for one in running.Values do
                    one.Stop.Cancel()

                for one in running.Values do
                    one.Task.Wait()
                    one.Stop.Dispose()

                running.Clear())
