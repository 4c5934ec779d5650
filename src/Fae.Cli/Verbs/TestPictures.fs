/// Test pictures inspected, with their masks: what an evaluation rests on.
namespace Fae.Cli

open System.Collections.Generic
open Fae.Core
open Fae.Data
open Fae.Detection
open Fae.Imaging
open Fae.Kernels
open Fae.Report
open FsToolkit.ErrorHandling

[<RequireQualifiedAccess>]
module TestPictures =
    /// Pictures inspected at once: enough to keep both cores busy, few enough to keep memory flat.
    let private atOnce = 16

    let private read (card: ModelCard) path = ImagePreparation.ofFile card.Config card.Channels card.Ignore path

    /// The mask of a picture in a shape that follows from its own; `None` for good ones, and for defects without one.
    let private maskIn shape (picture: TestPicture) =
        picture.Mask
        |> Option.map (MaskSource.read picture.Path >> Result.map (MaskDecoder.resized shape))
        |> Option.sequenceResult

    /// The mask of a picture as large as its prepared picture.
    let private readMask (card: ModelCard) picture = maskIn (InputGeometry.preparedShape card.Config) picture

    /// A picture that is too large to hold: what was found on it, with an overview of its heatmap, and its mask in that size.
    let private inRows (detector: Detector) (picture: TestPicture) =
        result {
            let! inspected = LargePictures.Inspect(detector, picture.Path)
            let heatmap = inspected.Finding.Heatmap
            let! mask = maskIn (fun _ -> struct (heatmap.Height, heatmap.Width)) picture
            return inspected, mask
        }

    /// Pictures that are inspected in one call.
    type private Batch =
        /// One that is too large to hold.
        | InRows of TestPicture
        | Together of TestPicture list

    let private batches (detector: Detector) (pictures: TestPicture list) =
        let add (picture: TestPicture) batches =
            match LargePictures.Suits(detector, picture.Path), batches with
            | true, _ -> InRows picture :: batches
            | false, Together some :: rest when some.Length < atOnce -> Together(picture :: some) :: rest
            | false, _ -> Together [ picture ] :: batches

        List.foldBack add pictures []

    /// The predictions of all pictures, and the metrics over their pixels.
    let judge (detector: Detector) (pictures: TestPicture list) =
        let card = detector.Card
        let pixels = PixelMetrics(Option.ofObj card.Ignore)

        // Good pictures of one shape share one empty mask.
        let empty = Dictionary<struct (int * int), Image>()

        let emptyMask (image: Image) =
            let shape = struct (image.Height, image.Width)

            match empty.TryGetValue shape with
            | true, mask -> mask
            | _ ->
                let mask = Image.constant 1 image.Height image.Width 0.0f
                empty[shape] <- mask
                mask

        let readPair (picture: TestPicture) =
            result {
                let! read = read card picture.Path
                let! mask = readMask card picture
                return read.Image, mask
            }

        let evaluated (picture: TestPicture) mask (finding: Finding) =
            let mask = if picture.Anomalous then mask else Some(defaultArg mask (emptyMask finding.Heatmap))
            mask |> Option.iter (fun mask -> pixels.Add(finding.Heatmap, mask))
            { Picture = picture; Prediction = finding.Prediction; MaskShare = Option.map IgnoreMask.share mask }

        let inspected batch =
            match batch with
            | InRows one ->
                inRows detector one
                |> Result.map (fun (inspected, mask) -> [ evaluated one mask inspected.Finding ])
                |> Result.mapError (BadPicture >> List.singleton)
            | Together some ->
                DataSet.readAll readPair some
                |> Result.map (fun pairs ->
                    let findings = detector.Inspect(pairs |> List.map fst |> Array.ofList)
                    List.map3 evaluated some (List.map snd pairs) (List.ofSeq findings))

        /// The problems of a remaining batch, so that all are returned at once. Of pictures that are read in rows the header has to do.
        let broken batch =
            match batch with
            | InRows _ -> []
            | Together some ->
                match DataSet.readAll (readPair >> Result.map ignore) some with
                | Ok _ -> []
                | Error problems -> problems

        let rec all done' =
            function
            | [] -> Ok(List.concat (List.rev done'), pixels)
            | next :: rest ->
                match inspected next with
                | Ok judged -> all (judged :: done') rest
                | Error problems -> Error(problems @ List.collect broken rest)

        all [] (batches detector pictures) |> Result.mapError Data

    /// An evaluated picture, read again: all pictures do not fit into memory.
    let again (detector: Detector) (judged: EvaluatedImage) = (ImageCache.Again(read detector.Card judged.Picture.Path)).Image

    /// Its mask, read again.
    let maskAgain (detector: Detector) (judged: EvaluatedImage) = readMask detector.Card judged.Picture |> Result.toOption |> Option.flatten

    let view (detector: Detector) (judged: EvaluatedImage) =
        if LargePictures.Suits(detector, judged.Picture.Path) then
            let inspected, mask = ImageCache.Again(inRows detector judged.Picture)

            {
                Input = inspected.Picture.Image
                Reconstruction = inspected.Finding.Reconstruction
                Heatmap = inspected.Finding.Heatmap
                Mask = mask
            }
        else
            let image = again detector judged
            let finding = detector.Inspect([| image |])[0]

            {
                Input = image
                Reconstruction = finding.Reconstruction
                Heatmap = finding.Heatmap
                Mask = maskAgain detector judged
            }
