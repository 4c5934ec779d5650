/// Features and memory banks in eight bits.
module Fae.Tests.Int8Tests

open System.IO
open Expecto
open Fae.Core
open Fae.Detection
open Fae.Tests.FeatureTests
open Fae.Tests.Helpers
open Fae.Training
open Microsoft.ML.OnnxRuntime
open Onnx
open TorchSharp

let private good = [ for i in 0..3 -> picture 1 96 96 i ]

let private quantised = lazy packaged.Value.Quantised(1, [| 1.0f |], Array.ofList good)

let private bankOf backbone =
    use extractor = new FeatureExtractor(backbone, 1)
    bank extractor good null 3UL

let private network = { Config.defaults.Network with Kind = NetworkKind.MemoryBank }

/// The operations that ONNX Runtime runs in the place of a network's.
let private operations (bytes: byte[]) =
    inTemporaryFolder (fun folder ->
        let path = Path.Combine(folder, "optimised.onnx")

        using (new SessionOptions(OptimizedModelFilePath = path)) (fun options ->
            options.GraphOptimizationLevel <- GraphOptimizationLevel.ORT_ENABLE_EXTENDED
            using (new InferenceSession(bytes, options)) ignore)

        let model = ModelProto.Parser.ParseFrom(File.ReadAllBytes path)
        [ for node in model.Graph.Node -> node.OpType ])

/// The mean difference of two maps over the mean of the second.
let private difference (a: Image) (b: Image) =
    Array.sum (Array.map2 (fun x y -> abs (x - y)) a.Pixels b.Pixels) / Array.sum (Array.map abs b.Pixels)

let private maps (network: IReconstructor) images = [ for answer in network.Reconstruct images -> Image.plane 1 answer ]

let tests =
    withTorch
        "Int8"
        [
            test "features in eight bits are nearly those in 32-bit floats; a model file keeps them in a third of the bytes" {
                use floats = new FeatureExtractor(packaged.Value, 1)
                use bytes = new FeatureExtractor(Backbone.Of quantised.Value.Bytes, 1)
                let images = [| picture 1 96 96 9; picture 1 64 80 11 |]

                for image in images do
                    let exact, rounded = (floats.Embed [| image |])[0], (bytes.Embed [| image |])[0]
                    Expect.isLessThan (difference rounded exact) 0.06f $"{image.Width}×{image.Height}"
                    Expect.isGreaterThan (difference rounded exact) 0.0f "they are not the same"

                Expect.isLessThan (3 * quantised.Value.Bytes.Length) packaged.Value.Bytes.Length "weights are bytes"
            }

            test "ONNX Runtime computes every convolution, every sum and the search in eight bits" {
                let run = operations (NetworkGraph.Of(network, 1, bankOf quantised.Value, quantised.Value))
                let count name = run |> List.filter ((=) name) |> List.length
                let inFloats = packaged.Value.Graph.Node |> Seq.countBy _.OpType |> Map.ofSeq
                Expect.equal (count "QLinearConv", count "Conv") (inFloats["Conv"], 0) "convolutions"
                Expect.equal (count "QLinearAdd") inFloats["Add"] "sums"
                Expect.equal (count "QGemm", count "Gemm", count "MatMul") (1, 0, 0) "the search"
            }

            test "a bank in eight bits gives nearly the maps of one in floats, on every batch, and in torch" {
                let images = [| for i in 9..11 -> picture 1 64 64 i |]
                let bank = bankOf quantised.Value
                use floats = new OnnxNetwork(network, 1, bankOf packaged.Value, packaged.Value)
                use onnx = new OnnxNetwork(network, 1, bank, quantised.Value)
                use torch = Network.Of(network, 1, bank, torch.CPU, quantised.Value)
                let together = maps onnx images

                for exact, rounded in List.zip (maps floats images) together do
                    Expect.isLessThan (difference rounded exact) 0.08f "as in floats"

                for image, rounded in Seq.zip images together do
                    Expect.equal (maps onnx [| image |]).Head.Pixels rounded.Pixels "alone as with others"

                for ours, theirs in List.zip together (maps torch images) do
                    Expect.isLessThan (difference ours theirs) 0.02f "in torch"
            }

            test "a bright defect on dark parts is in the range of the first bytes" {
                let dark = good |> List.map (Image.map (fun v -> 0.1f * v)) |> Array.ofList
                let backbone = packaged.Value.Quantised(1, [| 1.0f |], dark)
                let bright = picture 1 96 96 9 |> Image.map (fun v -> min 1.0f (1.3f * v))
                use floats = new FeatureExtractor(packaged.Value, 1)
                use bytes = new FeatureExtractor(backbone, 1)
                let rounded, exact = (bytes.Embed [| bright |])[0], (floats.Embed [| bright |])[0]
                Expect.isLessThan (difference rounded exact) 0.2f "its features are there"
            }
        ]
