/// Which good pictures are unlike the others, before a training learns from them: said, and shown in the run's folder.
namespace Fae.Cli

open System
open System.IO
open Fae.Core
open Fae.Data
open Fae.Detection
open Fae.Report
open Fae.Training

[<RequireQualifiedAccess>]
module OutlierCheck =
    /// Pictures are compared at about so many pixels.
    let private pixels = 256.0 * 256.0

    /// The page shows so many pictures at least, and so many at most.
    let private fewestShown, mostShown = 24, 60

    /// Pretrained features whatever the method is; `None` where there is no network for them.
    let private features (config: Config) =
        let settings =
            if NetworkGeometry.usesFeatures config.Network then
                config.Features
            else
                Config.defaults.Features

        Pictures.backboneOf { settings with UnitLength = true } |> Result.toOption

    let private say out (paths: string[]) (compared: OutlierJson[]) =
        let marked mark =
            [
                for one in compared do
                    if one.Outlier = mark then one.Path
            ]

        let far, outside = marked OutlierReport.farOut, marked OutlierReport.outside
        let page = OutlierReport.pageOf out

        if not far.IsEmpty then
            Console.warn (
                $"{far.Length} of {paths.Length} good pictures look unlike the others; if they are bad parts, take them out and train "
                + $"again ({page} shows them): {DataChecks.list far}"
            )

        if not outside.IsEmpty then
            Console.say (
                $"{outside.Length} of {paths.Length} good pictures differ from the others more than usual; bad parts among the good ones "
                + $"make a worse detector ({page} shows them): {DataChecks.list outside}"
            )

    let private write out data (chosen: (ImageCache * int)[]) (found: PictureDistance[]) =
        let scores = found |> Array.map _.Score
        let paths = chosen |> Array.map (fun (cache, number) -> TrainedDetector.nameIn data (cache.NameOf number))
        let compared = OutlierReport.ofScores paths scores
        let places = paths |> Array.indexed |> Array.map (fun (place, path) -> path, place) |> dict
        let outliers = compared |> Array.sumBy (fun one -> if isNull one.Outlier then 0 else 1)

        let views =
            compared
            |> Seq.truncate (outliers |> max fewestShown |> min mostShown)
            |> Seq.map (fun one ->
                let place = places[one.Path]
                let cache, number = chosen[place]
                { Json = one; Picture = cache[number]; Map = found[place].Map })

        let median (values: float32 seq) = values |> Seq.map float |> Array.ofSeq |> Statistics.median |> float32
        let usual = found |> Seq.map (fun one -> median one.Map.Pixels) |> median
        let page = OutlierReport.html "Good pictures that are unlike the others" paths.Length usual (median scores) views
        AtomicFile.WriteText(OutlierReport.jsonOf out, OutlierReport.toJson compared)
        AtomicFile.WriteText(OutlierReport.pageOf out, page)
        say out paths compared
        compared

    /// The distances of the chosen pictures; none where it was stopped, or everything is ignored: a memory bank says that itself.
    let private distances clock (config: Config) channels (backbone: Backbone) (chosen: (ImageCache * int)[]) ignore stop =
        let struct (height, width) = InputGeometry.wholeShape config
        let scale = sqrt (pixels / float (height * width)) |> min 1.0 |> max 0.1 |> float32
        use extractor = new FeatureExtractor(backbone, channels, scale)
        let finder = OutlierFinder(Config.defaults.Network, extractor, Random.fork 7UL (Random.ofSeed (uint64 config.Train.Seed)))
        let pictures = FitPictures(chosen |> Seq.map (fun (cache, number) -> cache[number]), chosen.Length)

        try
            Console.fitting clock TrainingStage.Pictures _.Done (fun show ->
                let tell share = show (FitProgress("outliers", share))
                Array.ofSeq (finder.Find(pictures, Option.toObj ignore, tell, stop)))
        with
        | :? InvalidDataException
        | :? OperationCanceledException -> [||]

    /// Compares the good pictures. `None` where it cannot: of tiles, of few pictures, and without pretrained features.
    let run clock budget (config: Config) channels (caches: ImageCache list) ignore data out (stop: Threading.CancellationToken) =
        let chosen = ImageCache.Evenly(TrainingPlan.compared budget, caches)

        if config.Image.Tile > 0 || chosen.Length < Outliers.fewest then
            None
        else
            match features config |> Option.map (fun backbone -> distances clock config channels backbone chosen ignore stop) with
            | None
            | Some [||] -> None
            | Some found -> Some(write out data chosen found)

    /// The split and the pictures to train on, and those that join a memory bank in the end, without the outliers if the configuration
    /// wants it so. Held-out ones still find the thresholds: a false-alarm rate is a promise for pictures like all of the folder's.
    let dropped (config: Config) (compared: OutlierJson[] option) data (split: TrainingSplit) training (further: ImageCache list) =
        let outliers =
            set
                [
                    for one in Option.defaultValue [||] compared do
                        if not (isNull one.Outlier) then one.Path
                ]

        if config.Train.DropOutliers && not outliers.IsEmpty then
            let isKept path = not (outliers.Contains(TrainedDetector.nameIn data path))
            let kept (cache: ImageCache) = cache.Where isKept
            let split = { split with Training = List.filter isKept split.Training; Unused = List.filter isKept split.Unused }
            Console.say $"train.drop_outliers: {outliers.Count} good pictures are not trained on"
            split, kept training, further |> List.map kept |> List.filter (fun cache -> cache.Count > 0)
        else
            split, training, further
