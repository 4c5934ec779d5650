/// A U-Net and a memory bank in one model, their maps combined: what `fae train` does without a configuration.
module Fae.Tests.CombinedTests

open System
open System.IO
open System.Threading
open Expecto
open Fae.Core
open Fae.Detection
open Fae.Tests.Helpers
open Fae.Training
open TorchSharp

let private backbone = lazy Backbone.Read(packagedBackbone, Config.defaults.Features)

/// A memory bank of some parts, and a U-Net that changes its pictures.
let private arrays (settings: NetworkSettings) =
    use extractor = new FeatureExtractor(backbone.Value, 1)
    let fitter = MemoryBankFitter({ settings with BankSize = 60 }, extractor, Random.ofSeed 1UL)
    let bank = fitter.Fit([ for i in 0..2 -> part 64 i ], 3, null, CancellationToken.None)
    use drawn = new Network(NetworkGeometry.withoutBank settings, 1, Random.ofSeed 3UL)

    let moved =
        [|
            for array in drawn.Save() ->
                if Array.forall (fun v -> v = 0.0f) array.Values then
                    NamedArray(array.Name, array.Shape, (Noise.field 5UL 0.05f 1 1 array.Values.Length).Pixels)
                else
                    array
        |]

    moved, bank, (TrainOutcome(TrainEnd.Finished, 1, moved, moved, [||])).WithBank(FittedBank(bank, bank)).Best

let tests =
    testList
        "Combined"
        [
            test "a U-Net with a memory bank gives the pictures of the one and the maps of the other, in both engines" {
                let settings = { Config.defaults.Network with Width = 8; Depth = 1; Dilations = [ 1 ]; Perceptual = Perceptual.MemoryBank }

                let alone, bank, both = arrays settings
                let bankAlone = { settings with Kind = NetworkKind.MemoryBank; Perceptual = Perceptual.None }
                use onnx = new OnnxNetwork(settings, 1, both, backbone.Value)
                use torch = Network.Of(settings, 1, both, torch.CPU, backbone.Value)
                use unet = new OnnxNetwork(NetworkGeometry.withoutBank settings, 1, alone)
                use patchCore = new OnnxNetwork(bankAlone, 1, bank, backbone.Value)
                let images = [| part 64 9; part 64 11 |]
                let near scale (a: Image) (b: Image) what = Expect.isLessThan (Fae.Spec.Near.distance a b) scale what
                let answers (network: IReconstructor) = List.ofSeq (network.Reconstruct images)

                for repaired, map, (a, b) in Seq.zip3 (answers unet) (answers patchCore) (List.zip (answers onnx) (answers torch)) do
                    let map = Image.plane 1 map
                    let scale = 1e-3f * Array.max map.Pixels
                    Expect.equal a.Channels 2 "the picture and the map"
                    near 1e-4f (Image.plane 0 a) repaired "ONNX Runtime: the U-Net's picture"
                    near 1e-4f (Image.plane 0 b) repaired "torch: the U-Net's picture"
                    near scale (Image.plane 1 a) map "ONNX Runtime: the bank's map"
                    near scale (Image.plane 1 b) map "torch: the bank's map"
            }

            test "an extractor at half the size sees the mean of each two by two pixels" {
                use half = new FeatureExtractor(backbone.Value, 1, 0.5f)
                use whole = new FeatureExtractor(backbone.Value, 1)
                let picture = part 96 4

                for a, b in Seq.zip (half.Embed [| picture |]) (whole.Embed [| Difference.halve picture |]) do
                    Expect.isLessThan (Fae.Spec.Near.distance a b) 1e-4f "the embedding"

                // Twice 0.4 of 96 is 76.8: 77 pixels, then 38, a quarter of which the stages see.
                use smaller = new FeatureExtractor(backbone.Value, 1, 0.4f)
                let embedding = smaller.Embed([| picture |])[0]
                Expect.equal (embedding.Height, embedding.Width) (5, 5) "38 pixels are five places of eight"
            }

            test "two memory banks see the picture at two scales, in both engines: one map each" {
                let settings =
                    { Config.defaults.Network with
                        Width = 8
                        Depth = 1
                        Dilations = [ 1 ]
                        Perceptual = Perceptual.MemoryBank
                        BankScales = Some [ 1.0f; 0.5f ]
                    }

                let known, other = [ for i in 0..2 -> part 64 i ], part 64 9

                // Large enough for all patches: a known picture is at no distance.
                let bank number scale =
                    use extractor = new FeatureExtractor(backbone.Value, 1, scale)

                    MemoryBankFitter({ settings with BankSize = 1000 }, extractor, Random.ofSeed 1UL, Number = number)
                        .Fit(known, 3, null, CancellationToken.None)

                let alone, _, _ = arrays settings
                let banks = Seq.append (bank 1 1.0f) (bank 2 0.5f) |> Array.ofSeq
                let both = (TrainOutcome(TrainEnd.Finished, 1, alone, alone, [||])).WithBank(FittedBank(banks, banks)).Best
                use onnx = new OnnxNetwork(settings, 1, both, backbone.Value)
                use torch = Network.Of(settings, 1, both, torch.CPU, backbone.Value)
                let images = [| known[1]; other |]
                let answers (network: IReconstructor) = Array.ofSeq (network.Reconstruct images)
                let a, b = answers onnx, answers torch
                Expect.equal a[0].Channels 3 "the picture and two maps"

                for plane in 1..2 do
                    let highest i = Array.max (Image.plane plane a[i]).Pixels
                    Expect.isLessThan (highest 0) (0.05f * highest 1) $"bank {plane}: a known picture is near, another is not"

                    // Where the distance is 0, its root is of rounding errors alone: the engines are compared on the other picture.
                    let apart = Fae.Spec.Near.distance (Image.plane plane a[1]) (Image.plane plane b[1])
                    Expect.isLessThan apart (1e-3f * highest 1) "the engines agree"

                // A bank that does not help is left out of the model: what is left gives the same picture and maps.
                let ofAll = [| for bank in banks -> NamedArray(bank.Name, bank.Shape, Array.map (fun v -> v + 1.0f) bank.Values) |]
                let outcome = (TrainOutcome(TrainEnd.Finished, 1, alone, alone, [||])).WithBank(FittedBank(banks, ofAll))

                for kept in [ [ 2 ]; [ 1 ]; [] ] do
                    let fewer = NetworkGeometry.withBanks kept settings
                    let weights = (outcome.WithBanks(List.toArray kept)).Best

                    match (outcome.WithBanks(List.toArray kept)).WithHeldOut with
                    | null -> Expect.isEmpty kept "a U-Net alone knows no held-out picture"
                    | withHeldOut ->
                        let banksOf arrays = arrays |> Seq.filter (fun (array: NamedArray) -> array.Name.StartsWith "bank") |> List.ofSeq

                        for kept, before in List.zip (banksOf withHeldOut) (banksOf weights) do
                            Expect.equal kept.Name before.Name "named alike"
                            Expect.equal kept.Values (Array.map (fun v -> v + 1.0f) before.Values) "the same bank, of all pictures"

                    use network = new OnnxNetwork(fewer, 1, weights, backbone.Value)
                    let left = (Seq.last (network.Reconstruct images))
                    Expect.equal left.Channels (1 + kept.Length) $"maps of {kept}"

                    for i, plane in List.indexed (0 :: kept) do
                        let apart = Fae.Spec.Near.distance (Image.plane i left) (Image.plane plane a[1])
                        Expect.isLessThan apart (1e-2f * Array.max (Image.plane plane a[1]).Pixels) $"plane {plane} of {kept}"

                    let measure = Geometric((0.4f, Mse) :: [ for number in kept -> 0.5f, AnomalyMap number ])
                    let same = Difference.map (Difference.onMaps kept measure) images[1] left
                    let whole = Difference.map measure images[1] a[1]
                    Expect.isLessThan (Fae.Spec.Near.distance same whole) (1e-2f * Array.max whole.Pixels) $"the measure on {kept}"
            }

            test "train without a configuration: both in one model, which evaluates, inspects and exports" {
                inTemporaryFolder (fun folder ->
                    let data, run = Path.Combine(folder, "data"), Path.Combine(folder, "run")

                    let write name image = writePng data name image |> ignore

                    // Tall pictures: 96 wide, 144 high.
                    let tall i = Image.crop 0 24 144 96 (part 144 i)

                    let spot (image: Image) =
                        Image.init 1 144 96 (fun _ y x -> if (y - 40) * (y - 40) + (x - 50) * (x - 50) < 64 then 0.1f else image[0, y, x])

                    for i in 0..19 do
                        write $"train/good/{i:D3}.png" (tall i)

                    for i in 0..5 do
                        write $"test/good/{i}.png" (tall (50 + i))
                        write $"test/spot/{i}.png" (spot (tall (60 + i)))

                        write
                            $"ground_truth/spot/{i}_mask.png"
                            (Image.map2 (fun a b -> if a = b then 0.0f else 1.0f) (tall (60 + i)) (spot (tall (60 + i))))

                    let settings =
                        [ "image.size=96"; "network.width=8"; "network.bank_size=200"; "train.held_out=0.3" ]
                        |> List.collect (fun pair -> [ "--set"; pair ])

                    let train more = fae ([ "train"; "--data"; data; "--out"; run; "--steps"; "60" ] @ settings @ more)
                    let trained = train []
                    Expect.equal trained.Code 0 trained.Error
                    Expect.stringContains trained.Error "no --config: a U-Net and memory banks" "what is trained"
                    Expect.stringContains trained.Error "anomaly_map@" "the maps are combined"
                    Expect.stringContains trained.Error "96×144, trained on 96×96" "the aspect ratio is kept"

                    for stage in [ "pictures …"; "features …"; @"step \d+/\d+ .*"; "scoring …"; "thresholds …" ] do
                        Expect.isMatch
                            trained.Error
                            (stage + @"  \d\d:\d\d:\d\d left")
                            $"{stage}: the time left until the model is written"

                    let compared = Path.Combine(folder, "compared.txt")
                    let measured = fae [ "eval"; "--model"; run; "--data"; data; "--json"; "-"; "--compare"; compared ]
                    Expect.equal measured.Code 0 measured.Error
                    use json = Text.Json.JsonDocument.Parse measured.Output
                    Expect.isGreaterThan (json.RootElement.GetProperty("image_auroc").GetDouble()) 0.95 "image AUROC"
                    Expect.isGreaterThan (json.RootElement.GetProperty("pixel_auroc").GetDouble()) 0.9 "pixel AUROC"
                    Expect.stringContains (File.ReadAllText compared) "anomaly_map, mean filter" "the bank's map is among the candidates"
                    let exported = fae [ "export"; "--model"; run; "--onnx"; Path.Combine(folder, "detector.onnx") ]
                    Expect.equal exported.Code 0 exported.Error
                    Expect.stringContains exported.Error "self-check" "compared with the model"
                    let alone = fae [ "eval"; "--model"; run; "--data"; data; "--set"; "score.measure=anomaly_map" ]
                    Expect.equal alone.Code 0 alone.Error
                    let again = train [ "--resume"; "--set"; "network.bank_size=150"; "--set"; "network.bank_places=true" ]
                    Expect.equal again.Code 0 again.Error
                    Expect.isFalse (again.Error.Contains "step ") "other banks, no step again"
                    let byItsPlan = fae [ "train"; "--data"; data; "--out"; run; "--resume" ]
                    Expect.equal byItsPlan.Code 0 byItsPlan.Error
                    Expect.stringContains byItsPlan.Error "96×144, trained on 96×96" "resumed by what its own folder says"
                    let refused = train [ "--set"; "network.kind=memory_bank" ]
                    Expect.equal refused.Code 2 "a bank beside a bank"

                    let quick = Path.Combine(folder, "quick")
                    let fast more = fae ([ "train"; "--data"; data; "--out"; quick; "--steps"; "20"; "--fast" ] @ more)
                    let trained = fast []
                    Expect.equal trained.Code 0 trained.Error
                    Expect.stringContains trained.Error "128×192" "no larger than it must be"
                    Expect.stringContains trained.Error " ms here" "the time for a picture"
                    let struct (card, _) = ModelFile.Read(ModelFile.PathOf quick)

                    let inEightBits =
                        card.Backbone
                        |> Option.ofObj
                        |> Option.map (fun backbone -> backbone.Graph.Node |> Seq.exists (fun node -> node.OpType = "QuantizeLinear"))

                    Expect.equal inEightBits (Some true) "pretrained features in eight bits"

                    for more in [ [ "--config"; "c.toml" ]; [ "--smallest-defect"; "3" ] ] do
                        let both = fast more
                        Expect.equal both.Code 2 both.Error
                        Expect.stringContains both.Error "--fast" "what to leave out")
            }
        ]
