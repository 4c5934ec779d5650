/// A training from the good pictures to the model file, in a folder of its own.
namespace Fae.Cli

open System.IO
open System.Threading
open Fae.Core
open Fae.Data
open Fae.Detection
open Fae.Imaging
open Fae.Report
open Fae.Training
open TorchSharp
open FsToolkit.ErrorHandling

/// What a training needs.
type TrainOptions =
    {
        Config: Config
        /// What the steps of the configuration were counted from; they become fewer where the pictures' number and size leave no time.
        Budget: TimeBudget option
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
module TrainingRun =
    /// The settings that the steps do not depend on are set to their defaults: how to score is chosen after the steps, and memory banks
    /// beside a U-Net are fitted anew. A run may be resumed with others.
    let private ofSteps (config: Config) =
        let defaults = Config.defaults
        let config = { config with Score = defaults.Score; Calibration = defaults.Calibration }

        if NetworkGeometry.hasBankBeside config.Network then
            let network = defaults.Network

            { config with
                Features = defaults.Features
                Network =
                    { NetworkGeometry.withoutBank config.Network with
                        BankSize = network.BankSize
                        BankCap = network.BankCap
                        BankPictures = network.BankPictures
                        BankScales = network.BankScales
                        BankViews = network.BankViews
                        BankPlaces = network.BankPlaces
                    }
            }
        else
            config

    /// Which run a checkpoint belongs to: everything that the steps depend on.
    let private fingerprint (config: Config) data (split: TrainingSplit) =
        Digest.ofText (
            Config.toToml (ofSteps config)
            + String.concat "\n" (Array.append (TrainedDetector.names data split.Training) (TrainedDetector.names data split.HeldOut))
        )

    /// The settled configuration of a run's folder.
    let configPath out = Path.Combine(out, "config.toml")

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

    /// Of a whole picture as it is prepared.
    let private megapixels config =
        let struct (height, width) = InputGeometry.wholeShape config
        float (height * width) / 1e6

    let private goodPictures (split: TrainingSplit) = split.Training.Length + split.HeldOut.Length + split.Unused.Length

    /// What a training of whole pictures looks at.
    let private workOf config budget (split: TrainingSplit) inBanks =
        {
            Megapixels = megapixels config
            Training = split.Training.Length
            Compared = min (TrainingPlan.compared budget) (goodPictures split)
            InBanks = inBanks
            HeldOut = split.HeldOut.Length
        }

    /// The clock of a training of whole pictures. Of tiles it is not known how many pieces there will be.
    let private clockOf (config: Config) budget split =
        if config.Image.Tile > 0 then
            None
        else
            let banks =
                if NetworkGeometry.hasBank config.Network then
                    NetworkGeometry.bankPictures config.Network (goodPictures split)
                else
                    0

            let steps = if NetworkGeometry.isFittedInOnePass config.Network then 0 else config.Train.Steps

            Some(
                TrainingClock(
                    TrainingPlan.stages (workOf config budget split banks) steps System.Environment.ProcessorCount config.Train.Precision
                )
            )

    /// Beyond this share of a budget it is said.
    let private tolerated = 1.2

    /// A configuration with as many steps as the budget leaves time for beside memory banks, validations and the choice of the scoring.
    let private withinBudget (budget: TimeBudget option) (split: TrainingSplit) (config: Config) =
        match budget with
        // Of tiles the pieces are counted that are looked at, not the pictures.
        | Some budget when config.Image.Tile = 0 ->
            let precision = config.Train.Precision
            let good = goodPictures split
            let affordable = TrainingPlan.bankPictures budget (megapixels config)
            let most = Option.orElse (Some affordable) config.Network.BankPictures
            let inBanks = NetworkGeometry.bankPictures { config.Network with BankPictures = most } good
            let work = workOf config (Some budget) split inBanks
            let steps = TrainingPlan.stepsBeside (TrainingPlan.overhead work) budget precision
            let expected = TrainingPlan.stages work steps budget.Processors precision |> List.sumBy snd

            if expected > tolerated * budget.Minutes then
                Console.say (
                    "memory banks, validations and the choice of the scoring take their time with so many pictures of this size: "
                    + $"about {expected:F0} minutes in all"
                )

            let config = { config with Config.Train.Steps = steps; Config.Train.ValidateEvery = TrainingPlan.validateEvery steps }

            if inBanks < good then
                Console.say
                    $"{inBanks} of the {good} good pictures enter the memory banks, evenly chosen: the budget leaves time for so many"

                { config with Config.Network.BankPictures = Some inBanks }
            else
                config
        | _ -> config

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
            DataChecks.unread (split.Training @ split.HeldOut)
            let config = Pictures.withValues config (split.Training @ split.HeldOut)
            let channels = Pictures.channels config (split.Training @ split.HeldOut)
            let! config = Pictures.surveyed options.WorkingSize config channels split.Training

            Console.say (
                $"{split.Training.Length} good pictures to train on, {split.HeldOut.Length} held out, {channels} "
                + $"channel(s), {Pictures.scale config}"
            )

            DataChecks.groups split
            DataChecks.ofTraining config data split

            let config = withinBudget options.Budget split config
            let clock = clockOf config options.Budget split
            let! ignore = ignoreMask config split.Training options.Ignore
            let! training, heldOut = Pictures.caches clock config channels ignore split
            do! DataChecks.useless config data training
            let config = Pictures.settled config training
            let! textures = Pictures.textures config channels options.Textures

            let _ = Directory.CreateDirectory out
            AtomicFile.WriteText(configPath out, Config.toCommentedToml config + "\n")

            let! unused =
                if NetworkGeometry.hasBank config.Network then
                    Pictures.unused config channels ignore split
                else
                    Ok []

            let compared =
                (if options.Resume then OutlierReport.tryRead out else None)
                |> Option.orElseWith (fun () ->
                    OutlierCheck.run clock options.Budget config channels (training :: heldOut :: unused) ignore data out stop)

            let split, training, further = OutlierCheck.dropped config compared data split training (heldOut :: unused)

            let source = TrainingSource(config, training, Array.ofList textures, ignore)
            let validation = SyntheticDefects.validation config source ignore heldOut

            let! backbone = Pictures.backbone config
            let backbone = backbone |> Option.map (Pictures.inPrecision config channels training)

            let trained network backbone =
                let config, mark = { config with Network = network }, fingerprint config data split
                GradientTraining.run clock config channels device backbone source validation mark out options.Resume stop

            let fitted backbone = BankTraining.fit clock config channels backbone training further ignore None stop

            let! outcome =
                match backbone with
                | Some backbone when NetworkGeometry.isFittedInOnePass config.Network -> fitted backbone |> Result.map TrainOutcome.OfBank
                | Some backbone when NetworkGeometry.hasBankBeside config.Network ->
                    result {
                        let! bank = fitted backbone
                        let! network = trained (NetworkGeometry.withoutBank config.Network) None
                        return network.WithBank bank
                    }
                | _ -> trained config.Network backbone

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
                        Before = None
                        Compared = compared.IsSome
                        Outcome = outcome
                        Learning = learning
                        Clock = clock
                        Out = out
                    }

            return! ended config outcome write
        }
