/// Good pictures that are unlike the others: found by features, listed, shown, and left out where that is asked.
module Fae.Tests.OutlierTests

open System.IO
open System.Threading
open Expecto
open Fae.Core
open Fae.Detection
open Fae.Report
open Fae.Training
open Fae.Tests.Helpers

/// A surface with noise of its own; some have a spot, at a place and of a brightness of their own.
let private surface spotted number =
    Image.init 1 96 96 (fun _ y x ->
        let noise = 0.06f * Random.toUnit (Random.hash (uint64 number) (uint64 (96 * y + x)))
        let bright = number % 2 = 1

        if List.contains number spotted && abs (y - 60) < 6 && abs (x - (if bright then 30 else 66)) < 6 then
            if bright then 0.95f else 0.05f
        else
            0.4f + 0.2f * sin (0.5f * float32 x) + noise)

let private packaged = lazy Backbone.Read(packagedBackbone, { Config.defaults.Features with UnitLength = true })

let private find ignore images =
    use extractor = new FeatureExtractor(packaged.Value, 1)
    let finder = OutlierFinder(Config.defaults.Network, extractor, Random.ofSeed 5UL)
    let mutable told = 0.0
    let tell share = told <- share
    let found = finder.Find(FitPictures(images, List.length images), ignore, tell, CancellationToken.None) |> List.ofSeq
    found, told

let private farthest (found: PictureDistance list) count =
    found |> List.sortByDescending _.Score |> List.truncate count |> List.map _.Number

let tests =
    testList
        "Outliers"
        [
            test "bad pictures among the good ones are the farthest, though a bank of all holds them; the map says where" {
                let found, told = find null [ for i in 0..19 -> surface [ 3; 12 ] i ]
                Expect.equal (found |> List.map _.Number) [ 0..19 ] "all, in their order"
                Expect.equal (Set.ofList (farthest found 2)) (set [ 3; 12 ]) "the two with a spot"
                Expect.equal told 1.0 "all is done"
                let map = found[3].Map
                let at = map.Pixels |> Array.indexed |> Array.maxBy snd |> fst
                let y, x = 96 * (at / map.Width) / map.Height, 96 * (at % map.Width) / map.Width
                Expect.isTrue (abs (y - 60) <= 16 && abs (x - 30) <= 16) $"the spot, not {y}, {x}"
            }
            test "patches under the ignore mask do not count" {
                let ignore = Image.init 1 96 96 (fun _ y _ -> if y >= 36 then 1.0f else 0.0f)
                let with', _ = find ignore [ for i in 0..19 -> surface [ 3 ] i ]
                let visible, _ = find null [ for i in 0..19 -> surface [ 3 ] i ]
                let farthestPlace (found: PictureDistance list) = Array.max found[3].Map.Pixels
                // Patches beside the mask still see a part of the spot; a prepared picture has none there.
                Expect.isLessThan (farthestPlace with') (0.8f * farthestPlace visible) "its patches count as the mean of the others"
            }
            test "the same pictures and seed give the same bits; one picture has no others" {
                let images = [ for i in 0..7 -> surface [ 2 ] i ]
                let scores (found: PictureDistance list, _) = found |> List.map _.Score
                Expect.equal (scores (find null images)) (scores (find null images)) "twice"
                Expect.isEmpty (fst (find null images[..0])) "alone"
            }
            test "the maps are those of the plain distances to the patches of other pictures" {
                use extractor = new FeatureExtractor(packaged.Value, 1)
                let images = [ for i in 0..5 -> surface [ 2 ] i ]
                // Every patch is an entry.
                let settings = { Config.defaults.Network with BankSize = 10_000 }

                let found =
                    OutlierFinder(settings, extractor, Random.ofSeed 5UL).Find(FitPictures(images, 6), null, ignore, CancellationToken.None)

                let embedded = List.ofSeq (extractor.Embed(Array.ofList images))
                let patch (map: Image) i = Array.init map.Channels (fun d -> map.Pixels[d * map.Area + i])

                let bank =
                    [|
                        for map in embedded do
                            for i in 0 .. map.Area - 1 -> patch map i
                    |]

                let owners =
                    [|
                        for number, map in List.indexed embedded do
                            for _ in 1 .. map.Area -> number
                    |]

                let plain =
                    Outliers.ofDistances
                        [
                            for number, map in List.indexed embedded ->
                                Array.init map.Area (fun i -> float32 (MemoryBank.nearestOfOthers bank owners number (patch map i)))
                                |> Image.ofArray 1 map.Height map.Width
                        ]

                for ours, (map, score) in Seq.zip found plain do
                    Expect.isTrue (Fae.Spec.Near.images (1e-3f * Array.max map.Pixels) ours.Map map) $"the map of {ours.Number}"
                    Expect.isTrue (Fae.Spec.Near.numbers (1e-3 * float score) (float ours.Score) (float score)) "its score"
            }
            law "a patch's distance is that to the nearest entry of another picture" (fun (seed: uint64) ->
                let drawn count =
                    [|
                        for i in 0 .. count - 1 ->
                            [| for d in 0..4 -> Random.toUnit (Random.hash (Random.hash seed (uint64 i)) (uint64 d)) |]
                    |]

                let bank = drawn 12
                let owners = [| for i in 0..11 -> i % 3 |]

                drawn 20
                |> Array.forall (fun vector ->
                    let others =
                        [|
                            for i in 0..11 do
                                if owners[i] <> 1 then bank[i]
                        |]

                    let distance = MemoryBank.nearestOfOthers bank owners 1 vector

                    distance = MemoryBank.nearest others vector
                    && MemoryBank.nearestOfOthers bank (Array.create 12 1) 1 vector = 0.0
                    && distance >= MemoryBank.nearest bank vector))
            test "the list: the farthest first, in medians; far out, outside, or neither; read again as it was written" {
                let scores = Array.init 41 (fun i -> 1.0f + 0.005f * float32 i)
                scores[7] <- 9.0f
                scores[8] <- 1.4f
                let listed = OutlierReport.ofScores [| for i in 0..40 -> $"good/{i}.png" |] scores
                Expect.equal (listed |> Array.truncate 2 |> Array.map _.Path) [| "good/7.png"; "good/8.png" |] "the order"

                Expect.equal
                    (listed |> Array.truncate 3 |> Array.map _.Outlier)
                    [| OutlierReport.farOut; OutlierReport.outside; null |]
                    "marks"

                Expect.floatClose Accuracy.low listed[0].Distance (9.0 / Statistics.median (Array.map float scores)) "over the median"

                match OutlierReport.tryParse (OutlierReport.toJson listed) with
                | Some again ->
                    let fields = Array.map (fun (one: OutlierJson) -> one.Path, one.Distance, one.Outlier)
                    Expect.equal (fields again) (fields listed) "the same list"
                | None -> failtest "cannot be read"

                Expect.isNone (OutlierReport.tryParse "[{") "half a list"
            }
            test "the page escapes names and shows two pictures for each" {
                let image = surface [] 1
                let json = { Path = "good/<b>.png"; Distance = 1.5; Outlier = OutlierReport.outside }
                let view = { Json = json; Picture = image; Map = Image.constant 1 12 12 1.0f }
                let page = OutlierReport.html "t" 30 0.5f 0.8f [ view; { view with Json = { json with Outlier = null } } ]
                Expect.stringContains page "good/&lt;b&gt;.png" "escaped"
                let count (part: string) = page.Split(part).Length - 1
                Expect.equal (count "data:image/jpeg") 4 "pictures"
                Expect.equal (count "more than usual") 1 "one mark"
            }
            test "train.drop_outliers: bad parts are listed first and are not trained on" {
                inTemporaryFolder (fun folder ->
                    let data, out = Path.Combine(folder, "data"), Path.Combine(folder, "run")

                    for number in 0..29 do
                        writePng data $"good/{number:D2}.png" (surface [ 4 ] number) |> ignore

                    let patchcore = Path.Combine(repository, "configs", "methods", "patchcore.toml")

                    let run =
                        fae
                            [
                                "train"
                                "--config"
                                patchcore
                                "--data"
                                data
                                "--out"
                                out
                                "--set"
                                "image.size=96"
                                "--set"
                                "train.drop_outliers=true"
                                "--set"
                                "train.groups=none"
                            ]

                    Expect.equal run.Code 0 run.Error
                    Expect.isTrue (File.Exists(Path.Combine(out, "outliers.html"))) "the page"
                    let listed = (OutlierReport.tryParse (File.ReadAllText(Path.Combine(out, "outliers.json")))).Value
                    Expect.equal listed[0].Path (Path.Combine("good", "04.png")) "the bad one first"
                    Expect.isNotNull listed[0].Outlier "and marked"
                    let struct (card, _) = ModelFile.Read(Path.Combine(out, "held-out.safetensors"))
                    Expect.isFalse (Seq.contains listed[0].Path card.TrainedOn) "not trained on"
                    Expect.isTrue (card.TrainedOn.Count + card.HeldOut.Count >= 27) "the others are")
            }
        ]
