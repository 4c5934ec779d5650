/// fae train: a folder of good pictures becomes a detector.
namespace Fae.Cli

open System
open System.IO
open Argu
open Fae.Core
open Fae.Data
open Fae.Training
open FsToolkit.ErrorHandling

[<RequireQualifiedAccess>]
module Train =
    /// What is trained without a configuration, as much of it as fits into the budget.
    let private automatic (args: ParseResults<TrainArgs>) =
        result {
            let budget = args.GetResult(TrainArgs.Budget, defaultValue = "30m")

            let! minutes =
                match TrainingPlan.tryParse budget with
                | Some minutes -> Ok minutes
                | None -> Error(Usage [ $"--budget {budget}: must be a time like 10m or 2h" ])

            let! device = Devices.detectingDevice (args.TryGetResult TrainArgs.Device)
            let processors = if isNull device then Environment.ProcessorCount else TrainingPlan.processorsOfGpu

            // What the plan says is kept in the run: it is resumed with the same precision on another machine.
            let precision =
                if isNull device && ProcessorFeatures.TrainsInBFloat16 then
                    Precision.BFloat16
                else
                    Precision.Float32

            let budget = { Minutes = minutes; Processors = processors }
            let steps = TrainingPlan.steps budget precision

            let start, what =
                if args.Contains TrainArgs.Fast then
                    Config.automaticFast, "a U-Net and a memory bank in eight bits at 256×256 pixels, their maps combined"
                else
                    Config.automatic, "a U-Net and memory banks of pretrained features in one model, their maps combined"

            Console.say $"no --config: {what}"

            return
                { start with
                    Config.Train.Steps = steps
                    Config.Train.ValidateEvery = TrainingPlan.validateEvery steps
                    Config.Train.Precision = precision
                },
                Some budget
        }

    let private anew (args: ParseResults<TrainArgs>) config =
        // What the survey and the budget settled, also where this machine is another: a run is resumed by its own plan.
        let planned = TrainingRun.configPath (args.GetResult TrainArgs.Out)

        result {
            let! start, budget =
                match config with
                | Some path when args.Contains TrainArgs.Budget ->
                    Error(Usage [ $"--budget: {path} says train.steps; leave one of them out" ])
                | Some path when args.Contains TrainArgs.Fast ->
                    Error(Usage [ $"--fast: {path} says how large network and pictures are; leave one of them out" ])
                | None when args.Contains TrainArgs.Fast && args.Contains TrainArgs.Smallest_Defect ->
                    Error(Usage [ "--fast: leaves no choice to --smallest-defect; leave one of them out" ])
                | Some path -> Options.configFile path |> Result.map (fun config -> config, None)
                | None when args.Contains TrainArgs.Resume && File.Exists planned ->
                    Options.configFile planned |> Result.map (fun config -> config, None)
                | None -> automatic args

            let! config =
                start
                |> Options.overridden (args.GetResults TrainArgs.Set) (args.TryGetResult TrainArgs.Seed) (args.TryGetResult TrainArgs.Steps)

            let smallest = args.TryGetResult TrainArgs.Smallest_Defect
            do! smallest |> Option.map (Options.positive "--smallest-defect") |> Option.defaultValue (Ok())

            let options =
                {
                    Config = config
                    // Steps that the user names are not changed.
                    Budget = if config.Train.Steps = start.Train.Steps then budget else None
                    Data = args.GetResult TrainArgs.Data
                    Out = args.GetResult TrainArgs.Out
                    Device = args.TryGetResult TrainArgs.Device
                    Resume = args.Contains TrainArgs.Resume
                    Textures = args.TryGetResult TrainArgs.Textures
                    Ignore = args.TryGetResult TrainArgs.Ignore
                    WorkingSize =
                        if args.Contains TrainArgs.Fast then
                            fun _ -> WorkingSize.fast >> Resolution.Whole
                        else
                            fun mostHeld -> WorkingSize.resolution mostHeld smallest
                }

            return! Interrupts.watch (fun stop -> TrainingRun.execute stop options |> Result.map (fun _ -> 0))
        }

    /// What an extended model has from the old one.
    let private fixedByExtension =
        [
            "--set", (fun (args: ParseResults<TrainArgs>) -> not (args.GetResults TrainArgs.Set).IsEmpty)
            "--seed", _.Contains(TrainArgs.Seed)
            "--steps", _.Contains(TrainArgs.Steps)
            "--device", _.Contains(TrainArgs.Device)
            "--resume", _.Contains(TrainArgs.Resume)
            "--textures", _.Contains(TrainArgs.Textures)
            "--ignore", _.Contains(TrainArgs.Ignore)
            "--smallest-defect", _.Contains(TrainArgs.Smallest_Defect)
            "--budget", _.Contains(TrainArgs.Budget)
            "--fast", _.Contains(TrainArgs.Fast)
        ]

    let run (args: ParseResults<TrainArgs>) : Result<int, Fault> =
        match args.TryGetResult TrainArgs.Config, args.TryGetResult TrainArgs.Extend with
        | Some config, None -> anew args (Some config)
        | None, Some run ->
            match fixedByExtension |> List.filter (fun (_, given) -> given args) |> List.map fst with
            | [] ->
                Interrupts.watch (fun stop -> BankTraining.extend stop run (args.GetResult TrainArgs.Data) (args.GetResult TrainArgs.Out))
            | given ->
                let given = String.concat ", " given
                Error(Usage [ $"{given}: an extended model keeps the configuration that it was trained by; leave it out" ])
        | Some _, Some _ -> Error(Usage [ "--extend: takes its configuration from the model; leave --config out" ])
        | None, None -> anew args None
