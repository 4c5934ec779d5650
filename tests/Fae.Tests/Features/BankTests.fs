/// Memory banks: their maps, what is usual at a place, what enters a bank.
module Fae.Tests.BankTests

open System
open System.IO
open System.Threading
open Expecto
open Fae.Core
open Fae.Detection
open Fae.Tests.FeatureTests
open Fae.Tests.Helpers
open Fae.Training
open TorchSharp

let tests =
    withTorch
        "Banks"
        [
            test "PatchCore in torch gives the maps of its graph" {
                use extractor = new FeatureExtractor(packaged.Value, 1)
                let good = [ for i in 0..3 -> picture 1 64 64 i ]
                let bank = bank extractor good null 3UL
                let network = { Config.defaults.Network with Kind = NetworkKind.MemoryBank }
                use onnx = new OnnxNetwork(network, 1, bank, packaged.Value)
                use torch = Network.Of(network, 1, bank, torch.CPU, packaged.Value)
                let images = [| picture 1 64 64 9; picture 1 64 64 11 |]

                for a, b in Seq.zip (onnx.Reconstruct images) (torch.Reconstruct images) do
                    Expect.equal a.Channels 2 "the picture and the map"
                    Expect.equal (Image.plane 0 a).Pixels (Image.plane 0 b).Pixels "the picture itself"
                    let near = Fae.Spec.Near.images (1e-3f * Array.max (Image.plane 1 b).Pixels) (Image.plane 1 a) (Image.plane 1 b)
                    Expect.isTrue near "the map"
            }

            test "distances are divided by what is usual at their places, in both engines" {
                use extractor = new FeatureExtractor(packaged.Value, 1)
                let bank = bank extractor [ for i in 0..3 -> picture 1 64 64 i ] null 3UL
                // The right half four times as far as the left.
                let places = NamedArray("bank_places", [| 1L; 1L; 1L; 8L |], [| 1.0f; 1.0f; 1.0f; 1.0f; 4.0f; 4.0f; 4.0f; 4.0f |])
                let placed = Array.append (Array.ofSeq bank) [| places |]
                let network = { Config.defaults.Network with Kind = NetworkKind.MemoryBank; BankPlaces = true }
                use without = new OnnxNetwork(network, 1, bank, packaged.Value)
                use onnx = new OnnxNetwork(network, 1, placed, packaged.Value)
                use torch = Network.Of(network, 1, placed, torch.CPU, packaged.Value)
                let images = [| picture 1 64 64 9 |]

                let map (network: IReconstructor) =
                    let answers = network.Reconstruct images
                    Image.plane 1 answers[0]

                let plain, ours, torchs = map without, map onnx, map torch
                let near a b = Fae.Spec.Near.numbers (1e-3 * float (Array.max plain.Pixels)) (float a) (float b)

                for y in [ 3; 30; 60 ] do
                    Expect.isTrue (near ours[0, y, 10] plain[0, y, 10]) $"the left, row {y}"
                    Expect.isTrue (near ours[0, y, 50] (plain[0, y, 50] / 4.0f)) $"the right, row {y}"

                Expect.isTrue (Fae.Spec.Near.images (1e-3f * Array.max plain.Pixels) ours torchs) "both engines"
            }

            test "places where good pictures vary are far from their bank; a picture's own entries do not count" {
                use extractor = new FeatureExtractor(packaged.Value, 1)
                // The left half varies from picture to picture, the right one is the same in all.
                let part number =
                    Image.init 1 64 64 (fun _ y x ->
                        let salt = if x < 32 then uint64 number else 1000UL
                        Random.toUnit (Random.hash salt (uint64 (64 * (y / 4) + x / 4))))

                // Every patch is an entry: its own distance would be 0.
                let network = { Config.defaults.Network with Kind = NetworkKind.MemoryBank; BankSize = 10_000 }
                let views = [| View.straight |]

                let fit (pictures: Image list) views number =
                    MemoryBankFitter(network, extractor, Random.ofSeed 1UL, Views = views, Number = number)
                        .Fit(pictures, pictures.Length, null, CancellationToken.None)
                    |> List.ofSeq

                match fit [ for i in 0..11 -> part i ] views 2 with
                | [ bank; places ] ->
                    Expect.equal (bank.Name, places.Name) ("bank_2", "bank_2_places") "both have names"
                    Expect.equal places.Shape [| 1L; 1L; 8L; 8L |] "as many places as patches"
                    let column x = [ for y in 0..7 -> places.Values[8 * y + x] ] |> List.average
                    Expect.isGreaterThan (column 0) 1.2f "the left varies"
                    Expect.isLessThan (column 7) 0.8f "the right does not"
                | other -> failtest $"{other.Length} arrays"

                Expect.equal (fit [ for i in 0..11 -> part i ] null 1).Length 1 "not asked for"
                Expect.equal (fit [ for i in 0..3 -> part i ] views 1).Length 1 "too few pictures"
                let symmetric = [| View.straight; { Flip = true; Turns = 0 } |]

                match fit [ for i in 0..11 -> part i ] symmetric 1 with
                | [ _ ] -> ()
                | [ _; places ] ->
                    for y in 0..7 do
                        for x in 0..7 do
                            Expect.floatClose
                                Accuracy.medium
                                (float places.Values[8 * y + x])
                                (float places.Values[8 * y + 7 - x])
                                "the same in both views"
                | other -> failtest $"{other.Length} arrays"
            }

            test "a bank is extended by new patches and keeps old ones" {
                use extractor = new FeatureExtractor(packaged.Value, 1)
                let network = { Config.defaults.Network with Kind = NetworkKind.MemoryBank; BankSize = 200 }
                let fitter from = MemoryBankFitter(network, extractor, Random.ofSeed 1UL, From = from)
                let fit from (pictures: Image list) = (fitter from).Fit(pictures, pictures.Length, null, CancellationToken.None)[0]
                let first = fit null [ picture 1 64 64 0 ]
                let both = fit first [ Image.map (fun v -> 1.0f - v) (picture 1 64 64 1) ]
                let rows (bank: NamedArray) = bank.Values |> Array.chunkBySize (int bank.Shape[1]) |> Array.map List.ofArray |> set
                Expect.equal (rows first).Count 64 "all patches of one picture"
                Expect.equal (rows both).Count 128 "and those of the other"
                Expect.isTrue (Set.isSubset (rows first) (rows both)) "the old ones stay where there is room"
            }

            test "the bank of all pictures holds the held-out ones too, that of the training pictures does not" {
                use extractor = new FeatureExtractor(packaged.Value, 1)
                let network = { Config.defaults.Network with Kind = NetworkKind.MemoryBank; BankSize = 1000 }
                let few (pictures: Image list) = FitPictures(pictures, pictures.Length)
                let fitter from fromAll = MemoryBankFitter(network, extractor, Random.ofSeed 1UL, From = from, FromAll = fromAll)
                let rows (bank: NamedArray) = bank.Values |> Array.chunkBySize (int bank.Shape[1]) |> Array.map List.ofArray |> set

                let fit from fromAll training further =
                    let fitted = (fitter from fromAll).Fit(few training, few further, null, CancellationToken.None)
                    fitted.OfTraining[0], fitted.OfAll[0]

                let training, heldOut = [ for i in 0..2 -> picture 1 64 64 i ], [ for i in 3..4 -> picture 1 64 64 i ]
                let ofTraining, ofAll = fit null null training heldOut
                let alone, _ = fit null null training []
                let ofHeldOut, _ = fit null null heldOut []
                Expect.equal (rows ofTraining) (rows alone) "as if nothing were held out"
                Expect.equal (rows ofAll) (rows alone + rows ofHeldOut) "both"
                Expect.isEmpty (Set.intersect (rows ofTraining) (rows ofHeldOut)) "what is held out is unknown"

                let small =
                    MemoryBankFitter({ network with BankSize = 50 }, extractor, Random.ofSeed 1UL)
                        .Fit(few training, few heldOut, null, CancellationToken.None)

                let entries, more = small.OfTraining[0], small.OfAll[0]
                Expect.equal more.Shape[0] 84L "in proportion as many entries for them"
                Expect.equal (Array.truncate entries.Values.Length more.Values) entries.Values "beside those of the training pictures"
                // An extension: each of the two banks goes on by itself.
                let later = [ picture 1 64 64 7 ]
                let longer, longerOfAll = fit ofTraining ofAll later heldOut
                let ofLater, _ = fit null null later []
                Expect.equal (rows longer) (rows alone + rows ofLater) "extended"
                Expect.equal (rows longerOfAll) (rows ofAll + rows ofLater) "extended, with the held-out ones"
            }

            test "a seed gives one bank; what lies under the ignore mask does not enter it" {
                use extractor = new FeatureExtractor(packaged.Value, 1)
                let good = [ for i in 0..5 -> picture 1 64 64 i ]
                Expect.equal (values (bank extractor good null 5UL)) (values (bank extractor good null 5UL)) "the same"
                Expect.notEqual (values (bank extractor good null 5UL)) (values (bank extractor good null 6UL)) "another"
                // The left half is hidden: its content changes nothing.
                let half = Image.init 1 64 64 (fun _ _ x -> if x < 32 then 1.0f else 0.0f)
                let width = (values (bank extractor good half 5UL)).Length
                Expect.isGreaterThan width 0 "the right half enters"

                Expect.throwsT<InvalidDataException>
                    (fun () -> bank extractor good (Image.constant 1 64 64 1.0f) 5UL |> ignore)
                    "nothing is left"
            }

            test "a bank of mirrored views is that of mirrored pictures; their ignore mask is mirrored with them" {
                use extractor = new FeatureExtractor(packaged.Value, 1)
                let mirrored = { Flip = true; Turns = 0 }
                let network = { Config.defaults.Network with Kind = NetworkKind.MemoryBank; BankSize = 100; BankCap = 10_000 }

                let fit (views: View list) (pictures: Image list) hidden =
                    MemoryBankFitter(network, extractor, Random.ofSeed 5UL, EntryViews = List.toArray views)
                        .Fit(pictures, pictures.Length, hidden, CancellationToken.None)
                    |> values

                let good = [ for i in 0..3 -> picture 1 64 64 i ]
                let both = good |> List.collect (fun image -> [ image; Image.flip image ])
                let inViews = fit [ View.straight; mirrored ] good
                Expect.equal (inViews null) (fit [ View.straight ] both null) "without a mask"
                let half = Image.init 1 64 64 (fun _ _ x -> if x < 32 then 1.0f else 0.0f)
                Expect.equal (fit [ mirrored ] good half) (fit [ View.straight ] (List.map Image.flip good) (Image.flip half)) "with one"
            }

            BackboneTests.bad

            test "PatchCore by the verbs: train, resume, eval, inspect, tiles, an export with its self-check" {
                inTemporaryFolder (fun folder ->
                    let data = Path.Combine(folder, "data")

                    let write name image = writePng data name image |> ignore

                    for number in 0..29 do
                        write $"train/good/{number:D3}.png" (part 96 number)

                    for number in 0..9 do
                        write $"test/good/{number:D3}.png" (part 96 (100 + number))
                        let image, mask = blotted 96 (200 + number)
                        write $"test/blot/{number:D3}.png" image
                        write $"ground_truth/blot/{number:D3}_mask.png" mask

                    let train out more =
                        fae (
                            [
                                "train"
                                "--config"
                                Path.Combine(repository, "configs", "methods", "patchcore.toml")
                                "--data"
                                data
                                "--out"
                                Path.Combine(folder, out)
                                "--set"
                                "image.size=96"
                                "--set"
                                "network.bank_size=200"
                                "--set"
                                "train.held_out=0.3"
                            ]
                            @ more
                        )

                    for out, more in
                        [
                            "whole", []
                            "views", [ "--set"; "score.views=4" ]
                            "tiles", [ "--set"; "image.tile=64"; "--set"; "image.size=64"; "--set"; "image.overlap=16" ]
                        ] do
                        let trained = train out more
                        Expect.equal trained.Code 0 trained.Error
                        let model = Path.Combine(folder, out)
                        let json = Path.Combine(folder, out + ".json")
                        let measured = fae [ "eval"; "--model"; model; "--data"; data; "--json"; json ]
                        Expect.equal measured.Code 0 measured.Error
                        let root = (Text.Json.JsonDocument.Parse(File.ReadAllText json)).RootElement
                        Expect.isGreaterThan (root.GetProperty("image_auroc").GetDouble()) 0.95 $"{out}: image AUROC"
                        Expect.isGreaterThan (root.GetProperty("pixel_auroc").GetDouble()) 0.9 $"{out}: pixel AUROC"

                        let exported =
                            fae (
                                [ "export"; "--model"; model; "--onnx"; Path.Combine(folder, out + ".onnx") ]
                                @ (if out = "tiles" then [ "--camera"; "96x96" ] else [])
                            )

                        Expect.equal exported.Code 0 exported.Error
                        Expect.stringContains exported.Error "self-check" "compared with the model"

                    let bankBy most =
                        let out = $"of-{most}"
                        let trained = train out [ "--set"; $"network.bank_pictures={most}" ]
                        Expect.equal trained.Code 0 trained.Error
                        let struct (_, arrays) = ModelFile.Read(Path.Combine(folder, out, ModelFile.Main))
                        values arrays

                    let struct (_, whole) = ModelFile.Read(Path.Combine(folder, "whole", ModelFile.Main))
                    Expect.equal (bankBy 30) (values whole) "all of the 30 pictures enter the bank"
                    Expect.notEqual (bankBy 6) (values whole) "six of them do"

                    for number in 30..39 do
                        write $"train/good/{number:D3}.png" (part 96 number |> Image.map (fun v -> 0.8f * v))

                    let run = Path.Combine(folder, "whole")
                    let longer = Path.Combine(folder, "longer")
                    let extend more = fae ([ "train"; "--extend"; run; "--data"; data; "--out"; longer ] @ more)
                    let extended = extend []
                    Expect.equal extended.Code 0 extended.Error
                    Expect.stringContains extended.Error "new good pictures" "what is new is counted"
                    let struct (before, _) = ModelFile.Read(ModelFile.PathOf run)
                    let struct (after, _) = ModelFile.Read(ModelFile.PathOf longer)
                    Expect.equal (Seq.length after.TrainedOn) 40 "all pictures are in its bank"
                    Expect.isTrue (Seq.forall (fun name -> Seq.contains name after.HeldOut) before.HeldOut) "held out is held out"
                    let measured = fae [ "eval"; "--model"; longer; "--data"; data ]
                    Expect.equal measured.Code 0 measured.Error
                    Expect.stringContains (extend [ "--steps"; "9" ]).Error "leave it out" "the configuration is the model's"
                    let nothing = fae [ "train"; "--extend"; longer; "--data"; data; "--out"; Path.Combine(folder, "again") ]
                    Expect.equal nothing.Code 2 nothing.Error
                    Expect.stringContains nothing.Error "no good picture that the model does not know" nothing.Error

                    let again = train "whole" [ "--resume" ]
                    Expect.equal again.Code 0 again.Error
                    let missing = train "none" [ "--set"; "features.backbone=/no/such/file.onnx" ]
                    Expect.equal missing.Code 4 missing.Error
                    Expect.stringContains missing.Error "cannot be read as a backbone" missing.Error)
            }
        ]
