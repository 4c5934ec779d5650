/// fae inspect: predictions for pictures.
namespace Fae.Cli

open System.IO
open System.Text.Json
open Argu
open Fae.Core
open Fae.Data
open Fae.Detection
open Fae.Imaging
open FsToolkit.ErrorHandling

[<RequireQualifiedAccess>]
module Inspect =
    let private pictures (path: string) =
        if Directory.Exists path then
            match ImageFolder.listAll path with
            | [] -> Error(Data [ NoPictures path ])
            | paths -> Ok paths
        elif File.Exists path then
            Ok [ path ]
        else
            Error(Data [ BadPicture { Path = path; Reason = "there is no such file or folder" } ])

    /// A picture inspected, and its heatmap written to a folder if one is given: over the picture, at the picture's own size; files of one
    /// name from several folders are numbered. A picture that is too large to hold is inspected in rows, and its heatmap is a pyramidal
    /// TIFF.
    let file (detector: Detector) (out: string option) number (path: string) : Result<Inspected * string option, ImageProblem> =
        let target ending = out |> Option.map (fun out -> Path.Combine(out, $"{number:D5}_{Files.stem path}{ending}"))

        if LargePictures.Suits(detector, path) then
            let target = target ImageFolder.largeHeatmapEnding
            target |> Option.iter (fun file -> Directory.CreateDirectory(string (Path.GetDirectoryName file)) |> ignore)
            LargePictures.Inspect(detector, path, Option.toObj target) |> Result.map (fun inspected -> inspected, target)
        else
            let card = detector.Card

            ImagePreparation.ofFile card.Config card.Channels card.Ignore path
            |> Result.map (fun picture ->
                let finding = (detector.Inspect [| picture.Image |])[0]
                let target = target ImageFolder.heatmapEnding

                target
                |> Option.iter (fun file ->
                    let png = Findings.HeatmapPng(detector.Calibration.PixelThreshold, picture, finding)
                    AtomicFile.Write(file, _.Write(png)))

                Inspected(picture, finding), target)

    /// One picture's line in the table and entry in the JSON.
    [<NoComparison; NoEquality>]
    type private Line = { Path: string; Picture: Picture; Anomalous: bool; Score: float32; Row: string list; Json: InspectionJson }

    let private inspectOne (detector: Detector) (out: string option) number path =
        let card = detector.Card

        match file detector out number path with
        | Error problem ->
            Console.warn $"skipped {problem}"
            Error problem
        | Ok(inspected, heatmap) ->
            let picture, finding = inspected.Picture, inspected.Finding
            let prediction = finding.Prediction

            Ok
                {
                    Path = path
                    Picture = picture
                    Anomalous = prediction.Anomalous
                    Score = prediction.Score
                    Row =
                        [
                            path
                            (if prediction.Anomalous then "anomalous" else "good")
                            $"{prediction.Score:G4}"
                            $"{detector.Calibration.ImageThreshold:G4}"
                            $"{prediction.PValue:F4}"
                            string (Findings.Regions(picture, finding)).Count
                        ]
                    Json = InspectionJson(path, picture, finding, detector.Calibration, card.Fingerprint, Heatmap = Option.toObj heatmap)
                }

    let run (args: ParseResults<InspectArgs>) : Result<int, Fault> =
        result {
            let! paths = args.GetResult InspectArgs.Paths |> List.traverseResultM pictures |> Result.map List.concat
            use! loaded = Models.detector (args.TryGetResult InspectArgs.Device) (args.GetResult InspectArgs.Model)
            let! detector = Models.atRate (args.TryGetResult InspectArgs.False_Alarm) loaded
            DataChecks.colours detector.Card paths
            let found, broken = paths |> List.mapi (inspectOne detector (args.TryGetResult InspectArgs.Out)) |> partition
            DataChecks.unreadOf [ for one in found -> one.Path, one.Picture.Unread ]
            DataChecks.values detector.Card [ for one in found -> one.Path, one.Picture ]
            DataChecks.farBelow detector.Calibration [ for one in found -> one.Path, one.Score ]
            DataChecks.drift detector.Calibration [| for one in found -> one.Score |]
            let json = JsonSerializer.Serialize(List.map _.Json found, FaeJson.Indented)

            args.TryGetResult InspectArgs.Json |> Option.iter (fun target -> Console.writeJson target json)

            if args.TryGetResult InspectArgs.Json <> Some "-" then
                Console.table [ "picture"; "verdict"; "score"; "threshold"; "p"; "regions" ] (found |> List.map _.Row)

            if List.isEmpty found then
                return! Error(Data(List.map BadPicture broken))
            elif List.exists _.Anomalous found && args.Contains InspectArgs.Fail_On_Anomaly then
                return 1
            else
                return 0
        }
