/// A version of a project's detector: a run's folder of fae train, with the training's state beside it.
namespace Fae.Studio

open System
open System.Globalization
open System.IO
open System.Text.Json
open System.Text.RegularExpressions
open Fae.Core
open Fae.Detection
open Fae.Report

/// Where a training stands.
type VersionStatus =
    | Waiting
    | Training
    /// Somebody stopped it; it can go on.
    | Stopped
    | Ready
    | Failed

/// What is kept of a version besides its model.
type VersionState =
    {
        Status: string
        /// As fae train takes it, like 10m.
        Budget: string
        Seed: int
        Who: string
        Created: DateTimeOffset
        /// Why it failed.
        Problem: string | null
        /// The process that trains: its number and when it began.
        Process: string | null
    }

type DetectorVersion = { Project: Project; Number: int; Folder: string }

/// A point of the training curve.
type CurvePoint = { Step: int; Loss: float; SyntheticAuroc: Nullable<float> }

/// How far a training is, read from what it says.
[<NoComparison>]
type TrainingProgress =
    {
        Step: int
        Steps: int
        /// As fae train says it; null before the first step.
        Left: string | null
        Curve: CurvePoint list
        /// The last lines that are no progress.
        Lines: string list
    }

[<RequireQualifiedAccess>]
module DetectorVersion =
    let private statusNames = [ Waiting, "waiting"; Training, "training"; Stopped, "stopped"; Ready, "ready"; Failed, "failed" ]

    let statusName status = statusNames |> List.find (fst >> (=) status) |> snd
    let status state = statusNames |> List.find (snd >> (=) state.Status) |> fst

    let private statePath version = Path.Combine(version.Folder, "studio.json")
    let model version = Path.Combine(version.Folder, ModelFile.Main)
    let log version = Path.Combine(version.Folder, "studio.log")
    let report version = Path.Combine(version.Folder, "report.html")
    let outliers version = OutlierReport.pageOf version.Folder
    let evaluation version = Path.Combine(version.Folder, "eval.json")

    /// What more good pictures would bring, in a sentence; null where it was not measured.
    let learning version : string | null =
        try
            File.ReadAllText(Path.Combine(version.Folder, "learning.csv")).TrimEnd()
            |> LearningCurve.tryParse
            |> Option.bind LearningCurve.describe
            |> Option.toObj
        with :? IOException ->
            null

    let onnx version = Path.Combine(version.Folder, "model.onnx")

    let private at project (number: int) =
        { Project = project; Number = number; Folder = Path.Combine(Project.versions project, number.ToString "D3") }

    let write version (state: VersionState) =
        AtomicFile.WriteText(statePath version, JsonSerializer.Serialize(state, FaeJson.Indented) + "\n")

    let read version : VersionState option =
        try
            JsonSerializer.Deserialize<VersionState>(File.ReadAllText(statePath version), FaeJson.Compact) |> Option.ofObj
        with
        | :? IOException
        | :? JsonException -> None

    let set version change = read version |> Option.iter (change >> write version)

    /// In the order of their numbers.
    let all project : (DetectorVersion * VersionState) list =
        if Directory.Exists(Project.versions project) then
            Directory.GetDirectories(Project.versions project)
            |> Array.choose (fun path ->
                match Int32.TryParse(Path.GetFileName path, NumberStyles.None, CultureInfo.InvariantCulture) with
                | true, number ->
                    let version = at project number
                    read version |> Option.map (fun state -> version, state)
                | _ -> None)
            |> Array.sortBy (fun (version, _) -> version.Number)
            |> List.ofArray
        else
            []

    /// How far good pictures are from the others, by their names, as the newest version that compared them says; those of its outliers.
    let differing project : Map<string, float> =
        let good = Path.GetFullPath(Project.pictures Good project)

        let nameOf (one: OutlierJson) =
            let path = Path.GetFullPath(Path.Combine(Project.data project, one.Path))
            if Path.GetDirectoryName path = good then Some(Fae.Imaging.Files.name path) else None

        all project
        |> List.rev
        |> List.tryPick (fun (version, _) -> OutlierReport.tryRead version.Folder)
        |> Option.defaultValue [||]
        |> Array.filter (fun one -> not (isNull one.Outlier))
        |> Array.choose (fun one -> nameOf one |> Option.map (fun name -> name, one.Distance))
        |> Map.ofArray

    let tryFind project (number: int) = all project |> List.tryFind (fun (version, _) -> version.Number = number)

    let create project (who: string) (budget: string) seed now =
        let number = 1 + (all project |> List.map (fun (version, _) -> version.Number) |> List.fold max 0)
        let version = at project number
        Directory.CreateDirectory version.Folder |> ignore

        write
            version
            {
                Status = statusName Waiting
                Budget = budget
                Seed = seed
                Who = who
                Created = now
                Problem = null
                Process = null
            }

        version

    let private step =
        Regex
            @"^step (?<step>\d+)/(?<steps>\d+)  loss (?<loss>[\d.]+)(?:.*synthetic AUROC (?<auroc>[\d.]+))?.*?(?<left>\d\d:\d\d:\d\d) left"

    let private linesShown = 12

    /// Reads a training's log; an empty one is a training before its first step.
    let progress version : TrainingProgress =
        let lines =
            try
                use stream = new FileStream(log version, FileMode.Open, FileAccess.Read, FileShare.ReadWrite)
                use reader = new StreamReader(stream)
                reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries) |> List.ofArray
            with :? IOException ->
                []

        let number (group: Group) = Double.Parse(group.Value, CultureInfo.InvariantCulture)

        let found = lines |> List.map (fun line -> line, step.Match line)
        let points = found |> List.choose (fun (_, m) -> if m.Success then Some m.Groups else None)
        let last = List.tryLast points
        let words = found |> List.filter (fun (_, m) -> not m.Success) |> List.map fst

        {
            Step = last |> Option.map (fun groups -> int (number groups["step"])) |> Option.defaultValue 0
            Steps = last |> Option.map (fun groups -> int (number groups["steps"])) |> Option.defaultValue 0
            Left = last |> Option.map (fun groups -> groups["left"].Value) |> Option.toObj
            Curve =
                [
                    for groups in points ->
                        {
                            Step = int (number groups["step"])
                            Loss = number groups["loss"]
                            SyntheticAuroc = if groups["auroc"].Success then Nullable(number groups["auroc"]) else Nullable()
                        }
                ]
            Lines = words |> List.rev |> List.truncate linesShown |> List.rev
        }
