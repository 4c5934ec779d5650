/// Features of pretrained networks: the packaged one, a user's own, and files that are neither.
module Fae.Tests.FeatureTests

open System
open System.IO
open System.Threading
open Expecto
open Fae.Core
open Fae.Detection
open Fae.Tests.Helpers
open Fae.Training
open Google.Protobuf
open Microsoft.ML.OnnxRuntime
open Onnx
open TorchSharp

let file = packagedBackbone
let settings = Config.defaults.Features
let packaged = lazy Backbone.Read(file, settings)

/// A picture with some structure at every scale.
let picture channels height width (number: int) =
    Image.init channels height width (fun c y x ->
        let noise = Random.toUnit (Random.hash (uint64 number) (uint64 ((c * height + y) * width + x)))
        0.5f + 0.3f * sin (float32 (x * (c + 1) + number) * 0.21f) * cos (float32 y * 0.13f) + 0.2f * (noise - 0.5f))

let relative (a: float32[]) (b: float32[]) =
    let largest = b |> Array.fold (fun m v -> max m (abs v)) 0.0f
    (Array.map2 (fun x y -> abs (x - y)) a b |> Array.max) / largest

/// The features of the file as it is, by its own names, of a picture in its own units.
let private original (image: Image) =
    let model = ModelProto.Parser.ParseFrom(File.ReadAllBytes file)
    model.Graph.Output.Clear()

    for tap in settings.Taps do
        model.Graph.Output.Add(ValueInfoProto(Name = tap))

    use options = new SessionOptions()
    use session = new InferenceSession(model.ToByteArray(), options)
    use run = new RunOptions()
    let means = [| 103.06f; 115.9f; 123.15f |]

    let input = Image.init 3 image.Height image.Width (fun c y x -> 255.0f * image[2 - c, y, x] - means[c])

    use value = OrtValue.CreateTensorValueFromMemory(input.Pixels, [| 1L; 3L; int64 image.Height; int64 image.Width |])
    use outputs = session.Run(run, [| model.Graph.Input[0].Name |], [| value |], Array.ofList settings.Taps)
    [ for output in outputs -> output.GetTensorDataAsSpan<float32>().ToArray() ]

/// The stages, then the embedding.
let private inTorch (backbone: Backbone) (image: Image) =
    let graph = OnnxGraph()
    let input = graph.Input("image", TensorProto.Types.DataType.Float, "n", image.Channels, "h", "w")
    let stages = EmbeddingGraph.Stages(graph, input, image.Channels, backbone)
    let embedding = EmbeddingGraph.OfStages(graph, stages, backbone.UnitLength)
    use network = new TorchGraph(graph.Proto, torch.CPU, (fun _ -> null))
    use _ = torch.NewDisposeScope()
    let x = torch.tensor(image.Pixels).reshape(1L, int64 image.Channels, int64 image.Height, int64 image.Width)

    [
        for value in network.Run(false, dict [ input, x ] |> Collections.Generic.Dictionary, [| yield! stages; embedding |]) ->
            value.contiguous().data<float32>().ToArray()
    ]

let bank (extractor: FeatureExtractor) (pictures: Image list) ignore seed =
    let network = { Config.defaults.Network with Kind = NetworkKind.MemoryBank; BankSize = 50; BankCap = 400 }
    MemoryBankFitter(network, extractor, Random.ofSeed seed).Fit(pictures, pictures.Length, ignore, CancellationToken.None)

let values (arrays: Collections.Generic.IReadOnlyList<NamedArray>) = arrays[0].Values

let tests =
    withTorch
        "Features"
        [
            test "the packaged ResNet-18, cut and folded, gives the features of its file" {
                let image = picture 3 224 224 1
                let all = { settings with Stages = [ 1; 2; 3; 4 ] }
                let cut = inTorch (Backbone.Cut(File.ReadAllBytes file, all)) image

                for stage, (ours, theirs) in List.indexed (List.zip (List.take 4 cut) (original image)) do
                    Expect.isLessThan (relative ours theirs) 1e-4f $"stage {stage + 1}"
            }

            test "only what its stages need is kept" {
                Expect.isLessThan packaged.Value.Bytes.Length 12_000_000 "to stage 3"
                let first = Backbone.Cut(File.ReadAllBytes file, { settings with Stages = [ 1 ] })
                Expect.isLessThan first.Bytes.Length 1_000_000 "to stage 1"
                Expect.equal (Backbone.Of(first.Bytes).Bytes) first.Bytes "and read again it is the same"
            }

            test "ONNX Runtime and torch give the same embedding at every size, of grey and of colour" {
                for channels, height, width in [ 1, 64, 64; 3, 64, 64; 3, 96, 161; 1, 130, 75 ] do
                    let image = picture channels height width 2
                    use extractor = new FeatureExtractor(packaged.Value, channels)
                    let embedding = (extractor.Embed [| image |])[0]
                    let torch = inTorch packaged.Value image |> List.last
                    Expect.isLessThan (relative embedding.Pixels torch) 1e-4f $"{channels}×{height}×{width}"
            }

            test "at unit length each stage's vectors have length one; a model file keeps that, and torch computes it" {
                let unit = Backbone.Cut(File.ReadAllBytes file, { settings with UnitLength = true })
                let image = picture 1 96 96 3
                let torch = inTorch unit image |> List.last

                for name, backbone in [ "as cut", unit; "of the bytes in a model file", Backbone.Of unit.Bytes ] do
                    use extractor = new FeatureExtractor(backbone, 1)
                    let embedding = (extractor.Embed [| image |])[0]
                    let squares = embedding.Pixels |> Array.sumBy (fun v -> v * v)
                    Expect.isLessThan (abs (squares / float32 embedding.Area - 2.0f)) 1e-3f $"{name}: two stages, at every place"
                    Expect.isLessThan (relative embedding.Pixels torch) 1e-4f $"{name}: in torch"
            }

            test "each method's network gives the same maps in ONNX Runtime and in torch" {
                let network = { Config.defaults.Network with Latent = 20; BankSize = 30; Width = 8 }
                let backboneOf stages = Backbone.Read(file, { settings with Stages = stages })
                let fine, all = backboneOf [ 1; 2; 3 ], backboneOf [ 1; 2; 3; 4 ]

                for name, settings, backbone in
                    [
                        "SimpleNet", { network with Kind = NetworkKind.SimpleNet }, packaged.Value
                        "GLASS", { network with Kind = NetworkKind.Glass }, packaged.Value
                        "RD++", { network with Kind = NetworkKind.ReverseDistillation }, fine
                        "MSFlow", { network with Kind = NetworkKind.MsFlow }, fine
                        "PNI", { network with Kind = NetworkKind.Pni }, packaged.Value
                        "RealNet", { network with Kind = NetworkKind.RealNet }, all
                        "a perceptual distance", { network with Perceptual = Perceptual.Distance; Residual = false }, fine
                        "a perceptual discriminator", { network with Perceptual = Perceptual.Discriminator; Residual = false }, fine
                    ] do
                    use torch = new Network(settings, 1, Random.ofSeed 4UL, null, backbone)
                    use onnx = new OnnxNetwork(settings, 1, torch.Save(), backbone)

                    for height, width in [ 64, 64; 96, 80 ] do
                        let images = [| picture 1 height width 9; picture 1 height width 11 |]

                        for a, b in Seq.zip (onnx.Reconstruct images) (torch.Reconstruct images) do
                            Expect.equal (a.Channels, a.Height, a.Width) (2, height, width) name
                            let map = (Image.plane 1 b).Pixels
                            let spread = Array.max map - Array.min map
                            Expect.isGreaterThan spread 0.0f $"{name}: its map is not constant"
                            let scale = 1e-3f * max spread (map |> Array.map abs |> Array.max)
                            Expect.isTrue (Fae.Spec.Near.images scale (Image.plane 1 a) (Image.plane 1 b)) $"{name}: the map"
                            Expect.isTrue (Fae.Spec.Near.images 1e-3f (Image.plane 0 a) (Image.plane 0 b)) $"{name}: the picture"
            }

            test "a stop during a fit, or before a training's first step, leaves nothing" {
                use extractor = new FeatureExtractor(packaged.Value, 1)
                let network = { Config.defaults.Network with Kind = NetworkKind.MemoryBank }
                let stopped = CancellationToken true
                let fitter = MemoryBankFitter(network, extractor, Random.ofSeed 1UL)

                Expect.throwsT<OperationCanceledException>
                    (fun () -> fitter.Fit([ picture 1 64 64 0 ], 1, null, stopped) |> ignore)
                    "while a bank is fitted"

                let config =
                    { Config.defaults with
                        Config.Image.Size = 64
                        Network = { network with Kind = NetworkKind.Pni; Latent = 8; BankSize = 20 }
                        Config.Train.Batch = 2
                    }

                let good = Fae.Data.ImageCache.OfImages [| for i in 0..3 -> picture 1 64 64 i |]
                let source = Fae.Data.TrainingSource(config, good, [||], None)
                let validation = Fae.Data.SyntheticDefects.validation config source None good
                use net = new Network(config.Network, 1, Random.ofSeed 1UL, null, packaged.Value)
                let trainer = Trainer(net, config.Objective, config.Train, 64, source, validation)
                Expect.throwsT<OperationCanceledException> (fun () -> trainer.Run(null, stopped) |> ignore) "while PNI's bank is made"
            }

        ]
