/// ONNX graphs of whole detectors compared with the detector.
module Fae.Tests.ExportTests

open System
open System.IO
open Expecto
open Fae.Core
open Fae.Detection
open Fae.Imaging
open Fae.Tests.Helpers
open Fae.Training

let network = { Config.defaults.Network with Width = 8; Depth = 2; Dilations = [ 1; 2 ] }

let config = { Config.defaults with Config.Image.Size = 64; Network = network; Config.Score.Views = 1 }

let scoring: ScoringCandidate =
    {
        Measure = Mse
        FilterSize = 5
        FilterPasses = 2
        Reduction = Maximum
        Border = 0
        NormaliseByMedian = false
    }

/// A camera's picture: as bytes, colours side by side.
[<NoComparison>]
type Shot = { Height: int; Width: int; Pixels: byte[] }

/// A part with a blot, of any shape, its planes a little apart.
let shot channels height width number =
    let image, _ = blotted (max height width) number

    {
        Height = height
        Width = width
        Pixels =
            [|
                for y in 0 .. height - 1 do
                    for x in 0 .. width - 1 do
                        for c in 0 .. channels - 1 -> byte (255.0f * max 0.0f (min 1.0f (image[0, y, x] - 0.1f * float32 c)))
            |]
    }

/// The real pictures at hand, of a magnetic tile and of a board.
let real channels =
    [ "magnetic-tile"; "pcb" ]
    |> List.collect (fun name ->
        Path.Combine(repository, "..", "shared", "data", name, "train", "good") |> ImageFolder.list |> List.truncate 1)
    |> List.choose (
        ImageDecoder.read channels 0
        >> Result.toOption
        >> Option.map (fun picture ->
            let image = picture.Image

            {
                Height = image.Height
                Width = image.Width
                Pixels =
                    [|
                        for i in 0 .. image.Area - 1 do
                            for c in 0 .. channels - 1 -> byte (round (255.0f * image.Pixels[c * image.Area + i]))
                    |]
            })
    )

let buffer channels shot =
    {
        Pixels = ReadOnlyMemory shot.Pixels
        Width = shot.Width
        Height = shot.Height
        Stride = shot.Width * channels
        Bands = channels
        Depth = 1
        Bits = 0
        Swapped = false
    }

let preparedWith ignore config channels shot =
    match ImagePreparation.ofBuffer config channels ignore "shot" (buffer channels shot) with
    | Ok picture -> picture.Image
    | Error problem -> failtest (string problem)

let prepared config channels shot = preparedWith null config channels shot

/// A model that was not trained, calibrated on parts; its network changes every pixel a little.
let modelOf (config: Config) channels scoring (ignore: Image | null) =
    use fresh = new Network(config.Network, channels, Random.ofSeed 5UL)

    let weights =
        fresh.Save()
        |> Seq.map (fun array ->
            if array.Name = "exit.weight" then
                NamedArray(
                    array.Name,
                    array.Shape,
                    array.Values |> Array.mapi (fun i _ -> 0.02f * (Random.toUnit (Random.hash 3UL (uint64 i)) - 0.5f))
                )
            else
                array)
        |> Array.ofSeq

    use reconstructor = Reconstructor.Of(config.Network, channels, weights, null)

    let heldOut = [| for number in 0..11 -> preparedWith ignore config channels (shot channels 80 90 number) |]

    let calibration =
        Calibrator.Fit(
            scoring,
            { config.Calibration with FalseAlarm = Some 0.25f },
            TestTimeAugmentation.Of(reconstructor, config),
            heldOut,
            ignore
        )

    struct (ModelCard(config, channels, calibration, [||], [||], "", "", ignore), weights)

/// Graph and detector agree about every picture: to 10⁻⁴ where it is, and to 10⁻⁴ of it where it is a score.
let agrees (config: Config) channels scoring ignore camera shots =
    let struct (card, weights) = modelOf config channels scoring ignore
    use detector = Reconstructor.DetectorOf(card, weights, null)
    use graph = new OnnxDetector(OnnxDetector.Export(card, weights, camera))

    for shot in shots do
        let own = (detector.Inspect [| preparedWith ignore config channels shot |])[0]
        let other = graph.Inspect(shot.Pixels, 1, shot.Height, shot.Width, channels)[0]
        let what = $"{shot.Width}×{shot.Height}, {ScoringSearch.Describe card.Calibration.Scoring}"
        Expect.isLessThan (distance own.Reconstruction other.Reconstruction) 1e-4f $"reconstruction, {what}"

        let largest = Array.max own.Heatmap.Pixels
        Expect.isGreaterThan largest 0.0f "there is something to see"
        Expect.isLessThan (distance own.Heatmap other.Heatmap) (1e-4f * max 1.0f largest) $"heatmap, {what}"

        Expect.isLessThan
            (abs (own.Prediction.Score - other.Score) / own.Prediction.Score)
            1e-4f
            $"score {own.Prediction.Score} and {other.Score}, {what}"

        Expect.floatClose Accuracy.medium (float other.PValue) (Conformal.pValue card.Calibration.HeldOut other.Score) $"p-value, {what}"
        Expect.equal other.Anomalous (other.Score > card.Calibration.ImageThreshold) $"verdict, {what}"

let whole = Nullable<struct (int * int)>()
let shapes channels = [ shot channels 64 64 1; shot channels 150 211 2; shot channels 41 57 3 ]

let tests =
    testList
        "Export"
        [
            testList
                "a graph gives the detector's reconstruction, heatmap, score and p-value"
                [
                    for name, change in
                        [
                            "of squares, as large as they get", id
                            "relative to the brightness, summed",
                            (fun (s: ScoringCandidate) -> { s with Measure = Relative; Reduction = Sum })
                            "of structure, the top two percent",
                            (fun (s: ScoringCandidate) -> { s with Measure = Ssim; Reduction = Top 0.02f })
                            "of gradients, without a border", (fun (s: ScoringCandidate) -> { s with Measure = Gms; Border = 5 })
                            "of gradients at several sizes, over the median",
                            (fun (s: ScoringCandidate) -> { s with Measure = MultiGms; NormaliseByMedian = true })
                            "of a geometric mean of filtered maps",
                            (fun (s: ScoringCandidate) ->
                                { s with
                                    Measure = Geometric [ 0.3f, Mse; 0.2f, Smoothed(3, 1, Mse); 0.1f, Smoothed(9, 2, Ssim); 0.4f, Gms ]
                                    FilterSize = 5
                                    FilterPasses = 2
                                })
                            "of a sum of measures, unfiltered",
                            (fun (s: ScoringCandidate) -> { s with Measure = Weighted [ 0.5f, Mse; 2.0f, Ssim ]; FilterPasses = 0 })
                        ] do
                        test name {
                            agrees config 1 (change scoring) null whole (shapes 1)
                            agrees config 3 (change scoring) null whole (shapes 3)
                        }
                ]
            test "of real pictures too, and in colour" {
                let shots = real 3

                if shots.IsEmpty then skiptest "the real pictures are not at hand"

                agrees config 3 { scoring with Measure = Ssim } null whole shots
                agrees config 1 { scoring with Reduction = Sum } null whole (real 1)
            }
            test "with illumination correction, and in all eight views" {
                let lit = { config with Config.Image.IlluminationSigma = 6.0f }

                let turned =
                    { lit with
                        Config.Augment.FlipHorizontal = Some true
                        Config.Augment.FlipVertical = Some true
                        Config.Augment.QuarterTurns = Some true
                        Config.Score.Views = 8
                    }

                Expect.equal (InputGeometry.views turned).Length 8 "eight"
                agrees lit 1 scoring null whole (shapes 1)
                agrees turned 1 scoring null whole (shapes 1)
            }
            test "and of pictures that are wider than high, which are mirrored in views, but not turned" {
                let wide =
                    { config with
                        Config.Image.Aspect = Some 1.5f
                        Config.Augment.FlipHorizontal = Some true
                        Config.Augment.FlipVertical = Some true
                        Config.Augment.QuarterTurns = Some true
                        Config.Score.Views = 8
                    }

                Expect.equal (InputGeometry.wholeShape wide) (struct (64, 96)) "64 high, 96 wide"
                Expect.equal (InputGeometry.wholeShape { wide with Config.Image.Aspect = Some 0.5f }) (struct (128, 64)) "the shorter side"
                Expect.equal (InputGeometry.views wide).Length 4 "four"
                agrees wide 1 scoring null whole (shapes 1)
            }
            test "with an ignore mask" {
                let left = Image.init 1 64 64 (fun _ _ x -> if x < 40 then 1.0f else 0.0f)
                agrees config 1 { scoring with Reduction = Sum } left whole (shapes 1)
            }
            test "and in windows, for a camera's shape" {
                let windows = { config with Config.Image.Tile = 64; Config.Image.Overlap = 16 }

                agrees windows 1 { scoring with Reduction = Top 0.01f } null (Nullable(struct (150, 211))) [ shot 1 150 211 4 ]
                let struct (card, weights) = modelOf windows 1 scoring null

                Expect.throwsT<NotSupportedException>
                    (fun () -> OnnxDetector.Export(card, weights, whole) |> ignore)
                    "windows cannot be counted without it"
            }
            test "the pictures of a batch are independent" {
                let struct (card, weights) = modelOf config 1 scoring null
                use graph = new OnnxDetector(OnnxDetector.Export(card, weights, whole))
                let shots = [ for number in 0..4 -> shot 1 70 70 number ]
                let together = graph.Inspect(shots |> List.map _.Pixels |> Array.concat, 5, 70, 70, 1)

                for shot, found in Seq.zip shots together do
                    let alone = graph.Inspect(shot.Pixels, 1, 70, 70, 1)[0]
                    Expect.isLessThan (abs (alone.Score - found.Score) / alone.Score) 1e-5f "alone or not"
            }
            test "networks without an ONNX graph are refused with a reason" {
                let transformer = { config with Config.Network.Kind = NetworkKind.Autoencoder }

                use fresh = new Network(transformer.Network, 1, Random.ofSeed 1UL)
                let struct (card, _) = modelOf config 1 scoring null
                let other = ModelCard(transformer, 1, card.Calibration, [||], [||], "", "", null)

                Expect.throwsT<NotSupportedException> (fun () -> OnnxDetector.Export(other, fresh.Save(), whole) |> ignore) "no graph"
            }
        ]
