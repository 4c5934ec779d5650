/// fae eval: a detector against labelled pictures.
namespace Fae.Cli

open System.Diagnostics
open System.IO
open System.Text.Json
open Argu
open Fae.Core
open Fae.Data
open Fae.Detection
open Fae.Imaging
open Fae.Report
open FsToolkit.ErrorHandling

[<RequireQualifiedAccess>]
module Eval =
    /// The measure that is asked for. A combination can be kept, but not made: that takes synthetic defects.
    let private measureOf (score: ScoreSettings) chosen =
        match score.Measure, chosen with
        | None, _ -> Ok chosen
        | Some asked, Geometric _ when asked = Difference.combined -> Ok chosen
        | Some asked, _ when asked = Difference.combined ->
            Error(
                Usage
                    [
                        ("--set score.measure=combined: a combination is fitted to synthetic defects when a model is trained; train with "
                         + "it, and with --resume if the steps are done")
                    ]
            )
        | Some asked, _ -> Ok asked

    /// The detector with another way of scoring. Its thresholds are fitted on the held-out good pictures, which must be in the data set.
    let private rescored (data: string) (pairs: (string * Setting) list) (detector: Detector) =
        if List.isEmpty pairs then
            Ok detector
        else
            result {
                let card = detector.Card
                let! config = Options.apply pairs card.Config

                do!
                    if { config with Score = card.Config.Score; Calibration = card.Config.Calibration } = card.Config then
                        Ok()
                    else
                        Error(
                            Usage
                                [
                                    ("--set: eval can change the keys of [score] and [calibration] only; the others are "
                                     + "part of the trained model")
                                ]
                        )

                let! heldOut = Models.heldOut data detector

                let chosen = ScoringCandidate.ofScoring detector.Calibration.Scoring
                let score = config.Score
                let viewing = detector.WithViews config

                let! measure = measureOf score chosen.Measure

                let candidate =
                    { chosen with
                        Measure = measure
                        FilterSize = defaultArg score.FilterSize chosen.FilterSize
                        FilterPasses = defaultArg score.FilterPasses chosen.FilterPasses
                        Border = defaultArg score.Border chosen.Border
                        NormaliseByMedian = defaultArg score.NormaliseByMedian chosen.NormaliseByMedian
                        Reduction =
                            score.Reduction |> Option.map (Reduction.ofKind score.TopFraction) |> Option.defaultValue chosen.Reduction
                    }

                let! calibration = Models.calibrated viewing candidate config.Calibration data heldOut
                return viewing.With calibration
            }

    /// Every way of scoring on the labels beside the same on synthetic defects, of pictures that can be held.
    let compare (data: string) (detector: Detector) (judged: EvaluatedImage list) =
        let bad, good = judged |> List.partition _.Picture.Anomalous
        // The whole answers: findings hold the reconstructions alone, without a map of the network's own.
        let pairs some = [| for j in some -> detector.Answer(TestPictures.again detector j) |]
        ScoringReport.compare data detector (pairs good) (pairs bad) [| for j in bad -> Option.toObj (TestPictures.maskAgain detector j) |]

    /// Defects cover less than half of most defective pictures.
    let private masksNotInverted (judged: EvaluatedImage list) =
        let shares = judged |> List.choose (fun one -> if one.Picture.Anomalous then one.MaskShare else None) |> List.sort

        if not shares.IsEmpty && shares[shares.Length / 2] > 0.5 then
            let names = judged |> List.choose _.Picture.Mask |> List.map _.Path |> List.truncate 3 |> String.concat ", "
            Error(Data [ InvertedMasks(shares[shares.Length / 2], names) ])
        else
            Ok()

    /// Whether the good pictures to train on and to test are in one folder, so that held-out ones test.
    let private isOneFolder data = Option.isNone (MaskFiles.testRoot data)

    /// The pictures without those that were trained on, where good pictures to train on and to test are in one folder; elsewhere what was
    /// trained on is said.
    let private untrained (card: ModelCard) data (pictures: TestPicture list) =
        let trainedOn = set card.TrainedOn

        let trained =
            card.Digests
            |> Seq.filter (fun entry -> trainedOn.Contains entry.Key)
            |> Seq.map (fun entry -> entry.Value, entry.Key)
            |> Map.ofSeq

        let nameOf (picture: TestPicture) =
            ImageDecoder.digest picture.Path |> Result.toOption |> Option.bind (fun digest -> Map.tryFind digest trained)

        let names = pictures |> Array.ofList |> Array.Parallel.map nameOf |> List.ofArray

        match List.zip pictures names |> List.partition (snd >> Option.isSome) with
        | [], _ -> pictures
        | known, fresh when isOneFolder data && fresh |> List.exists (fun (one, _) -> not one.Anomalous) ->
            Console.say $"{known.Length} good pictures were trained on and are left out; the others were held out or are new"
            List.map fst fresh
        | known, _ ->
            DataChecks.trainedOn [ for one, name in known -> one.Path, Option.get name ]
            pictures

    /// The metrics of a detector on the test pictures of a data set, and the evaluated pictures; warns of missing and empty masks.
    let measure (detector: Detector) (data: string) =
        result {
            let! pictures = DataSet.testPictures data |> Result.mapError Data
            DataChecks.folders true data
            DataChecks.unread [ for picture in pictures -> picture.Path ]

            do!
                match DataSet.checkMasks pictures with
                | [] -> Ok()
                | problems -> Error(Data problems)

            let clock = Stopwatch.StartNew()
            let! judged, pixels = TestPictures.judge detector (untrained detector.Card data pictures)
            let unmasked = judged |> List.filter (fun j -> j.MaskShare.IsNone) |> List.length

            let empty = judged |> List.filter (fun j -> j.Picture.Anomalous && j.MaskShare = Some 0.0) |> List.length

            if unmasked > 0 then
                Console.warn $"{unmasked} defective picture(s) have no mask; they count for the image metrics only"

            if empty > 0 then
                Console.warn $"{empty} defective picture(s) have an empty mask; their pixels count as good"

            do! masksNotInverted judged

            return Evaluation.run detector.Calibration pixels clock.Elapsed.TotalSeconds judged, judged
        }

    let private percent (value: float option) =
        match value with
        | Some v -> $"{100.0 * v:F2}"
        | None -> "not defined here"

    /// Warns of wrong colours.
    let private warnings (card: ModelCard) data =
        match DataSet.testPictures data with
        | Ok pictures -> DataChecks.colours card [ for picture in pictures -> picture.Path ]
        | Error _ -> ()

    let run (args: ParseResults<EvalArgs>) : Result<int, Fault> =
        result {
            let! pairs = Options.overrides (args.GetResults EvalArgs.Set)
            let data = args.GetResult EvalArgs.Data
            let device, model = args.TryGetResult EvalArgs.Device, args.GetResult EvalArgs.Model
            use! loaded = Models.detector device model
            warnings loaded.Card data
            let onHeldOut = loaded.Card.KnowsHeldOut && (not pairs.IsEmpty || isOneFolder data)

            use! evaluated =
                if onHeldOut then
                    Console.say (
                        "the held-out good pictures are in the model's memory banks by now: evaluated is the model without them, "
                        + "held-out.safetensors"
                    )

                    Models.withoutHeldOut device model loaded
                else
                    Ok(loaded.With loaded.Calibration)

            let! rescored = rescored data pairs evaluated
            let! detector = Models.atRate (args.TryGetResult EvalArgs.False_Alarm) rescored
            let! evaluation, judged = measure detector data

            let json =
                JsonSerializer.Serialize({ Evaluation.toJson evaluation with Pictures = Evaluation.pictures judged }, FaeJson.Indented)

            match args.TryGetResult EvalArgs.Out with
            | Some out ->
                AtomicFile.WriteText(Path.Combine(out, "eval.json"), json + "\n")
                let title = "Fae: " + Files.name (Path.TrimEndingDirectorySeparator data)

                AtomicFile.WriteText(
                    Path.Combine(out, "report.html"),
                    Html.report title detector.Card detector.Calibration evaluation (TestPictures.view detector) judged
                )

                Console.say $"""wrote {Path.Combine(out, "report.html")}"""
            | None -> ()

            do!
                match args.TryGetResult EvalArgs.Compare with
                | None -> Ok()
                | Some _ when List.distinctBy _.Picture.Anomalous judged |> List.length < 2 ->
                    Console.warn "--compare needs good and bad pictures; nothing was compared"
                    Ok()
                | Some _ when judged |> List.exists (fun one -> LargePictures.Suits(detector, one.Picture.Path)) ->
                    Console.warn "--compare needs pictures that can be held; nothing was compared"
                    Ok()
                | Some file ->
                    result {
                        use! comparing = Models.withoutHeldOut device model detector
                        let! compared = compare data comparing judged
                        ScoringReport.write detector compared file
                    }

            args.TryGetResult EvalArgs.Json |> Option.iter (fun target -> Console.writeJson target json)

            if args.TryGetResult EvalArgs.Json <> Some "-" then
                let image, pixel = evaluation.Image, evaluation.Pixel

                Console.table
                    [ "metric"; "%" ]
                    ([
                        [ "image AUROC"; percent (image |> Option.map _.Auroc) ]
                        [ "pixel AUROC"; percent (pixel |> Option.map _.Auroc) ]
                        [ "AUPRO"; percent evaluation.Aupro ]
                        [ "image AP"; percent (image |> Option.map _.AveragePrecision) ]
                        [ "pixel AP"; percent (pixel |> Option.map _.AveragePrecision) ]
                     ]
                     @ [ for defect, count, auroc in evaluation.PerDefect -> [ $"image AUROC, {defect} ({count})"; percent auroc ] ])

                let calibration = detector.Calibration

                Console.table
                    [ $"at threshold {calibration.ImageThreshold:G4}, false-alarm rate {calibration.FalseAlarm:G3}"; "pictures" ]
                    [
                        [ "defects found"; $"{evaluation.Found} of {evaluation.Bad}" ]
                        [ "false alarms"; $"{evaluation.FalseAlarms} of {evaluation.Good}" ]
                    ]

            return 0
        }
