/// fae train: a folder of good pictures becomes a detector.
namespace Fae.Cli

open System
open System.IO
open System.Threading
open Argu
open Fae.Core
open Fae.Data
open Fae.Detection
open Fae.Imaging
open Fae.Training
open TorchSharp
open TorchSharp.Modules
open FsToolkit.ErrorHandling

/// What a training needs.
type TrainOptions =
    {
        Config: Config
        Data: string
        Out: string
        Device: string option
        /// Resume from the checkpoint in `Out`.
        Resume: bool
        Textures: string option
        Ignore: string option
        /// Chooses a working size that the configuration leaves open.
        WorkingSize: float -> PictureSurvey -> Resolution
    }

[<RequireQualifiedAccess>]
module Train =
    /// Which run a checkpoint belongs to: everything that the steps depend on. How to score is chosen after them, and may be asked anew.
    let private fingerprint (config: Config) data (split: TrainingSplit) =
        let trained = { config with Score = Config.defaults.Score; Calibration = Config.defaults.Calibration }

        Digest.ofText (
            Config.toToml trained
            + String.concat "\n" (Array.append (TrainedDetector.names data split.Training) (TrainedDetector.names data split.HeldOut))
        )

    /// The settled configuration of a run's folder.
    let configPath out = Path.Combine(out, "config.toml")

    /// The checkpoint of a run's folder.
    let checkpointPath out = Path.Combine(out, "checkpoint.safetensors")

    let private checkpoint path fingerprint resume =
        if not resume then
            Ok None
        elif not (File.Exists path) then
            Console.say $"there is no checkpoint in {Path.GetDirectoryName path} yet: the training starts anew"
            Ok None
        else
            try
                Ok(Some(CheckpointFile.Read(path, fingerprint)))
            with :? InvalidDataException as e ->
                Error(Model(path, e.Message))

    /// A step's line in TensorBoard; the loss of every tenth step is enough to draw it.
    let private record (events: SummaryWriter) (p: TrainProgress) =
        let add (name: string) (value: float) = events.add_scalar (name, float32 value, p.Step)

        if p.Step % 10 = 0 || p.SyntheticAuroc.HasValue then
            add "train/loss" p.Loss
            add "train/images_per_second" p.ImagesPerSecond

        if p.SyntheticAuroc.HasValue then
            add "validation/clean_error" (p.CleanError.GetValueOrDefault())
            add "validation/synthetic_pixel_auroc" (p.SyntheticAuroc.GetValueOrDefault())

        p

    /// Runs the training loop with a progress line in the terminal.
    let private steps config network source validation save record (from: Checkpoint option) stop =
        Console.training config.Train.Steps (fun show say ->
            let trainer =
                Trainer(
                    network,
                    config.Objective,
                    config.Train,
                    InputGeometry.trainSide config,
                    source,
                    validation,
                    Progress = (record >> show),
                    Preparing = (fun () -> say "looks at features of good pictures before the first step …"),
                    Warn = (fun text -> say ("warning: " + text)),
                    Save = save
                )

            try
                Ok(trainer.Run(Option.toObj from, stop))
            with :? OperationCanceledException ->
                Error(Machine "stopped before the first step; no model was written"))

    /// Shapes are compared to this share of a side.
    let private shapeTolerance = 0.02

    /// The picture of pixels to ignore, if there is one. It must have the shape of the pictures, of which the first is looked at, at any
    /// scale.
    let private ignoreMask config (pictures: string list) path =
        match path with
        | None -> Ok None
        | Some path ->
            let fitting (struct (width: int, height: int, _)) (struct (ownWidth: int, ownHeight: int, _)) =
                if abs (float width * float ownHeight / (float height * float ownWidth) - 1.0) < shapeTolerance then
                    Ok()
                else
                    Error(IgnoreShape(path, width, height, ownWidth, ownHeight))

            result {
                let! own = ImageDecoder.header path |> Result.mapError BadPicture
                do! ImageDecoder.header pictures.Head |> Result.map (fitting own) |> Result.defaultValue (Ok())
                let! mask = MaskDecoder.readIgnored (InputGeometry.preparedShape config) path |> Result.mapError BadPicture
                let share = IgnoreMask.share mask
                Console.say $"--ignore {path}: {100.0 * share:F1}%% of a picture is not looked at"
                return! if share = 1.0 then Error(AllIgnored path) else Ok(Some mask)
            }
            |> Result.mapError (List.singleton >> Data)

    /// What the end of the training loop means; `write` writes the model.
    let private ended (config: Config) (outcome: TrainOutcome) write =
        match outcome.End with
        | TrainEnd.Diverged ->
            Error(
                Machine(
                    $"the loss became NaN or infinite at step {outcome.Step}; try a smaller train.learning_rate "
                    + $"(it is {config.Train.LearningRate})"
                )
            )
        | TrainEnd.Stopped ->
            Console.say (
                $"stopped after step {outcome.Step} of {config.Train.Steps}; go on with --resume. The model so far "
                + "is written all the same."
            )

            write () |> Result.map (fun () -> false)
        | _ -> write () |> Result.map (fun () -> true)

    /// Training by gradient steps, from a checkpoint if the user resumes.
    let private trained (config: Config) channels device (backbone: Backbone option) source validation mark (options: TrainOptions) stop =
        result {
            use network =
                new Network(
                    config.Network,
                    channels,
                    Random.fork 3UL (Random.ofSeed (uint64 config.Train.Seed)),
                    device,
                    Option.toObj backbone
                )

            let path = checkpointPath options.Out
            let! from = checkpoint path mark options.Resume
            let events = torch.utils.tensorboard.SummaryWriter(options.Out, createRunName = false)
            let save state = CheckpointFile.Write(path, state, mark)
            return! steps config network source validation save (record events) from stop
        }

    /// Trains until all steps are done (true) or it is cancelled (false). Either way the run's folder holds a model.
    let execute (stop: CancellationToken) (options: TrainOptions) : Result<bool, Fault> =
        result {
            let config, data, out = options.Config, options.Data, options.Out

            // A fit in one pass needs no libtorch.
            let! device =
                if NetworkGeometry.isFittedInOnePass config.Network then
                    Ok null
                else
                    Devices.device options.Device |> Result.map (fun device -> (device: torch.Device | null))

            let! detecting = Devices.detectingDevice options.Device

            let! split = Pictures.split config data

            DataChecks.folders false data
            DataChecks.pages (split.Training @ split.HeldOut)
            let config = Pictures.withValues config (split.Training @ split.HeldOut)
            let channels = Pictures.channels config (split.Training @ split.HeldOut)
            let! config = Pictures.surveyed options.WorkingSize config channels split.Training

            Console.say (
                $"{split.Training.Length} good pictures to train on, {split.HeldOut.Length} held out, {channels} "
                + $"channel(s), {Pictures.scale config}"
            )

            DataChecks.groups split
            DataChecks.ofTraining config data split

            let! ignore = ignoreMask config split.Training options.Ignore
            let! training, heldOut = Pictures.caches config channels ignore split
            do! DataChecks.useless config data training
            let config = Pictures.settled config training
            let! textures = Pictures.textures config channels options.Textures

            let _ = Directory.CreateDirectory out
            AtomicFile.WriteText(configPath out, Config.toCommentedToml config + "\n")
            let source = TrainingSource(config, training, Array.ofList textures, ignore)
            let validation = SyntheticDefects.validation config source ignore heldOut

            let! backbone = Pictures.backbone config

            let! outcome =
                match backbone with
                | Some backbone when NetworkGeometry.isFittedInOnePass config.Network ->
                    BankTraining.fit config channels backbone training ignore None stop
                | Some backbone when NetworkGeometry.hasBankBeside config.Network ->
                    result {
                        let! bank = BankTraining.fit config channels backbone training ignore None stop
                        let alone = { config with Network = NetworkGeometry.withoutBank config.Network }
                        let! network = trained alone channels device None source validation (fingerprint config data split) options stop
                        return network.WithBank bank.Best
                    }
                | _ -> trained config channels device backbone source validation (fingerprint config data split) options stop

            let learning =
                match backbone with
                // Pieces say nothing of more pictures.
                | Some backbone when not training.ArePieces ->
                    BankTraining.learning config channels backbone training validation ignore stop
                | _ -> []

            let write () =
                TrainedDetector.write
                    {
                        Config = config
                        Device = detecting
                        Channels = channels
                        Backbone = backbone
                        Validation = validation
                        Training = training
                        HeldOut = heldOut
                        Ignore = ignore
                        Data = data
                        Split = split
                        TrainedBefore = [||]
                        DigestsBefore = []
                        Outcome = outcome
                        Learning = learning
                        Out = out
                    }

            return! ended config outcome write
        }

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
            let steps = TrainingPlan.steps minutes processors

            let start, what =
                if args.Contains TrainArgs.Fast then
                    Config.automaticFast, "a small U-Net, its maps combined"
                else
                    Config.automatic, "a U-Net and memory banks of pretrained features in one model, their maps combined"

            Console.say $"no --config: {what}"

            return { start with Config.Train.Steps = steps; Config.Train.ValidateEvery = TrainingPlan.validateEvery steps }
        }

    let private anew (args: ParseResults<TrainArgs>) config =
        // What the survey and the budget settled, also where this machine is another: a run is resumed by its own plan.
        let planned = configPath (args.GetResult TrainArgs.Out)

        result {
            let! start =
                match config with
                | Some path when args.Contains TrainArgs.Budget ->
                    Error(Usage [ $"--budget: {path} says train.steps; leave one of them out" ])
                | Some path when args.Contains TrainArgs.Fast ->
                    Error(Usage [ $"--fast: {path} says how large network and pictures are; leave one of them out" ])
                | None when args.Contains TrainArgs.Fast && args.Contains TrainArgs.Smallest_Defect ->
                    Error(Usage [ "--fast: leaves no choice to --smallest-defect; leave one of them out" ])
                | Some path -> Options.configFile path
                | None when args.Contains TrainArgs.Resume && File.Exists planned -> Options.configFile planned
                | None -> automatic args

            let! config =
                start
                |> Options.overridden (args.GetResults TrainArgs.Set) (args.TryGetResult TrainArgs.Seed) (args.TryGetResult TrainArgs.Steps)

            let smallest = args.TryGetResult TrainArgs.Smallest_Defect
            do! smallest |> Option.map (Options.positive "--smallest-defect") |> Option.defaultValue (Ok())

            let options =
                {
                    Config = config
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

            return! Interrupts.watch (fun stop -> execute stop options |> Result.map (fun _ -> 0))
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
