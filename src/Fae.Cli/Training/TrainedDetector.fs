/// What follows a training: the scoring is chosen, thresholds are calibrated, the model is written.
namespace Fae.Cli

open System
open System.IO
open Fae.Core
open Fae.Data
open Fae.Detection
open Fae.Imaging
open Fae.Training
open FsToolkit.ErrorHandling

/// A model that is extended: itself, and as it was without the held-out pictures.
type ExtendedModel = { Whole: ModelCard; WithoutHeldOut: ModelCard }

/// A training at its end.
type TrainedDetector =
    {
        Config: Config
        /// Where pictures are scored; null: the CPU.
        Device: TorchSharp.torch.Device | null
        Channels: int
        Backbone: Backbone option
        Validation: ValidationSet
        Training: ImageCache
        HeldOut: ImageCache
        Ignore: Image option
        /// The folder that names of pictures are relative to.
        Data: string
        Split: TrainingSplit
        /// Of an extended model: what it was before.
        Before: ExtendedModel option
        Outcome: TrainOutcome
        /// Empty where it was not measured.
        Learning: LearningPoint list
        Out: string
    }

[<RequireQualifiedAccess>]
module TrainedDetector =
    /// What a model calls a picture of a folder.
    let nameIn (folder: string) (path: string) = Path.GetRelativePath(folder, path)

    let names folder (paths: string list) = paths |> List.map (nameIn folder) |> Array.ofList

    let private curveText (outcome: TrainOutcome) =
        outcome.Curve
        |> Seq.map (fun p ->
            let text (value: float) = value.ToString("R", Globalization.CultureInfo.InvariantCulture)
            let orNan value = text (Option.defaultValue nan (Option.ofNullable value))
            $"{p.Step},{text p.Loss},{orNan p.CleanError},{orNan p.SyntheticAuroc}")
        |> Seq.append [ "step,loss,clean_error,synthetic_auroc" ]
        |> String.concat "\n"

    /// The digests of all pictures by their names.
    let private digests (t: TrainedDetector) =
        let now =
            t.Split.Training @ t.Split.HeldOut @ t.Split.Unused
            |> Array.ofList
            |> Array.Parallel.choose (fun path ->
                ImageDecoder.digest path |> Result.toOption |> Option.map (fun digest -> nameIn t.Data path, digest))

        let before = t.Before |> Option.map (fun model -> [ for entry in model.Whole.Digests -> entry.Key, entry.Value ])
        Seq.append now (Option.defaultValue [] before)

    let private networkOf (t: TrainedDetector) weights =
        Reconstructor.Of(t.Config.Network, t.Channels, weights, t.Device, Console.warn, Option.toObj t.Backbone)

    let private network (t: TrainedDetector) = networkOf t t.Outcome.Best

    /// The best way of scoring on synthetic defects, and all that were tried.
    let private scoring (t: TrainedDetector) =
        use network = network t
        // Tiles of large pictures have no place in them that a mask could know; those that it hides were left out when they were chosen.
        let hidden = if t.Config.Image.Tile > 0 then null else Option.toObj t.Ignore
        let trials = ScoringSearch.Try(t.Config, TestTimeAugmentation.Of(network, t.Config), t.Validation, hidden)
        ScoringSearch.Choose(trials, t.Validation.Clean.Count, t.Validation.Corrupted.Count), trials

    /// The detector without the memory banks that the combined scoring has no use for, and the scoring for what is left.
    let private withoutUnused (t: TrainedDetector) (candidate: ScoringCandidate) =
        let network = t.Config.Network
        let kept = Difference.anomalyMaps candidate.Measure |> Set.toList

        if
            t.Config.Score.Measure <> Some Difference.combined
            || not (NetworkGeometry.hasBankBeside network)
            || kept.Length = NetworkGeometry.anomalyMaps network
        then
            t, candidate
        else
            Console.say "a memory bank does not help to tell synthetic defects from good pictures: it is left out of the model"

            { t with
                Config = { t.Config with Network = NetworkGeometry.withBanks kept network }
                Backbone = if kept.IsEmpty then None else t.Backbone
                Outcome = t.Outcome.WithBanks(List.toArray kept)
            },
            { candidate with Measure = Difference.onMaps kept candidate.Measure }

    /// Thresholds from the held-out pictures, each scored with memory banks of all good pictures but those of its fold: new pictures meet
    /// banks of nearly as many pictures.
    let private crossFitted (t: TrainedDetector) candidate =
        let folds = t.Outcome.WithoutFold.Count
        let numbered = t.HeldOut |> Seq.indexed |> Array.ofSeq

        let measured fold =
            let some = numbered |> Array.filter (fun (number, _) -> number % folds = fold)
            use network = networkOf t t.Outcome.WithoutFold[fold]
            let views = TestTimeAugmentation.Of(network, t.Config)

            Calibrator.Measure(candidate, views, Array.map snd some, Option.toObj t.Ignore, numbered.Length)
            |> Seq.zip (Array.map fst some)
            |> Array.ofSeq

        let all = [| 0 .. folds - 1 |] |> Array.collect measured |> Array.sortBy fst |> Array.map snd
        Calibrator.Of(candidate, t.Config.Calibration, all)

    /// Chooses how to score on synthetic defects, calibrates on held-out good pictures, writes the model.
    let write (all: TrainedDetector) : Result<unit, Fault> =
        result {
            let trial, trials = scoring all
            let t, candidate = withoutUnused all trial.Candidate
            let config, channels, outcome = t.Config, t.Channels, t.Outcome
            let ignoreOrNull = Option.toObj t.Ignore
            use best = network t
            let learning = if t.Learning.IsEmpty then "" else LearningCurve.toCsv t.Learning
            let known = digests t |> Seq.distinctBy fst |> dict |> Collections.Generic.Dictionary

            let cardWith calibration trainedOn (selfCheck: Collections.Generic.IReadOnlyList<SelfCheckPicture>) =
                ModelCard(
                    config,
                    channels,
                    calibration,
                    trainedOn,
                    names t.Data t.Split.HeldOut,
                    curveText outcome,
                    ScoringSearch.Table trials,
                    ignoreOrNull,
                    SelfCheck = selfCheck,
                    Digests = known,
                    Backbone = Option.toObj t.Backbone,
                    Learning = learning
                )

            let trainedOn before more =
                let earlier = t.Before |> Option.map (fun model -> Array.ofSeq (before model: ModelCard).TrainedOn)
                Array.append (Option.defaultValue [||] earlier) (names t.Data (t.Split.Training @ more)) |> Array.distinct

            let trained = trainedOn _.WithoutHeldOut []
            let unfitted = Calibration.unfitted (ScoringCandidate.fit (fun () -> 1.0f) candidate)
            let scorer = Detector.Of(cardWith unfitted trained [||], best)
            let! ofTraining = Models.calibrated scorer candidate config.Calibration t.Data t.HeldOut
            let calibration = if outcome.WithoutFold.Count > 0 then crossFitted t candidate else ofTraining
            let path = Path.Combine(t.Out, "model.safetensors")

            /// Writes a model with self-check pictures of its own; the detector that it is.
            let file path calibration trainedOn network weights =
                let detector = Detector.Of(cardWith calibration trainedOn [||], network)
                let card = cardWith calibration trainedOn (SelfCheck.Make(detector, List.toArray t.Split.HeldOut))
                ModelFile.Write(path, card, weights, TorchRuntime.Version)
                detector

            file (Path.Combine(t.Out, "last.safetensors")) ofTraining trained best outcome.Last |> ignore

            use all: IReconstructor | null =
                match outcome.WithHeldOut with
                | null -> null
                | weights -> networkOf t weights

            let detector =
                match all, outcome.WithHeldOut with
                | NonNull network, NonNull weights ->
                    file (ModelFile.WithoutHeldOut path) ofTraining trained best outcome.Best |> ignore
                    file path calibration (trainedOn _.Whole (t.Split.HeldOut @ t.Split.Unused)) network weights
                | _ ->
                    File.Delete(ModelFile.WithoutHeldOut path)
                    file path calibration trained best outcome.Best

            AtomicFile.WriteText(Path.Combine(t.Out, "curve.csv"), curveText outcome + "\n")

            if learning <> "" then
                AtomicFile.WriteText(Path.Combine(t.Out, "learning.csv"), learning + "\n")

            AtomicFile.WriteText(Path.Combine(t.Out, "scoring.txt"), ScoringSearch.Table trials + "\n")

            Console.say (
                $"scores by {ScoringSearch.Describe calibration.Scoring} (chosen on synthetic defects: image AUROC {trial.ImageAuroc:F3}, "
                + $"pixel AUROC {trial.PixelAuroc:F3})"
            )

            match config.Calibration.FalseAlarm with
            | Some asked when calibration.FalseAlarm > float asked + 1e-9 ->
                Console.warn (
                    $"{calibration.HeldOut.Length} held-out good pictures cannot promise a false-alarm rate of "
                    + $"{asked}; the threshold stands for {calibration.FalseAlarm:F3}"
                )
            | _ ->
                let more =
                    if calibration.FalseAlarm > Conformal.usualRate + 1e-9 then
                        "; more good pictures allow a lower rate"
                    else
                        ""

                Console.say (
                    $"threshold: at most {100.0 * calibration.FalseAlarm:F1}%% of good parts are called anomalous, as "
                    + $"{calibration.HeldOut.Length} held-out ones say{more}"
                )

            LearningCurve.describe t.Learning |> Option.iter Console.say
            let some = t.HeldOut |> Seq.truncate 5 |> List.ofSeq

            match InspectionTime.median detector some with
            | Some time when t.HeldOut.ArePieces ->
                let pixels = some |> List.averageBy (fun piece -> float piece.Area)
                Console.say $"a million prepared pixels are inspected in {1e6 * time / pixels:F0} ms here"
            | Some time -> Console.say $"a prepared picture is inspected in {time:F0} ms here"
            | None -> ()

            let pictures = Seq.append (Seq.zip t.Training.Names t.Training) (Seq.zip t.HeldOut.Names t.HeldOut)
            DataChecks.unlikeOthers (scorer.With ofTraining) pictures (t.Training.Count + t.HeldOut.Count)
            Console.say $"wrote {path}"
        }
