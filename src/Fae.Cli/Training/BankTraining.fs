/// Memory banks: fitted to all good pictures in one pass, or extended by new ones.
namespace Fae.Cli

open System
open System.IO
open Fae.Core
open Fae.Data
open Fae.Detection
open Fae.Training
open FsToolkit.ErrorHandling

/// Memory banks that are extended: of the training pictures, and of all; and how many pictures they know that do not come again.
[<NoComparison>]
type EarlierBanks = { OfTraining: NamedArray; OfAll: NamedArray; Pictures: int }

[<RequireQualifiedAccess>]
module BankTraining =
    /// How much of fitting so many banks is done: the features take half the time, and what is usual at each place looks at them again.
    let private finished (banks: int) index (progress: FitProgress) =
        let ofBank =
            match progress.Part with
            | MemoryBankFitter.Features -> 0.5 * progress.Done
            | MemoryBankFitter.Places -> 0.6 + 0.3 * progress.Done
            | _ -> 0.5 + 0.1 * progress.Done

        (float index + ofBank) / float banks

    /// A fit in one pass: banks of the training pictures, and banks of these and the held-out ones; of what earlier banks hold too, if
    /// there are any. It is short: there is nothing to resume, and a stop leaves nothing.
    let fit
        clock
        (config: Config)
        channels
        (backbone: Backbone)
        (training: ImageCache)
        (heldOut: ImageCache list)
        ignore
        (earlier: EarlierBanks option)
        stop
        =
        let seed = Random.fork 3UL (Random.ofSeed (uint64 config.Train.Seed))
        let known = earlier |> Option.map _.Pictures |> Option.defaultValue 0
        let all = known + training.Count + List.sumBy (fun (some: ImageCache) -> some.Count) heldOut
        let share = float (NetworkGeometry.bankPictures config.Network all) / float all
        let used (number: int) = int (ceil (share * float number))

        let pictures (some: ImageCache list) =
            let number = some |> List.sumBy (fun cache -> used cache.Count)
            let looked = some |> Seq.collect (fun cache -> cache.Spread(used cache.Count))
            FitPictures(Pictures.windows config looked, Pictures.windowCount config number looked)

        let hidden = if config.Image.Tile = 0 then Option.toObj ignore else null

        // Tiles have no place of their own.
        let views =
            if config.Network.BankPlaces && config.Image.Tile = 0 then
                InputGeometry.views config
            else
                []

        let ofTraining, ofHeldOut = pictures [ training ], pictures heldOut
        let entering = InputGeometry.bankViews config (used known + ofTraining.Number + ofHeldOut.Number)

        let scales = NetworkGeometry.bankScales config.Network

        let bank index (scale: float32) =
            use extractor = new FeatureExtractor(backbone, channels, scale)

            Console.fitting clock TrainingStage.MemoryBanks (finished scales.Length index) (fun show ->
                MemoryBankFitter(
                    config.Network,
                    extractor,
                    seed,
                    Progress = show,
                    From = (earlier |> Option.map _.OfTraining |> Option.toObj),
                    FromAll = (earlier |> Option.map _.OfAll |> Option.toObj),
                    Known = used known,
                    Number = index + 1,
                    EntryViews = List.toArray entering,
                    Views = (if views.IsEmpty then null else List.toArray views)
                )
                    .Fit(ofTraining, ofHeldOut, hidden, stop))

        try
            let banks = List.mapi bank scales
            let every (arrays: FittedBank -> NamedArray seq) = banks |> Seq.collect arrays |> Array.ofSeq
            Ok(FittedBank(every _.OfTraining, every _.OfAll))
        with
        | :? OperationCanceledException -> Error(Machine "stopped before the memory bank was complete; no model was written")
        | :? InvalidDataException as e -> Error(Usage [ $"--ignore: {e.Message}" ])

    /// The shorter side at which the learning curve looks at pictures, or nearly so.
    let private curveSide = 256.0f

    /// How well features of fewer good pictures tell synthetic defects; empty where it is stopped. Of large pictures a tile each.
    let learning (config: Config) channels (backbone: Backbone) (training: ImageCache) (validation: ValidationSet) ignore stop =
        let seed = Random.fork 6UL (Random.ofSeed (uint64 config.Train.Seed))
        let scale = max 0.1f (min 1.0f (curveSide / float32 config.Image.Size))
        let hidden = if config.Image.Tile = 0 then Option.toObj ignore else null
        let at number = RandomTile.at config (Random.fork (uint64 number) seed) training[number]

        try
            use extractor = new FeatureExtractor(backbone, channels, scale)
            List.ofSeq (LearningCurveFitter(extractor, seed).Fit(training.Count, at, validation, hidden, stop))
        with :? OperationCanceledException ->
            []

    /// The pictures of a folder that a model does not know, split as a training would; the held-out ones that it knows stay held out.
    let private unknownTo (card: ModelCard) data =
        result {
            let! all = Pictures.split card.Config data
            let trained, heldOut = set card.TrainedOn, set card.HeldOut
            let drawn = set all.HeldOut
            let name = TrainedDetector.nameIn data
            let isNew path = not (trained.Contains(name path) || heldOut.Contains(name path))

            let split =
                { all with
                    Training = List.filter isNew all.Training
                    HeldOut =
                        all.Training @ all.HeldOut
                        |> List.filter (fun path -> heldOut.Contains(name path) || (isNew path && drawn.Contains path))
                        |> List.sort
                    Unused = List.filter isNew all.Unused
                }

            return!
                if split.Training.IsEmpty then
                    Error(Usage [ $"--extend: {data} holds no good picture that the model does not know" ])
                elif split.HeldOut.Length < 2 then
                    Error(
                        Usage
                            [
                                $"--extend: {data} must hold the pictures that were held out when the model was trained, "
                                + "or at least two new ones to hold out"
                            ]
                    )
                else
                    Ok split
        }

    /// A model file's memory bank.
    let private bankOf run (card: ModelCard) (weights: NamedArray seq) =
        match Option.ofObj card.Backbone, weights |> Seq.tryFind (fun array -> array.Name = MemoryBankFitter.Bank) with
        | Some backbone, Some bank when NetworkGeometry.isFittedInOnePass card.Config.Network -> Ok(backbone, bank)
        | _ -> Error(Usage [ $"--extend {run}: only a memory bank (network.kind = \"memory_bank\") can be extended; train anew" ])

    /// A model's memory bank with the new pictures of a folder, as a model of its own: its scoring and thresholds are made anew.
    let extend stop (run: string) data out =
        result {
            let path = ModelFile.PathOf run
            let! struct (whole, ofAll) = Models.modelFile path
            let! backbone, bankOfAll = bankOf run whole ofAll
            let! struct (card, ofTraining) = Models.fileWithoutHeldOut path whole
            let! _, bank = bankOf run card ofTraining
            let config = whole.Config
            let! split = unknownTo whole data
            let known = Seq.append whole.TrainedOn whole.HeldOut |> Seq.distinct |> List.ofSeq
            let again = split.HeldOut |> List.map (TrainedDetector.nameIn data)

            let earlier = { OfTraining = bank; OfAll = bankOfAll; Pictures = List.except again known |> List.length }

            Console.say (
                $"{split.Training.Length} new good pictures, {split.HeldOut.Length} held out, {Pictures.scale config}; "
                + $"the model knows {known.Length} by their names"
            )

            DataChecks.ofTraining config data split
            let ignore = Option.ofObj whole.Ignore
            let! training, heldOut = Pictures.caches None config whole.Channels ignore split
            let! unused = Pictures.unused config whole.Channels ignore split
            let _ = Directory.CreateDirectory out
            AtomicFile.WriteText(Path.Combine(out, "config.toml"), Config.toCommentedToml config + "\n")
            let! fitted = fit None config whole.Channels backbone training (heldOut :: unused) ignore (Some earlier) stop
            let source = TrainingSource(config, training, [||], ignore)
            let validation = SyntheticDefects.validation config source ignore heldOut

            do!
                TrainedDetector.write
                    {
                        Config = config
                        Device = null
                        Channels = whole.Channels
                        Backbone = Some backbone
                        Validation = validation
                        Training = training
                        HeldOut = heldOut
                        Ignore = ignore
                        Data = data
                        Split = split
                        Before = Some { Whole = whole; WithoutHeldOut = card }
                        Compared = false
                        Outcome = TrainOutcome.OfBank fitted
                        Clock = None
                        Learning = learning config whole.Channels backbone training validation ignore stop
                        Out = out
                    }

            return 0
        }
