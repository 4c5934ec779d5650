/// What cannot be an error and should not go unsaid: pictures that are not what they are taken for.
namespace Fae.Cli

open System
open System.IO
open Fae.Core
open Fae.Data
open Fae.Detection
open Fae.Imaging
open Fae.Kernels

[<RequireQualifiedAccess>]
module DataChecks =
    /// Pictures that are named in a warning; the rest is counted.
    let private named = 10

    let list (paths: string list) =
        let more = paths.Length - named

        String.concat ", " (List.truncate named paths) + (if more > 0 then $" and {more} more" else "")

    let private digest path =
        try
            Some(Digest.ofFile path)
        with
        | :? IOException
        | :? UnauthorizedAccessException -> None

    let private length path =
        let file = FileInfo path
        if file.Exists then file.Length else -1L

    /// Pairs of files with the same bytes, one of either list. Only files of equal lengths are read.
    let private sameBytes (these: string list) (those: string list) =
        let lengths = those |> List.groupBy length |> Map.ofList

        [
            for size, candidates in List.groupBy length these do
                match Map.tryFind size lengths with
                | Some others when size > 0L ->
                    let known = others |> List.choose (fun path -> digest path |> Option.map (fun d -> d, path)) |> Map.ofList

                    for path in candidates do
                        match digest path |> Option.bind (fun d -> Map.tryFind d known) with
                        | Some other -> path, other
                        | _ -> ()
                | _ -> ()
        ]

    let private pairs found = found |> List.map (fun (a, b) -> if a = b then a else $"{a} = {b}") |> list

    /// Test pictures that were trained on, with what they are called in the training.
    let trainedOn (found: (string * string) list) =
        if not found.IsEmpty then
            Console.warn (
                $"{found.Length} test picture(s) were trained on (the same pixels): what is measured on them is too good "
                + $"to be true: {pairs found}"
            )

    /// Training pictures that are test pictures too: the same files. What is the same in other files is found by eval.
    let private testInTraining (trained: string list) (test: string list) = trainedOn (sameBytes test trained)

    /// Held-out pictures that are trained on too: thresholds rest on them.
    let private heldOutInTraining (split: TrainingSplit) =
        match sameBytes split.HeldOut split.Training with
        | [] -> ()
        | found ->
            Console.warn (
                $"{found.Length} picture(s) are there twice, to train on and held out: thresholds will be too low; "
                + $"remove the copies: {pairs found}"
            )

    /// Widths over heights that differ by more than this factor are different shapes.
    let private sameShape = 1.1

    /// Pictures that are of another shape than most: they are stretched to one.
    let private shapes (paths: string list) =
        let aspects =
            paths
            |> Array.ofList
            |> Array.Parallel.choose (fun path ->
                match ImageDecoder.header path with
                | Ok(struct (width, height, _)) when height > 0 -> Some(path, float width / float height)
                | _ -> None)

        if aspects.Length > 0 then
            let usual = aspects |> Array.map snd |> Statistics.median
            let others = aspects |> Array.filter (fun (_, aspect) -> max (aspect / usual) (usual / aspect) > sameShape)

            if others.Length > 0 then
                let names = others |> Array.truncate 3 |> Array.map (fst >> Files.name) |> String.concat ", "

                Console.warn
                    $"{others.Length} of {aspects.Length} good pictures have another shape than most and are stretched to it: {names}"

    /// Of a data set about to be trained on.
    let ofTraining (config: Config) data (split: TrainingSplit) =
        heldOutInTraining split
        // Tiles keep the shapes of their pictures.
        if config.Image.Tile = 0 then shapes (split.Training @ split.HeldOut)

        // Without a folder of test pictures held-out ones are tested.
        if Option.isSome (MaskFiles.testRoot data) then
            match DataSet.testPictures data with
            | Ok test -> testInTraining (split.Training @ split.HeldOut) (test |> List.map (fun (picture: TestPicture) -> picture.Path))
            | Error _ -> ()

    /// About as many good pictures of 256×256 pixels are inspected to find bad ones among them; of larger ones fewer, but so many.
    let private looked, fewest = 400, 100

    /// "Good" pictures that the detector, though it learned from them, finds unlike the others: by their scores, or by their hottest
    /// place, which a score over the whole picture may drown.
    let unlikeOthers (detector: Detector) (pictures: ImageCache list) =
        let struct (height, width) = InputGeometry.wholeShape detector.Card.Config
        let affordable = max fewest (looked * 256 * 256 / (height * width))

        let hottest = { detector.Calibration.Scoring with Reduction = Maximum; Normalisation = Unnormalised }

        let look (some: (string * Image)[]) =
            Seq.zip some (detector.Inspect(Array.map snd some))
            |> Seq.map (fun ((path, _), finding) ->
                struct (path, finding.Prediction.Score, ScoringKernel.Score(hottest, Option.ofObj detector.Card.Ignore, finding.Heatmap)))
            |> Array.ofSeq

        let seen =
            ImageCache.Evenly(min looked affordable, pictures)
            |> Seq.map (fun (cache, number) -> cache.NameOf number, cache[number])
            |> Seq.chunkBySize 8
            |> Seq.collect look
            |> Array.ofSeq

        let byScore = Outliers.above [| for struct (_, score, _) in seen -> score |]
        let byPlace = Outliers.above [| for struct (_, _, place) in seen -> place |]

        match List.distinct (byScore @ byPlace) with
        | [] -> ()
        | found ->
            let paths =
                [
                    for number in found do
                        let struct (path, _, _) = seen[number]
                        path
                ]

            Console.warn (
                $"{found.Length} of the good pictures look unlike the others; if they are bad parts, take them out and "
                + $"train again: {list paths}"
            )

    /// Pictures for a model that was trained on pictures of another kind.
    let colours (card: ModelCard) (paths: string list) =
        DetectionWarning.Colours(card.Channels, (DataSet.channelsOf card.Config.Image.Values paths = 3))
        |> Option.ofObj
        |> Option.iter Console.warn

    /// What a data set's folders are taken for, and what is left out.
    let folders evaluates data =
        let say (folder, what, count: int) = Console.say $"{folder}: {count} pictures, {what}"

        if evaluates then
            List.iter say (DataSet.testedFolders data)
        else
            let found = GoodPictures.find data
            List.iter say (DataSet.trainedFolders data found)

            for line in DataSet.leftOut data found do
                Console.warn $"left out: {line}"

    /// Pictures whose values are not those that the model was trained on.
    let values (card: ModelCard) (pictures: (string * Picture) list) =
        let strange =
            pictures
            |> List.choose (fun (path, picture) ->
                DetectionWarning.Values(card.Config.Image.Values, picture)
                |> Option.ofObj
                |> Option.map (fun text -> path, text))

        match strange with
        | [] -> ()
        | (_, text) :: _ -> Console.warn $"{text}: {list (List.map fst strange)}"

    /// Files of which a part is not looked at: what is said of them is said of the first page, and of grey or colour.
    let unreadOf (files: (string * Unread) list) =
        let pages =
            [
                for path, unread in files do
                    if unread.FurtherPages > 0 then $"{path} ({unread.FurtherPages + 1})"
            ]

        let bands =
            [
                for path, unread in files do
                    if unread.FurtherBands > 0 then path
            ]

        if not pages.IsEmpty then
            Console.warn $"{pages.Length} file(s) hold several pages or frames; only the first of each is looked at: {list pages}"

        if not bands.IsEmpty then
            Console.warn (
                $"{bands.Length} file(s) hold a further band that is no transparency (infrared, a mask); only grey or colour is looked "
                + $"at: {list bands}"
            )

    /// The same of files that nobody has read yet, from their headers.
    let unread (paths: string list) =
        paths
        |> Array.ofList
        |> Array.Parallel.choose (fun path -> ImageDecoder.unread path |> Result.toOption |> Option.map (fun unread -> path, unread))
        |> List.ofArray
        |> unreadOf

    /// Training pictures from which nothing can be learned: about as many are looked at.
    let private sample = 32

    let useless (config: Config) data (training: ImageCache) =
        match PictureValues.useless config.Image.Values (training.Some sample) with
        | Some reason -> Error(Data [ UselessPictures(data, reason) ])
        | None -> Ok()

    /// Pictures of the same parts, where there are some.
    let groups (split: TrainingSplit) =
        let count = split.Training.Length + split.HeldOut.Length + split.Unused.Length

        if split.Groups < count then
            Console.say (
                $"{count} good pictures seem to show {split.Groups} parts (train.groups); the {split.HeldOut.Length} held-out ones are of "
                + $"parts that are not trained on, nor are {split.Unused.Length} further pictures of these"
            )

    /// Scores that are not those of good parts.
    let drift (calibration: Calibration) (scores: float32[]) =
        match Drift.test calibration.HeldOut scores with
        | Some drift when drift.IsAlarm -> Console.warn (DetectionWarning.Drift(scores.Length, drift.Significance))
        | _ -> ()

    /// Pictures that score far below every good part.
    let farBelow (calibration: Calibration) (scored: (string * float32) list) =
        for path, score in scored do
            match DetectionWarning.FarBelow(calibration.HeldOut, score) with
            | Null -> ()
            | NonNull warning -> Console.warn $"{path}: {warning}"
