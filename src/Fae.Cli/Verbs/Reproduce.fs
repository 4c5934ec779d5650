/// fae reproduce: the paper's tables and figures from one's own copy of the data. Each model is a cell with a folder of its own; what it
/// gave is written last, so that a cell is finished or it is not, and nothing is trained twice.
namespace Fae.Cli

open System
open System.IO
open System.Text.Json
open System.Threading
open Argu
open Fae.Core
open Fae.Data
open Fae.Detection
open Fae.Imaging
open Fae.Paper
open Fae.Report
open FsToolkit.ErrorHandling

[<RequireQualifiedAccess>]
module Reproduce =
    /// Takes over what another category has trained on the very same pictures: a data set that is split by kinds of defects is trained on
    /// once.
    let private takeOver sweep (cell: Cell) =
        let twin =
            sweep.Categories
            |> List.map (fun category -> { cell with Category = category })
            |> List.tryFind (fun other ->
                other <> cell
                && File.Exists(Sweep.recordPath sweep other)
                && not (File.Exists(GradientTraining.checkpointPath (Sweep.folder sweep cell)))
                && Sweep.trainsAs sweep cell other)

        match twin with
        | None -> false
        | Some other ->
            for path in Directory.GetFiles(Sweep.folder sweep other) do
                if path <> Sweep.recordPath sweep other && path <> GradientTraining.checkpointPath (Sweep.folder sweep other) then
                    AtomicFile.Copy(path, Path.Combine(Sweep.folder sweep cell, Files.name path))

            Console.say $"the same good pictures and configuration as {other.Category}: its model is taken"
            true

    /// `InspectionTime.median` of the first test pictures.
    let private inspectionTime (detector: Detector) data =
        DataSet.testPictures data
        |> Result.defaultValue []
        |> List.truncate 20
        |> List.choose (fun picture ->
            ImagePreparation.ofFile detector.Card.Config detector.Card.Channels null picture.Path
            |> Result.toOption
            |> Option.map _.Image)
        |> InspectionTime.median detector

    /// Trains or resumes, evaluates, and writes the cell's record; false if it was cancelled.
    let private train (stop: CancellationToken) sweep cell =
        result {
            let! config = Sweep.configOf sweep cell
            let data, out = Path.Combine(sweep.Data, cell.Category), Sweep.folder sweep cell
            let resumes = File.Exists(GradientTraining.checkpointPath out)
            let takes = takeOver sweep cell
            let clock = Diagnostics.Stopwatch.StartNew()

            let! complete =
                if takes then
                    Ok true
                else
                    TrainingRun.execute
                        stop
                        {
                            Config = config
                            Budget = None
                            Data = data
                            Out = out
                            Device = sweep.Device
                            Resume = resumes
                            Textures = sweep.Textures
                            Ignore = None
                            WorkingSize = (fun mostHeld -> WorkingSize.resolution mostHeld None)
                        }

            let seconds = if resumes || takes then None else Some clock.Elapsed.TotalSeconds

            if complete then
                use! detector = Models.detector sweep.Device out
                let! evaluation, judged = Eval.measure detector data

                // No configuration leaves the most to synthetic defects. Their worth is a figure of the report.
                let! compared =
                    if cell.Method = Method.automatic.Name && evaluation.Image.IsSome then
                        result {
                            use! comparing = Models.withoutHeldOut sweep.Device out detector
                            return! Eval.compare data comparing judged |> Result.map Some
                        }
                    else
                        Ok None

                compared
                |> Option.iter (fun compared -> ScoringReport.write detector compared (Path.Combine(out, "comparison.txt")))

                let json =
                    { Evaluation.toJson evaluation with
                        TrainingSeconds = Option.toNullable seconds
                        InspectionMilliseconds = Option.toNullable (inspectionTime detector data)
                        ScoringRanks = compared |> Option.map ScoringReport.ranks |> Option.toObj
                        Fingerprint = Sweep.fingerprint sweep cell config
                        Scoring = ScoringSearch.Describe detector.Calibration.Scoring
                    }

                AtomicFile.WriteText(Sweep.recordPath sweep cell, JsonSerializer.Serialize(json, FaeJson.Indented) + "\n")

            return complete
        }

    /// What goes wrong with the machine in one cell, as a fault of it.
    let private attempt work =
        try
            work ()
        with
        | :? IOException
        | :? UnauthorizedAccessException
        | :? OutOfMemoryException
        | :? System.Runtime.InteropServices.ExternalException as e -> Error(Machine(e.Message.Split('\n')[0]))

    /// Every cell that is not finished, one after the other. A category that cannot be trained stops no other.
    let private runAll sweep =
        Interrupts.watch (fun stop ->
            let total = sweep.Cells.Length

            let one (faults: Fault list) (number, cell) =
                if stop.IsCancellationRequested then
                    faults
                else
                    let heading = $"[{number + 1}/{total}] {Cell.describe cell}"

                    match Sweep.finished sweep cell with
                    | Ok(Some _) ->
                        Console.say $"{heading}: finished before"
                        faults
                    | Error fault -> fault :: faults
                    | Ok None ->
                        Console.say heading

                        match attempt (fun () -> train stop sweep cell) with
                        | Ok _ -> faults
                        | Error fault ->
                            for line in Fault.lines fault do
                                Console.warn $"{Cell.describe cell}: {line}"

                            fault :: faults

            let faults = sweep.Cells |> List.indexed |> List.fold one []
            stop.IsCancellationRequested, List.rev faults)

    /// The same call with other arguments at its end, paths made whole.
    let private again (args: ParseResults<ReproduceArgs>) sweep more =
        let given name value = value |> Option.map (fun v -> [ name; v ]) |> Option.defaultValue []

        [ "reproduce"; "--data"; sweep.Data; "--out"; sweep.Out; "--resume" ]
        @ [ "--categories"; String.concat "," sweep.Categories ]
        @ [ "--budget"; Budget.name sweep.Budget; "--seeds"; string sweep.Seeds ]
        @ given "--methods" (args.TryGetResult ReproduceArgs.Methods)
        @ given "--ablate" (args.TryGetResult ReproduceArgs.Ablate)
        @ given "--configs" sweep.Configs
        @ given "--textures" sweep.Textures
        @ given "--device" sweep.Device
        @ more

    let private submit (args: ParseResults<ReproduceArgs>) sweep =
        result {
            let! states = List.traverseResultM (Sweep.finished sweep) sweep.Cells

            return!
                Slurm.submit
                    Console.say
                    {
                        Folder = Path.Combine(Sweep.home sweep, "slurm")
                        Task = again args sweep [ "--cell" ]
                        Collect = again args sweep [ "--collect" ]
                        Pending = states |> List.indexed |> List.filter (fun (_, state) -> state.IsNone) |> List.map fst
                        Partition = args.TryGetResult ReproduceArgs.Partition
                        Options = args.GetResults ReproduceArgs.Sbatch
                    }
        }

    /// Models of an earlier call are resumed only with --resume.
    let private mayGoOn (args: ParseResults<ReproduceArgs>) sweep =
        let begun = sweep.Cells |> List.filter (fun cell -> Directory.Exists(Sweep.folder sweep cell))

        if begun.IsEmpty || args.Contains ReproduceArgs.Resume || args.Contains ReproduceArgs.Collect then
            Ok()
        else
            Error(
                Usage
                    [
                        $"{Sweep.home sweep}: already holds {begun.Length} of these models; go on with --resume, or take another --out"
                    ]
            )

    let run (args: ParseResults<ReproduceArgs>) : Result<int, Fault> =
        result {
            let! sweep = ReproduceOptions.sweep args
            do! mayGoOn args sweep

            // A configuration that cannot be, and pictures that are not there, are found before the first step.
            let! _ = List.traverseResultM (Sweep.configOf sweep) sweep.Cells

            let testPictures category = DataSet.testPictures (Path.Combine(sweep.Data, category)) |> Result.mapError Data

            let! _ = List.traverseResultM testPictures sweep.Categories
            let! owns = List.traverseResultM (Sweep.ownConfig sweep) sweep.Categories

            (sweep.Categories, owns)
            ||> List.iter2 (fun category own ->
                if own.IsNone then
                    Console.say
                        $"{category}: has no configuration of its own (--configs DIR with {category}.toml); it is trained by the defaults")

            match args.TryGetResult ReproduceArgs.Cell with
            | Some number when number < 0 || number >= sweep.Cells.Length ->
                return! Error(Usage [ $"--cell {number}: there are 0 to {sweep.Cells.Length - 1}" ])
            | Some number ->
                let cell = sweep.Cells[number]
                Console.say (Cell.describe cell)

                match! Sweep.finished sweep cell with
                | Some _ -> return 0
                | None -> return! Interrupts.watch (fun stop -> train stop sweep cell) |> Result.map (fun _ -> 0)
            | None ->
                if args.Contains ReproduceArgs.Slurm then
                    return! submit args sweep
                elif args.Contains ReproduceArgs.Collect then
                    let! _ = ResultPages.write (Models.detector sweep.Device) Console.say sweep
                    return 0
                else
                    let stopped, faults = runAll sweep
                    let! missing = ResultPages.write (Models.detector sweep.Device) Console.say sweep

                    if stopped then
                        Console.say $"stopped; {missing.Length} models are left, go on with --resume"

                    return!
                        match faults with
                        | [] -> Ok 0
                        | first :: _ -> Error first
        }
