/// fae eval: a detector against labelled pictures.
namespace Fae.Cli

open System.Diagnostics
open System.IO
open System.Text.Json
open Argu
open Fae.Core
open Fae.Data
open Fae.Engine
open Fae.Report

[<RequireQualifiedAccess>]
module Eval =
    /// Pictures inspected at once: enough to keep both cores busy, few enough to keep memory flat.
    let private atOnce = 16

    let private judge (detector: Detector) (pictures: TestPicture list) =
        let card = detector.Card
        let prepare = ImageFile.prepare card.Config card.Channels >> Result.map _.Image

        let maskOf (picture: TestPicture) =
            match picture.Mask with
            | Some path -> ImageFile.readMask card.Config.Image.Size path |> Result.map Some
            | None when picture.Anomalous -> Ok None
            | None -> Ok(Some(Image.constant 1 card.Config.Image.Size card.Config.Image.Size 0.0f))

        let chunk (pictures: TestPicture list) =
            result {
                let! images = DataSet.readAll prepare (pictures |> List.map _.Path)
                let byPath = pictures |> List.map (fun picture -> picture.Path, picture) |> dict
                let! masks = DataSet.readAll (fun path -> maskOf byPath[path]) (pictures |> List.map _.Path)
                let findings = detector.Inspect(Array.ofList images) |> List.ofSeq

                return
                    List.zip3 pictures images (List.zip findings masks)
                    |> List.map (fun (picture, image, (finding, mask)) ->
                        {
                            Picture = picture
                            Input = image
                            Finding = finding
                            Mask = mask
                        })
            }

        let rec all done' =
            function
            | [] -> Ok(List.concat (List.rev done'))
            | next :: rest -> chunk next |> Result.bind (fun judged -> all (judged :: done') rest)

        all [] (List.chunkBySize atOnce pictures) |> Result.mapError Data

    /// The detector scoring in another way; its thresholds fitted anew on the held-out good pictures, which must be at hand.
    let private rescored (data: string) (pairs: (string * Setting) list) (detector: Detector) =
        if List.isEmpty pairs then
            Ok detector
        else
            result {
                let card = detector.Card
                let! config = Settings.apply pairs card.Config

                do!
                    if
                        { config with
                            Score = card.Config.Score
                            Calibration = card.Config.Calibration
                        }
                            =
                            card.Config
                    then
                        Ok()
                    else
                        Error(
                            Usage
                                [
                                    "--set: eval can change the keys of [score] and [calibration] only; the others are part of the trained model"
                                ]
                        )

                let! heldOut = Settings.heldOut data detector

                let chosen = detector.Calibration.Scoring
                let score = config.Score

                let scoring =
                    { chosen with
                        Measure = defaultArg score.Measure chosen.Measure
                        FilterSize = defaultArg score.FilterSize chosen.FilterSize
                        FilterPasses = defaultArg score.FilterPasses chosen.FilterPasses
                        Frame = defaultArg score.Frame chosen.Frame
                        Typical =
                            match score.ByMedian with
                            | Some false -> 0.0f
                            | Some true -> 1.0f
                            | None -> chosen.Typical
                        Reduction =
                            match score.Reduction with
                            | Some "sum" -> Sum
                            | Some "max" -> Maximum
                            | Some _ -> Top score.Top
                            | None -> chosen.Reduction
                    }

                let seeing = detector.Seeing(Config.views config)
                return seeing.With(seeing.Fit(scoring, config.Calibration, Array.ofList heldOut))
            }

    /// Every way of scoring on the labels: what they would have chosen, beside what synthetic defects did choose.
    let private compare (detector: Detector) (judged: Judged list) (file: string) =
        let bad, good = judged |> List.partition _.Picture.Anomalous
        let repaired some = [| for j in some -> Repaired(j.Input, j.Finding.Reconstruction) |]
        let masks = [| for j in bad -> Option.toObj j.Mask |]

        if List.isEmpty bad || List.isEmpty good then
            Console.warn "--compare needs good and bad pictures; nothing was compared"
        else
            let card = detector.Card
            let candidates = Calibrator.Candidates(Config.defaults.Score, card.Config.Image.Size)
            let trials = Calibrator.Compare(candidates, repaired good, repaired bad, masks, card.Ignore)

            AtomicFile.WriteText(
                file,
                $"the model scores by {Calibrator.Describe detector.Calibration.Scoring}\n\nby the labels:\n{Calibrator.Table trials}\n\nby synthetic defects, when it was trained:\n{card.Choice}\n"
            )

    let private percent (value: float option) =
        match value with
        | Some v -> $"{100.0 * v:F2}"
        | None -> "not defined here"

    let run (args: ParseResults<EvalArgs>) : Result<int, Fault> =
        result {
            let! pairs = Settings.overrides (args.GetResults EvalArgs.Set)
            let data = args.GetResult EvalArgs.Data
            use! loaded = Settings.detector (args.TryGetResult EvalArgs.Device) (args.GetResult EvalArgs.Model)
            let! rescored = rescored data pairs loaded
            let! detector = Settings.atRate (args.TryGetResult EvalArgs.False_Alarm) rescored
            let! pictures = DataSet.testPictures data |> Result.mapError Data

            do!
                match DataSet.checkMasks pictures with
                | [] -> Ok()
                | problems -> Error(Data problems)

            let clock = Stopwatch.StartNew()
            let! judged = judge detector pictures
            let unmasked = judged |> List.filter (fun j -> j.Mask.IsNone) |> List.length

            let empty =
                judged
                |> List.filter (fun j ->
                    j.Picture.Anomalous
                    && j.Mask |> Option.exists (fun m -> Array.forall ((=) 0.0f) m.Pixels))
                |> List.length

            if unmasked > 0 then
                Console.warn $"{unmasked} defective picture(s) have no mask; they count for the image metrics only"

            if empty > 0 then
                Console.warn $"{empty} defective picture(s) have an empty mask at this size; their pixels count as good"

            let evaluation =
                Evaluation.run detector.Calibration (Option.ofObj detector.Card.Ignore) clock.Elapsed.TotalSeconds judged

            let json = (Evaluation.toJson evaluation).ToJsonString(JsonSerializerOptions(WriteIndented = true))

            match args.TryGetResult EvalArgs.Out with
            | Some out ->
                AtomicFile.WriteText(Path.Combine(out, "eval.json"), json + "\n")
                let title = "Fae: " + Files.name (Path.TrimEndingDirectorySeparator data)

                AtomicFile.WriteText(
                    Path.Combine(out, "report.html"),
                    Html.report title detector.Card detector.Calibration evaluation judged
                )

                Console.say $"""wrote {Path.Combine(out, "report.html")}"""
            | None -> ()

            args.TryGetResult EvalArgs.Compare |> Option.iter (compare detector judged)

            args.TryGetResult EvalArgs.Json
            |> Option.iter (fun target -> Console.writeJson target json)

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
                     @ [
                         for defect, count, auroc in evaluation.PerDefect -> [ $"image AUROC, {defect} ({count})"; percent auroc ]
                     ])

            return 0
        }
