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
        /// Whether the good pictures were compared with each other before the training.
        Compared: bool
        Outcome: TrainOutcome
        /// Empty where it was not measured.
        Learning: LearningPoint list
        /// Of an extended model: none.
        Clock: TrainingClock option
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

    /// What is known of a model of this training but for its thresholds, what it was trained on and its self-check pictures.
    let private card (t: TrainedDetector) choice =
        let known = digests t |> Seq.distinctBy fst |> dict |> Collections.Generic.Dictionary
        let learning = if t.Learning.IsEmpty then "" else LearningCurve.toCsv t.Learning

        fun calibration trainedOn (selfCheck: SelfCheckPicture list) ->
            ModelCard(
                t.Config,
                t.Channels,
                calibration,
                trainedOn,
                names t.Data t.Split.HeldOut,
                curveText t.Outcome,
                choice,
                Option.toObj t.Ignore,
                SelfCheck = List.toArray selfCheck,
                Digests = known,
                Backbone = Option.toObj t.Backbone,
                Learning = learning
            )

    /// Writes a model with self-check pictures of its own; the detector that it is.
    let private writeModel (t: TrainedDetector) cardOf path calibration (trainedOn: string[]) network weights =
        let detector = Detector.Of(cardOf calibration trainedOn [], network)
        let selfCheck = SelfCheck.Make(detector, List.toArray t.Split.HeldOut)
        ModelFile.Write(path, cardOf calibration trainedOn (List.ofSeq selfCheck), weights, TorchRuntime.Version)
        detector

    /// What is said of the thresholds.
    let private sayThreshold (config: Config) (calibration: Calibration) =
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

    /// What an inspection takes.
    let private sayTime (t: TrainedDetector) detector =
        let some = t.HeldOut |> Seq.truncate 5 |> List.ofSeq

        match InspectionTime.median detector some with
        | Some time when t.HeldOut.ArePieces ->
            let pixels = some |> List.averageBy (fun piece -> float piece.Area)
            Console.say $"a million prepared pixels are inspected in {1e6 * time / pixels:F0} ms here"
        | Some time -> Console.say $"a prepared picture is inspected in {time:F0} ms here"
        | None -> ()

    /// The tables beside the model.
    let private writeTables (t: TrainedDetector) trials =
        AtomicFile.WriteText(Path.Combine(t.Out, "curve.csv"), curveText t.Outcome + "\n")

        if not t.Learning.IsEmpty then
            AtomicFile.WriteText(Path.Combine(t.Out, "learning.csv"), LearningCurve.toCsv t.Learning + "\n")

        AtomicFile.WriteText(Path.Combine(t.Out, "scoring.txt"), ScoringSearch.Table trials + "\n")

    /// The share of the time after the steps when the scoring is chosen.
    let private chosen = 0.6

    /// Chooses how to score on synthetic defects, calibrates on held-out good pictures, writes the model.
    let write (all: TrainedDetector) : Result<unit, Fault> =
        result {
            Console.part all.Clock TrainingStage.Scoring 0.0 "scoring"
            let trial, trials = scoring all
            let t, candidate = withoutUnused all trial.Candidate
            let config, outcome = t.Config, t.Outcome
            let cardOf = card t (ScoringSearch.Table trials)

            let trainedOn before more =
                let earlier = t.Before |> Option.map (fun model -> Array.ofSeq (before model: ModelCard).TrainedOn)
                Array.append (Option.defaultValue [||] earlier) (names t.Data (t.Split.Training @ more)) |> Array.distinct

            use best = network t
            let trained = trainedOn _.WithoutHeldOut []
            let unfitted = Calibration.unfitted (ScoringCandidate.fit (fun () -> 1.0f) candidate)
            let scorer = Detector.Of(cardOf unfitted trained [], best)
            Console.part all.Clock TrainingStage.Scoring chosen "thresholds"
            let! calibration = Models.calibrated scorer candidate config.Calibration t.Data t.HeldOut
            let file name = writeModel t cardOf (Path.Combine(t.Out, name)) calibration
            file "last.safetensors" trained best outcome.Last |> ignore

            // The thresholds stay when the held-out pictures join the memory banks: new parts are hardly farther from larger ones.
            use withHeldOut: IReconstructor | null =
                match outcome.WithHeldOut with
                | null -> null
                | weights -> networkOf t weights

            let detector =
                match withHeldOut, outcome.WithHeldOut with
                | NonNull network, NonNull weights ->
                    file ModelFile.WithoutHeldOut trained best outcome.Best |> ignore
                    file ModelFile.Main (trainedOn _.Whole (t.Split.HeldOut @ t.Split.Unused)) network weights
                | _ ->
                    File.Delete(Path.Combine(t.Out, ModelFile.WithoutHeldOut))
                    file ModelFile.Main trained best outcome.Best

            writeTables t trials

            Console.say (
                $"scores by {ScoringSearch.Describe calibration.Scoring} (chosen on synthetic defects: image AUROC {trial.ImageAuroc:F3}, "
                + $"pixel AUROC {trial.PixelAuroc:F3})"
            )

            sayThreshold config calibration
            LearningCurve.describe t.Learning |> Option.iter Console.say
            sayTime t detector

            if not t.Compared then
                DataChecks.unlikeOthers (scorer.With calibration) [ t.Training; t.HeldOut ]

            Console.say $"wrote {Path.Combine(t.Out, ModelFile.Main)}"
        }
