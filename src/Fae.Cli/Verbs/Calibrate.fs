/// fae calibrate: new thresholds from what people marked in a server's history.
namespace Fae.Cli

open System
open System.IO
open Argu
open Fae.Core
open Fae.Data
open Fae.Detection
open Fae.Server
open FsToolkit.ErrorHandling

[<RequireQualifiedAccess>]
module Calibrate =
    /// The scores of parts marked good and of parts marked anomalous, for the same model.
    let private marks history (card: ModelCard) =
        History.Marks(history, card.Fingerprint)
        |> Result.mapError (fun reason -> Usage [ $"--from {reason}" ])
        |> Result.bind (function
            | [] ->
                Error(
                    Usage
                        [
                            ($"--from {history}: holds no mark of this model (by its weights and its way of scoring): "
                             + "there is nothing to learn")
                        ]
                )
            | marks ->
                let scores wanted =
                    [|
                        for struct (score, anomalous) in marks do
                            if anomalous = wanted then score
                    |]

                Ok(scores false, scores true))

    /// The calibration with the marked good parts among the held-out ones.
    let private learned rate (good: float32[]) (calibration: Calibration) =
        let wider = { calibration with HeldOut = Array.append calibration.HeldOut good }

        Models.promised "mark more, or ask for more" rate wider

    let private tell (before: Calibration) (after: Calibration) (good: float32[]) (bad: float32[]) =
        let above (calibration: Calibration) scores =
            scores |> Array.filter (fun score -> score > calibration.ImageThreshold) |> Array.length

        Console.say (
            $"threshold {after.ImageThreshold:G5} (before {before.ImageThreshold:G5}), false-alarm rate "
            + $"{after.FalseAlarm:G3} (before {before.FalseAlarm:G3}), from {after.HeldOut.Length} good pictures "
            + $"({good.Length} of them marked)"
        )

        if good.Length > 0 then
            Console.say $"of {good.Length} marked good, {above after good} are called anomalous now (before {above before good})"

        if bad.Length > 0 then
            let caught = above after bad
            Console.say $"of {bad.Length} marked anomalous, {caught} are called so now (before {above before bad})"

            if caught < bad.Length then
                // The lowest of them is caught at the rate at which good parts score as high.
                let rate = Conformal.pValue after.HeldOut (Array.min bad)
                Console.say $"to call all of them anomalous, ask for --false-alarm {Math.Ceiling(1000.0 * rate) / 1000.0} or more"

    let run (args: ParseResults<CalibrateArgs>) : Result<int, Fault> =
        result {
            let path = ModelFile.PathOf(args.GetResult CalibrateArgs.Model)
            let! struct (card, weights) = Models.modelFile path
            let before = card.Calibration
            let! good, bad = marks (args.GetResult CalibrateArgs.From) card

            let! after = learned (args.GetResult(CalibrateArgs.False_Alarm, defaultValue = before.FalseAlarm)) good before

            tell before after good bad

            let target =
                match args.TryGetResult CalibrateArgs.Out with
                | Some out -> out
                | None ->
                    AtomicFile.Copy(path, Path.Combine(string (Path.GetDirectoryName(Path.GetFullPath path)), "previous.safetensors"))
                    path

            ModelFile.Write(target, card.With after, weights, card.Torch)
            Console.say $"wrote {target}"
            return 0
        }
