/// What follows a training: the scoring is chosen, thresholds are calibrated, the model is written.
namespace Fae.Cli

open System
open System.IO
open Fae.Core
open Fae.Data
open Fae.Detection
open Fae.Training

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
        /// Names of pictures that an extended model knew before.
        TrainedBefore: string[]
        Outcome: TrainOutcome
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

    /// Chooses how to score on synthetic defects, calibrates on held-out good pictures, writes the model.
    let write (t: TrainedDetector) =
        let config, channels, validation, outcome = t.Config, t.Channels, t.Validation, t.Outcome
        let ignoreOrNull = Option.toObj t.Ignore
        use best = Reconstructor.Of(config.Network, channels, outcome.Best, t.Device, Console.warn, Option.toObj t.Backbone)
        let augmented = TestTimeAugmentation.Of(best, config)
        // Tiles of large pictures have no place in them that a mask could know; those that it hides were left out when they were chosen.
        let hidden = if config.Image.Tile > 0 then null else ignoreOrNull

        let trials = ScoringSearch.Try(config, augmented, validation, hidden)
        let trial = ScoringSearch.Choose(trials, validation.Clean.Count, validation.Corrupted.Count)
        let chosen = trial.Scoring
        let calibration = Calibrator.Fit(trial.Candidate, config.Calibration, augmented, t.HeldOut, ignoreOrNull)

        let cardWith (selfCheck: Collections.Generic.IReadOnlyList<SelfCheckPicture>) =
            ModelCard(
                config,
                channels,
                calibration,
                Array.append t.TrainedBefore (names t.Data t.Split.Training),
                names t.Data t.Split.HeldOut,
                curveText outcome,
                ScoringSearch.Table trials,
                ignoreOrNull,
                SelfCheck = selfCheck,
                Backbone = Option.toObj t.Backbone
            )

        let detector = Detector.Of(cardWith [||], best)
        let card = cardWith (SelfCheck.Make(detector, List.toArray t.Split.HeldOut))

        ModelFile.Write(Path.Combine(t.Out, "model.safetensors"), card, outcome.Best, TorchRuntime.Version)
        ModelFile.Write(Path.Combine(t.Out, "last.safetensors"), card, outcome.Last, TorchRuntime.Version)
        AtomicFile.WriteText(Path.Combine(t.Out, "curve.csv"), curveText outcome + "\n")
        AtomicFile.WriteText(Path.Combine(t.Out, "scoring.txt"), ScoringSearch.Table trials + "\n")

        Console.say (
            $"scores by {ScoringSearch.Describe chosen} (chosen on synthetic defects: image AUROC {trial.ImageAuroc:F3}, "
            + $"pixel AUROC {trial.PixelAuroc:F3})"
        )

        if calibration.FalseAlarm > float config.Calibration.FalseAlarm + 1e-9 then
            Console.warn (
                $"{t.HeldOut.Count} held-out good pictures cannot promise a false-alarm rate of "
                + $"{config.Calibration.FalseAlarm}; the threshold stands for {calibration.FalseAlarm:F3}"
            )

        let pictures = Seq.append (Seq.zip t.Split.Training t.Training) (Seq.zip t.Split.HeldOut t.HeldOut)
        DataChecks.unlikeOthers detector pictures (t.Training.Count + t.HeldOut.Count)
        Console.say $"""wrote {Path.Combine(t.Out, "model.safetensors")}"""
