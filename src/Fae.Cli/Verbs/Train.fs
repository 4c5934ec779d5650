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
    }

[<RequireQualifiedAccess>]
module Train =
    let private names (folder: string) (paths: string list) =
        paths |> List.map (fun path -> Path.GetRelativePath(folder, path)) |> Array.ofList

    /// Which run a checkpoint belongs to: everything that the steps depend on. How to score is chosen after them, and may be asked anew.
    let private fingerprint (config: Config) data (split: TrainingSplit) =
        let trained = { config with Score = Config.defaults.Score; Calibration = Config.defaults.Calibration }

        Digest.ofText (
            Config.toToml trained
            + String.concat "\n" (Array.append (names data split.Training) (names data split.HeldOut))
        )

    /// The checkpoint of a run's folder.
    let checkpointPath out = Path.Combine(out, "checkpoint.safetensors")

    let private checkpoint path fingerprint resume =
        if not resume then
            Ok None
        elif not (File.Exists path) then
            Error(Model(path, "there is no checkpoint to resume from; leave --resume out"))
        else
            try
                Ok(Some(CheckpointFile.Read(path, fingerprint)))
            with :? InvalidDataException as e ->
                Error(Model(path, e.Message))

    let private curveText (outcome: TrainOutcome) =
        outcome.Curve
        |> Seq.map (fun p ->
            let text (value: float) = value.ToString("R", Globalization.CultureInfo.InvariantCulture)
            let orNan value = text (Option.defaultValue nan (Option.ofNullable value))
            $"{p.Step},{text p.Loss},{orNan p.CleanError},{orNan p.SyntheticAuroc}")
        |> Seq.append [ "step,loss,clean_error,synthetic_auroc" ]
        |> String.concat "\n"

    /// After training: choose how to score on synthetic defects, calibrate on held-out good pictures, write the model.
    let private finish
        (config: Config)
        (device: TorchSharp.torch.Device | null)
        channels
        (backbone: Backbone option)
        (validation: ValidationSet)
        (training: ImageCache)
        (heldOut: ImageCache)
        ignore
        data
        (split: TrainingSplit)
        (outcome: TrainOutcome)
        out
        =
        let ignoreOrNull = Option.toObj ignore
        use best = Reconstructor.Of(config.Network, channels, outcome.Best, device, Console.warn, Option.toObj backbone)
        let augmented = TestTimeAugmentation.Of(best, config)
        // Tiles of large pictures have no place in them that a mask could know; those that it hides were left out when they were chosen.
        let hidden = if config.Image.Tile > 0 then null else ignoreOrNull

        let trials = ScoringSearch.Try(ScoringSearch.Candidates(config.Score, config.Image), augmented, validation, hidden)

        let trial = ScoringSearch.Choose(trials, validation.Clean.Count, validation.Corrupted.Count)
        let chosen = trial.Scoring
        let calibration = Calibrator.Fit(trial.Candidate, config.Calibration, augmented, heldOut, ignoreOrNull)

        let cardWith (selfCheck: Collections.Generic.IReadOnlyList<SelfCheckPicture>) =
            ModelCard(
                config,
                channels,
                calibration,
                names data split.Training,
                names data split.HeldOut,
                curveText outcome,
                ScoringSearch.Table trials,
                ignoreOrNull,
                SelfCheck = selfCheck,
                Backbone = Option.toObj backbone
            )

        let detector = Detector.Of(cardWith [||], best)
        let card = cardWith (SelfCheck.Make(detector, List.toArray split.HeldOut))

        ModelFile.Write(Path.Combine(out, "model.safetensors"), card, outcome.Best, TorchRuntime.Version)
        ModelFile.Write(Path.Combine(out, "last.safetensors"), card, outcome.Last, TorchRuntime.Version)
        AtomicFile.WriteText(Path.Combine(out, "curve.csv"), curveText outcome + "\n")
        AtomicFile.WriteText(Path.Combine(out, "scoring.txt"), ScoringSearch.Table trials + "\n")

        Console.say (
            $"scores by {ScoringSearch.Describe chosen} (chosen on synthetic defects: image AUROC {trial.ImageAuroc:F3}, "
            + $"pixel AUROC {trial.PixelAuroc:F3})"
        )

        if calibration.FalseAlarm > float config.Calibration.FalseAlarm + 1e-9 then
            Console.warn (
                $"{heldOut.Count} held-out good pictures cannot promise a false-alarm rate of "
                + $"{config.Calibration.FalseAlarm}; the threshold stands for {calibration.FalseAlarm:F3}"
            )

        let pictures = Seq.append (Seq.zip split.Training training) (Seq.zip split.HeldOut heldOut)
        DataChecks.unlikeOthers detector pictures (training.Count + heldOut.Count)
        Console.say $"""wrote {Path.Combine(out, "model.safetensors")}"""

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

    /// Reads all good pictures, training and held-out; all problems are returned at once.
    let private imageCaches config channels ignore (split: TrainingSplit) =
        match Pictures.cache config channels ignore split.Training, Pictures.cache config channels ignore split.HeldOut with
        | Ok training, Ok heldOut ->
            if training.Kept < training.Count then
                Console.say (
                    $"{training.Kept} of {training.Count} pictures stay in memory; the others are read from their files "
                    + "whenever training asks for them"
                )

            Ok(training, heldOut)
        | Error(Data some), Error(Data more) -> Error(Data(some @ more))
        | Error fault, _
        | _, Error fault -> Error fault

    /// Runs the training loop with a progress line in the terminal.
    let private steps config network source validation save record (from: Checkpoint option) stop =
        Console.training config.Train.Steps (fun show say ->
            let mutable prepares = false

            let preparing (_: FitProgress) =
                if not prepares then
                    prepares <- true
                    say "looks at features of good pictures before the first step …"

            let trainer =
                Trainer(
                    network,
                    config.Objective,
                    config.Train,
                    InputGeometry.trainSide config,
                    source,
                    validation,
                    Progress = (record >> show),
                    Preparing = preparing,
                    Warn = (fun text -> say ("warning: " + text)),
                    Save = save
                )

            try
                Ok(trainer.Run(Option.toObj from, stop))
            with :? OperationCanceledException ->
                Error(Machine "stopped before the first step; no model was written"))

    /// The picture of pixels to ignore, if there is one.
    let private ignoreMask config path =
        match path with
        | None -> Ok None
        | Some path ->
            ImageDecoder.readMask (InputGeometry.preparedShape config) path
            |> Result.map Some
            |> Result.mapError (BadPicture >> List.singleton >> Data)

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

            write ()
            Ok false
        | _ ->
            write ()
            Ok true

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

    /// A fit to all good pictures in one pass. It is short: there is nothing to resume, and a stop leaves nothing.
    let private fitted (config: Config) channels (backbone: Backbone) (training: ImageCache) ignore stop =
        use extractor = new FeatureExtractor(backbone, channels)
        let seed = Random.fork 3UL (Random.ofSeed (uint64 config.Train.Seed))
        let pictures = Pictures.windows config training
        let number = training |> Seq.sumBy (Pictures.windowCount config)
        let hidden = if config.Image.Tile = 0 then Option.toObj ignore else null

        try
            let bank =
                Console.fitting (fun show ->
                    MemoryBankFitter(config.Network, extractor, seed, Progress = show).Fit(pictures, number, hidden, stop))

            Ok(TrainOutcome(TrainEnd.Finished, 1, bank, bank, [||]))
        with
        | :? OperationCanceledException -> Error(Machine "stopped before the memory bank was complete; no model was written")
        | :? InvalidDataException as e -> Error(Usage [ $"--ignore: {e.Message}" ])

    /// Trains until all steps are done (true) or it is cancelled (false). Either way the run's folder holds a model.
    let execute (stop: CancellationToken) (options: TrainOptions) : Result<bool, Fault> =
        result {
            let config, data, out = options.Config, options.Data, options.Out
            let! device = Devices.device options.Device
            let! detecting = Devices.detectingDevice options.Device

            let! split = DataSet.split config.Train.HeldOut config.Train.Seed data |> Result.mapError Data

            let channels = Pictures.channels config (split.Training @ split.HeldOut)

            Console.say (
                $"{split.Training.Length} good pictures to train on, {split.HeldOut.Length} held out, {channels} "
                + $"channel(s), {Pictures.scale config}"
            )

            DataChecks.ofTraining data split

            let! ignore = ignoreMask config options.Ignore
            let! training, heldOut = imageCaches config channels ignore split
            let config = Pictures.settled config training
            let! textures = Pictures.textures config channels options.Textures

            let _ = Directory.CreateDirectory out
            AtomicFile.WriteText(Path.Combine(out, "config.toml"), Config.toCommentedToml config + "\n")
            let source = TrainingSource(config, training, Array.ofList textures, ignore)
            let validation = SyntheticDefects.validation config source ignore heldOut

            let! backbone = Pictures.backbone config

            let! outcome =
                match backbone with
                | Some backbone when NetworkGeometry.isFittedInOnePass config.Network ->
                    fitted config channels backbone training ignore stop
                | _ -> trained config channels device backbone source validation (fingerprint config data split) options stop

            let write () = finish config detecting channels backbone validation training heldOut ignore data split outcome out
            return! ended config outcome write
        }

    let run (args: ParseResults<TrainArgs>) : Result<int, Fault> =
        result {
            let! config =
                Options.config
                    (args.GetResult TrainArgs.Config)
                    (args.GetResults TrainArgs.Set)
                    (args.TryGetResult TrainArgs.Seed)
                    (args.TryGetResult TrainArgs.Steps)

            let options =
                {
                    Config = config
                    Data = args.GetResult TrainArgs.Data
                    Out = args.GetResult TrainArgs.Out
                    Device = args.TryGetResult TrainArgs.Device
                    Resume = args.Contains TrainArgs.Resume
                    Textures = args.TryGetResult TrainArgs.Textures
                    Ignore = args.TryGetResult TrainArgs.Ignore
                }

            return! Interrupts.watch (fun stop -> execute stop options |> Result.map (fun _ -> 0))
        }
