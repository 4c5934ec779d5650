/// Training, calibration and evaluation on pictures that are too large to hold.
module Fae.Tests.LargeTrainingTests

open System.IO
open System.Text.Json
open Expecto
open Fae.Core
open Fae.Data
open Fae.Detection
open Fae.Imaging
open Fae.Tests.Helpers
open Fae.Tests.StripTests

/// A regular surface with some noise, from a key.
let private surface key height width =
    Image.init 1 height width (fun _ y x ->
        let noise = Random.toUnit (Random.hash key (uint64 (y * width + x)))
        0.5f + 0.1f * sin (float32 x / 40.0f) + 0.1f * sin (float32 y / 60.0f) + 0.06f * noise)

let private dark top left side (image: Image) =
    let pixels = Array.copy image.Pixels

    for y in top .. top + side - 1 do
        Array.fill pixels (y * image.Width + left) side 0.05f

    { image with Pixels = pixels }

let private get result =
    match result with
    | Ok value -> value
    | Error problem -> failtest $"{problem}"

let tests =
    testList
        "Large pictures"
        [
            for light in [ 0.0f; 6.0f ] do
                test $"pieces are cut from the prepared picture, light sigma {light}" {
                    inTemporaryFolder (fun folder ->
                        let config = tiled 64 128 Config.defaults
                        let config = { config with Image = { config.Image with IlluminationSigma = light } }
                        let large, small = Path.Combine(folder, "large.tif"), Path.Combine(folder, "small.tif")
                        writeTiff large (surface 1UL 2000 8200)
                        writeTiff small (surface 2UL 300 200)
                        Expect.isTrue (PieceReader.suits config None [ small; large ]) "one of them is large"
                        Expect.isFalse (PieceReader.suits config None [ small ]) "none is"
                        Expect.isFalse (PieceReader.suits config (Some(surface 0UL 4 4)) [ large ]) "a mask belongs to whole pictures"
                        let room = 6L * 256L * 256L
                        let pieces = get (PieceReader.cache config 1 room [ large; small ])
                        let again = get (PieceReader.cache config 1 room [ large; small ])
                        Expect.equal [ for i in pieces -> i.Pixels ] [ for i in again -> i.Pixels ] "the same each time"
                        Expect.isTrue pieces.ArePieces "they are pieces"
                        Expect.equal (List.distinct pieces.Names) [ large; small ] "of both files"

                        for name, piece in Seq.zip pieces.Names pieces do
                            let whole = (get (ImagePreparation.ofFile config 1 null name)).Image

                            let same top left =
                                Seq.forall
                                    (fun (y, x) -> abs (whole[0, top + y, left + x] - piece[0, y, x]) < 2e-5f)
                                    (Seq.allPairs [ 0..17 .. piece.Height - 1 ] [ 0..13 .. piece.Width - 1 ])

                            let places =
                                [
                                    for found in Pieces.all 64 (struct (whole.Height, whole.Width)) do
                                        let struct (top, left) = found.Corner
                                        if same top left then struct (top, left)
                                ]

                            Expect.hasLength places 1 "one place of the whole picture")
                }

            test "16-bit pictures of many pixels are read, with their values" {
                inTemporaryFolder (fun folder ->
                    let path = Path.Combine(folder, "deep.tif")
                    let words = Array.init (4100 * 4100) (fun i -> uint16 (100 + i % 3000))
                    use grey = NetVips.Image.NewFromMemory(words, 4100, 4100, 1, NetVips.Enums.BandFormat.Ushort)
                    use copy = grey.Copy(interpretation = NetVips.Enums.Interpretation.Grey16)
                    copy.Tiffsave path
                    let picture = get (ImageDecoder.readAs ValueRange.byType 1 (fun _ -> struct (100, 100)) path)
                    let values = Option.get picture.Values
                    Expect.equal (values.Lowest, values.Highest) (100.0f, 3099.0f) "lowest and highest"
                    Expect.equal (get (ImageDecoder.values path)) values "asked for alone"
                    let mean = Array.average picture.Image.Pixels
                    Expect.isTrue (abs (mean - 1599.5f / 65535.0f) < 1e-3f) $"{mean}")
            }

            test "a file in rows may have any number of pixels; to hold them all, or from bytes, no more than 400 million" {
                inTemporaryFolder (fun folder ->
                    let path = Path.Combine(folder, "huge.tif")
                    use black = NetVips.Image.Black(20_500, 20_000)
                    black.Tiffsave(path, compression = NetVips.Enums.ForeignTiffCompression.Deflate)
                    let read shape = ImageDecoder.readAs ValueRange.byType 1 shape path
                    let small = get (read (fun _ -> struct (64, 64)))
                    Expect.equal (small.OriginalWidth, small.OriginalHeight) (20_500, 20_000) "its own size"
                    Expect.equal (get (ImageDecoder.header path)) (struct (20_500, 20_000, false)) "the header"
                    Expect.isTrue (Result.isOk (ImageDecoder.digest path)) "its digest"

                    let refused result =
                        match result with
                        | Error(problem: ImageProblem) -> Expect.stringContains problem.Reason "400 million" "the limit"
                        | Ok _ -> failtest "more than 400 million pixels were held"

                    refused (read id)
                    refused (ImageDecoder.readBytes 1 (fun _ -> struct (64, 64)) "bytes" (File.ReadAllBytes path))
                    refused (MaskDecoder.read path |> Result.map (fun _ -> small)))
            }

            test "thresholds of files in rows are those of the same pictures held" {
                inTemporaryFolder (fun folder ->
                    let way = { byBrightness with Reduction = Top 0.01f; NormaliseByMedian = true; Border = 3 }
                    use detector = Detector.Load(untrainedModel folder 0.0f way (tiled 64 128))
                    let config = detector.Card.Config

                    let files =
                        [|
                            for key in 1UL .. 3UL do
                                let path = Path.Combine(folder, $"{key}.tif")
                                writeTiff path (surface key 2000 8200)
                                path
                            // One that is held beside them.
                            let path = Path.Combine(folder, "small.tif")
                            writeTiff path (surface 4UL 1000 900)
                            path
                        |]

                    let held = [| for path in files -> (get (ImagePreparation.ofFile config 1 null path)).Image |]
                    let settings = { config.Calibration with FalseAlarm = Some 0.2f }
                    let whole = detector.Fit(way, settings, held)
                    // With the same pictures as pieces the usual median is the same.
                    let rows = get (LargeCalibration.Fit(detector, way, settings, held, files))
                    let near (a: float32) (b: float32) = Expect.isTrue (abs (a - b) <= 1e-3f * abs b) $"{a}, {b}"
                    Expect.equal rows.Scoring whole.Scoring "the scoring"
                    Array.iter2 near rows.HeldOut whole.HeldOut
                    near rows.ImageThreshold whole.ImageThreshold
                    near rows.PixelThreshold whole.PixelThreshold
                    Expect.equal rows.FalseAlarm whole.FalseAlarm "the rate")
            }

            test "fae trains, evaluates and calibrates on pictures of 17 million pixels, in a process of limited memory" {
                inTemporaryFolder (fun folder ->
                    let data = Path.Combine(folder, "data")

                    for part, count in [ "train/good", 6; "test/good", 2; "test/hole", 2 ] do
                        let place = Directory.CreateDirectory(Path.Combine(data, part)).FullName

                        for number in 1..count do
                            let picture = surface (uint64 (100 * part.Length + number)) 4100 4100
                            let defective = part = "test/hole"
                            writeTiff (Path.Combine(place, $"{number}.tif")) (if defective then dark 2000 1500 90 picture else picture)

                            if defective then
                                let masks = Directory.CreateDirectory(Path.Combine(data, "ground_truth", "hole")).FullName

                                let mask =
                                    Image.constant 1 4100 4100 1.0f
                                    |> dark 2000 1500 90
                                    |> Image.map (fun v -> if v < 0.5f then 1.0f else 0.0f)

                                writeTiff (Path.Combine(masks, $"{number}_mask.tif")) mask

                    let run, out = Path.Combine(folder, "run"), Path.Combine(folder, "out")

                    let trained =
                        confined
                            3000
                            ([
                                "train"
                                "--config"
                                Path.Combine(repository, "configs", "methods", "patchcore.toml")
                                "--data"
                                data
                                "--out"
                                run
                             ]
                             @ [ "--set"; "image.tile=512"; "--set"; "image.size=128"; "--set"; "image.overlap=64" ]
                             @ [ "--set"; "network.bank_size=300"; "--set"; "network.bank_cap=10000" ])

                    Expect.equal trained.Code 0 trained.Error
                    Expect.stringContains trained.Error "too large to hold" "it says so"
                    let struct (card, _) = ModelFile.Read(ModelFile.PathOf run)
                    Expect.equal card.TrainedOn.Count 6 "pictures, not pieces"
                    Expect.equal card.HeldOut.Count 2 "two of them were held out before"
                    Expect.equal card.Calibration.HeldOut.Length card.HeldOut.Count "a score for each held-out picture"
                    let eval more = confined 3000 ([ "eval"; "--model"; run; "--data"; data; "--json"; "-" ] @ more)
                    let first = eval [ "--out"; out ]
                    Expect.equal first.Code 0 first.Error
                    Expect.isTrue (File.Exists(Path.Combine(out, "report.html"))) "a report"
                    use metrics = JsonDocument.Parse first.Output
                    let metric (name: string) = metrics.RootElement.GetProperty(name).GetDouble()
                    Expect.equal (metric "image_auroc") 1.0 "the holes are found"
                    Expect.isGreaterThan (metric "pixel_auroc") 0.98 "where they are"
                    let second = eval [ "--set"; "score.filter_size=5" ]
                    Expect.equal second.Code 0 second.Error
                    use other = JsonDocument.Parse second.Output

                    Expect.notEqual
                        (other.RootElement.GetProperty("threshold_image").GetDouble())
                        (metric "threshold_image")
                        "calibrated anew"

                    let compared = eval [ "--compare"; Path.Combine(folder, "c.txt") ]
                    Expect.stringContains compared.Error "can be held" "what cannot be compared")
            }
        ]
