/// Strips and pictures that are too large to hold: the same as on the whole picture, in memory for some rows.
module Fae.Tests.StripTests

open System
open System.Collections.Generic
open System.IO
open System.Text.Json
open Expecto
open Fae.Core
open Fae.Detection
open Fae.Imaging
open Fae.Tests.Helpers

/// Texture with a few bright places, some of them across the borders of tiles.
let texture height width =
    Image.init 1 height width (fun _ y x ->
        let noise = Random.toUnit (Random.hash 0x57A1UL (uint64 (y * width + x)))
        let spot = (x / 9 + y / 7) % 11 = 0 && (x * 3 + y * 5) % 97 < 40
        min 1.0f (0.2f + 0.25f * noise + (if spot then 0.4f else 0.0f)))

let tiled size tile (config: Config) = { config with Image = { config.Image with Size = size; Tile = tile; Overlap = tile / 4 } }

let private ways: (string * ScoringCandidate * (Config -> Config)) list =
    let terms = [ 0.5f, Smoothed(5, 2, Mse); 0.3f, Smoothed(3, 1, Ssim); 0.2f, Gms ]

    [
        "the maximum of one filter", byBrightness, tiled 32 32
        "a combination, the top share over the median, with a border",
        { byBrightness with Measure = Geometric terms; Reduction = Top 0.01f; Border = 5; NormaliseByMedian = true },
        tiled 32 32
        "GMS at four scales", { byBrightness with Measure = MultiGms }, tiled 64 64
        "all values, with the light divided out",
        { byBrightness with Reduction = Sum },
        (fun config ->
            let config = tiled 32 32 config
            { config with Image = { config.Image with IlluminationSigma = 4.0f } })
        "four views",
        byBrightness,
        (fun config ->
            let config = tiled 32 32 config

            { config with
                Score = { config.Score with Views = 4 }
                Augment = { config.Augment with FlipHorizontal = Some true; FlipVertical = Some true; QuarterTurns = Some true }
            })
    ]

/// A value that a tenth of the pixels or so are above, with nothing near it: rounding changes no region.
let private clearThreshold (heatmap: Image) =
    let sorted = Array.sort heatmap.Pixels
    let places = [ sorted.Length * 85 / 100 .. sorted.Length * 95 / 100 ]
    let place = places |> List.maxBy (fun i -> sorted[i + 1] - sorted[i])
    (sorted[place] + sorted[place + 1]) / 2.0f

let private boxes (regions: Region seq) = [ for r in regions -> r.X, r.Y, r.Width, r.Height, r.Area ] |> List.sort

let private boxesOf (regions: StripRegion seq) = [ for r in regions -> r.X, int r.Y, r.Width, r.Height, int r.Area ] |> List.sort

let private close (a: float32) (b: float32) = abs (a - b) <= 6e-4f * abs b

/// A picture of many pixels as a file without compression.
let writeTiff (path: string) (image: Image) =
    use picture =
        NetVips.Image.NewFromMemory(ImageEncoder.toBytes image, image.Width, image.Height, image.Channels, NetVips.Enums.BandFormat.Uchar)

    use grey = picture.Copy(interpretation = NetVips.Enums.Interpretation.Bw)
    grey.Tiffsave path

let tests =
    testList
        "Strips"
        [
            for name, way, change in ways do
                yield
                    test $"{name}: rows that come give what the whole picture gives" {
                        inTemporaryFolder (fun folder ->
                            use detector = Detector.Load(untrainedModel folder 0.1f way change)
                            let prepared = texture 301 150
                            let config = detector.Card.Config

                            let lit = Fae.Kernels.ScoringKernel.CorrectIllumination(config.Image.IlluminationSigma, prepared)

                            let whole = (detector.Inspect [| lit |])[0]
                            let judged = { detector.Calibration with PixelThreshold = clearThreshold whole.Heatmap }
                            use detector = detector.With judged
                            let whole = (detector.Inspect [| lit |])[0]
                            let rows = List<StripRows>()
                            let strip = StripInspector(detector, prepared.Width, 0, Action<StripRows>(fun some -> rows.Add some))
                            let regions = List<StripRegion>()

                            for part in Fae.Spec.StripLaws.parts 7 prepared do
                                regions.AddRange(strip.Push part)

                            let struct (last, prediction) = strip.Complete()
                            regions.AddRange last
                            let heatmap = rows |> Seq.map _.Heatmap |> List.ofSeq |> Bands.stack
                            let largest = Array.max whole.Heatmap.Pixels
                            Expect.isLessThan (distance heatmap whole.Heatmap / largest) 1e-4f "the heatmap"
                            Expect.isGreaterThan regions.Count 10 "there are regions"
                            Expect.equal (boxesOf regions) (boxes whole.Regions) "the regions"
                            Expect.isTrue (close prediction.Score whole.Prediction.Score) $"{prediction.Score}, {whole.Prediction.Score}"
                            Expect.isLessThan (distance (rows |> Seq.map _.Picture |> List.ofSeq |> Bands.stack) lit) 1e-5f "the picture")
                    }

            yield
                test "a detector without tiles, or with a mask, says so" {
                    inTemporaryFolder (fun folder ->
                        use whole = Detector.Load(brightnessModel folder)
                        Expect.stringContains (string (StripInspector.Problem whole)) "image.tile" "tiles"
                        Expect.throwsT<NotSupportedException> (fun () -> StripInspector(whole, 100) |> ignore) "refused")
                }

            for size, tile in [ 128, 128; 64, 128 ] do
                yield
                    test $"a file of 16.4 million pixels, tiles of {tile} seen at {size}: the same as when it is held" {
                        inTemporaryFolder (fun folder ->
                            use read = Detector.Load(untrainedModel folder 0.0f byBrightness (tiled size tile))
                            // Between the surface (0.06) and the bar (0.3).
                            let judged = { read.Calibration with PixelThreshold = 0.1f }
                            use detector = read.With judged
                            let path, heatmap = Path.Combine(folder, "large.tif"), Path.Combine(folder, "heat.tif")
                            // Good but for a dark bar across many tiles and a spot.
                            let picture =
                                Image.init 1 2000 8200 (fun _ y x ->
                                    if (abs (y - 1000) < 6 && x > 500 && x < 7000) || (y > 1900 && x > 8100) then
                                        0.1f
                                    else
                                        0.8f + 0.002f * float32 ((x + y) % 7))

                            writeTiff path picture
                            Expect.isTrue (LargePictures.Suits(detector, path)) "it is inspected in rows"

                            match
                                LargePictures.Inspect(detector, path, heatmap), ImagePreparation.ofFile detector.Card.Config 1 null path
                            with
                            | Ok found, Ok held ->
                                let whole = (detector.Inspect [| held.Image |])[0]
                                let exact = Findings.Regions(held, whole)
                                Expect.isTrue (close found.Finding.Prediction.Score whole.Prediction.Score) "the score"
                                Expect.equal (Findings.Regions(found.Picture, found.Finding).Count) exact.Count "as many regions"
                                Expect.isGreaterThan exact.Count 1 "there are some"

                                for a, b in Seq.zip (Findings.Regions(found.Picture, found.Finding)) exact do
                                    Expect.equal (a.Left, a.Top, a.Width, a.Height) (b.Left, b.Top, b.Width, b.Height) "the place"

                                Expect.equal (found.Picture.OriginalWidth, found.Picture.OriginalHeight) (8200, 2000) "its own size"
                                Expect.isLessThanOrEqual found.Picture.Image.Width 2048 "the overview is small"
                                let most = Array.max whole.Heatmap.Pixels
                                Expect.isTrue (close (Array.max found.Finding.Heatmap.Pixels) most) "the overview keeps the peaks"
                                use pyramid = NetVips.Image.NewFromFile heatmap
                                let scale = tile / size
                                Expect.equal (pyramid.Width, pyramid.Height) (8200 / scale, 2000 / scale) "the heatmap"
                                Expect.isGreaterThan (unbox<int>(pyramid.Get "n-pages")) 3 "with smaller levels"
                                Expect.equal (Directory.GetFiles(folder, ".*")) [||] "nothing is left beside it"
                            | found, held -> failtest $"{found}, {held}")
                    }

            yield
                test "small pictures, bitmaps, and detectors of whole pictures are none of rows" {
                    inTemporaryFolder (fun folder ->
                        use detector = Detector.Load(untrainedModel folder 0.0f byBrightness (tiled 32 32))
                        use whole = Detector.Load(brightnessModel folder)
                        let small, large = Path.Combine(folder, "small.tif"), Path.Combine(folder, "large.tif")
                        writeTiff small (texture 100 100)
                        writeTiff large (Image.constant 1 4100 4100 0.5f)
                        Expect.isFalse (LargePictures.Suits(detector, small)) "small"
                        Expect.isTrue (LargePictures.Suits(detector, large)) "large"
                        Expect.isFalse (LargePictures.Suits(whole, large)) "whole"
                        Expect.isFalse (LargePictures.Suits(detector, Path.Combine(folder, "none.tif"))) "not there")
                }

            yield
                test "fae inspect takes a picture of 100 million pixels in a process that may not hold it, and writes its heatmap" {
                    inTemporaryFolder (fun folder ->
                        let model = untrainedModel folder 0.0f byBrightness (tiled 256 256)
                        let path, out, json = Path.Combine(folder, "scan.tif"), Path.Combine(folder, "out"), Path.Combine(folder, "a.json")

                        writeTiff
                            path
                            (Image.init 1 6400 16000 (fun _ y x -> if y > 3000 && y < 3100 && x > 9000 && x < 9050 then 0.1f else 0.9f))

                        let run = confined 1500 [ "inspect"; "--model"; model; path; "--out"; out; "--json"; json ]
                        Expect.equal run.Code 0 run.Error
                        use document = JsonDocument.Parse(File.ReadAllText json)
                        let entry = document.RootElement[0]

                        let boxes =
                            [
                                for region in entry.GetProperty("regions").EnumerateArray() ->
                                    [ for number in region.GetProperty("box").EnumerateArray() -> number.GetInt32() ]
                            ]

                        let inside = boxes |> List.exists (fun box -> box[0] < 9010 && box[1] < 3010 && box[2] > 40 && box[3] > 90)
                        Expect.isTrue inside $"{boxes}"
                        let heatmap = string (entry.GetProperty("heatmap").GetString())
                        Expect.stringEnds heatmap "_heatmap.tif" "a TIFF"
                        use pyramid = NetVips.Image.NewFromFile heatmap
                        Expect.equal (pyramid.Width, pyramid.Height) (16000, 6400) "of the picture's size"
                        Expect.isFalse (ImageFolder.isPicture heatmap) "it is not taken for a picture to inspect")
                }
        ]
