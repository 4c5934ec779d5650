/// Opens models for verbs.
namespace Fae.Cli

open System.IO
open Fae.Core
open Fae.Data
open Fae.Detection
open Fae.Imaging
open Fae.Server
open Fae.Training
open FsToolkit.ErrorHandling

[<RequireQualifiedAccess>]
module Models =
    let private orFault path read =
        try
            Ok(read ())
        with
        | :? InvalidDataException as e -> Error(Model(path, e.Message))
        | :? IOException
        | :? System.UnauthorizedAccessException as e -> Error(Model(path, e.Message))

    /// What a model file holds.
    let modelFile (path: string) = orFault path (fun () -> ModelFile.Read path)

    /// A run's folder or a model file, opened.
    let detector (deviceName: string option) (run: string) : Result<Detector, Fault> =
        result {
            let path = ModelFile.PathOf run
            let! struct (card, weights) = modelFile path
            let! device = Devices.detectingDevice deviceName
            return! orFault path (fun () -> Reconstructor.DetectorOf(card, weights, device, Console.warn))
        }

    /// A model file as it was before its memory banks got the held-out pictures: the file beside it, or itself.
    let fileWithoutHeldOut (path: string) (card: ModelCard) =
        if not card.KnowsHeldOut then
            modelFile path
        else
            let other = Path.Combine(string (Path.GetDirectoryName path), ModelFile.WithoutHeldOut)

            result {
                do!
                    if File.Exists other then
                        Ok()
                    else
                        Error(
                            Model(
                                other,
                                $"it is missing; {path} was trained on the held-out pictures in the end, and the file beside it was not; "
                                + "take a folder that `fae train` wrote, or pictures in test/ that the model has not seen"
                            )
                        )

                let! struct (found, weights) = modelFile other

                return!
                    if Seq.compareWith compare found.HeldOut card.HeldOut = 0 && found.Config = card.Config then
                        Ok(struct (found, weights))
                    else
                        Error(Model(other, $"it is not of the same training as {path}"))
            }

    /// The detector of a run as it was before its memory banks got the held-out pictures, with the thresholds of now.
    /// It is the detector itself where it does not know them.
    let withoutHeldOut (deviceName: string option) (run: string) (detector: Detector) : Result<Detector, Fault> =
        if not detector.Card.KnowsHeldOut then
            Ok(detector.With detector.Calibration)
        else
            result {
                let! struct (card, weights) = fileWithoutHeldOut (ModelFile.PathOf run) detector.Card
                let! device = Devices.detectingDevice deviceName
                return! orFault run (fun () -> Reconstructor.DetectorOf(card.With detector.Calibration, weights, device, Console.warn))
            }

    /// Thresholds of a way of scoring, from held-out good pictures of a folder.
    let calibrated (detector: Detector) candidate settings (data: string) (heldOut: ImageCache) =
        if heldOut.ArePieces then
            let files = [| for name in detector.Card.HeldOut -> Path.Combine(data, name) |]

            LargeCalibration.Fit(detector, candidate, settings, heldOut, files)
            |> Result.mapError (BadPicture >> List.singleton >> Data)
        else
            Ok(detector.Fit(candidate, settings, heldOut))

    /// The good pictures that the model was not trained on, prepared for it, or pieces of large ones; they must be at hand in the data
    /// set's folder.
    let heldOut (data: string) (detector: Detector) =
        let card = detector.Card
        let paths = card.HeldOut |> Seq.map (fun name -> Path.Combine(data, name)) |> List.ofSeq

        result {
            let! pictures = Pictures.heldOut card.Config card.Channels (Option.ofObj card.Ignore) paths

            let another =
                Seq.zip card.HeldOut paths
                |> Seq.tryFind (fun (name, path) -> card.Digests.ContainsKey name && ImageDecoder.digest path <> Ok card.Digests[name])

            return!
                match another with
                | Some(name, _) ->
                    Error(
                        Usage
                            [
                                $"--data {data}: {name} is not the picture of that name that was held out when the model was trained; "
                                + "take the data set that it was trained on"
                            ]
                    )
                | None -> Ok pictures
        }

    /// A calibration at another false-alarm rate. Too few held-out pictures are an error that ends with `advice`.
    let promised (advice: string) (rate: float) calibration =
        Calibration.atRate rate calibration
        |> Result.mapError (function
            | TooFewImages(held, smallest) ->
                Usage [ $"--false-alarm {rate}: {held} held-out good pictures can promise no less than {smallest:F4}; {advice}" ]
            | RateOutOfRange _ -> Usage [ $"--false-alarm {rate}: must lie between 0 and 1" ])

    /// The detector at another false-alarm rate, if one is given.
    let atRate (rate: float option) (detector: Detector) =
        match rate with
        | None -> Ok detector
        | Some rate ->
            promised "train with more pictures or a larger train.held_out" rate detector.Calibration
            |> Result.map detector.With

    /// A model by its run's folder or its file; its name is the folder's, or the file's without its ending, or is given: NAME=PATH.
    let named (run: string) =
        let given, run =
            match run.IndexOf '=' with
            | at when at > 0 && run.IndexOfAny([| '/'; '\\' |], 0, at) < 0 ->
                Some(run.Substring(0, at).Trim()), run.Substring(at + 1).Trim()
            | _ -> None, run

        let path = Path.GetFullPath run

        let name =
            if Option.isSome given then Option.get given
            elif Directory.Exists path then Files.name (Path.TrimEndingDirectorySeparator path)
            else Files.stem path

        name, ModelFile.PathOf path

    /// Reads models for a device.
    let reader (device: string option) : ModelReader =
        let oneLine read = read |> Result.mapError (Fault.lines >> String.concat "; ")

        {
            Card = fun file -> oneLine (modelFile file |> Result.map (fun (struct (card, _)) -> card.WithoutArrays()))
            Detector = fun file -> oneLine (detector device file)
        }
