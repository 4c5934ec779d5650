/// The paper's tables, the configurations and methods behind them, and the sweep that fills them.
module Fae.Tests.ReproduceTests

open System
open System.Threading
open Expecto
open Fae.Core
open Fae.Data
open Fae.Detection
open Fae.Paper
open Fae.Tests.Helpers
open Fae.Training
open Fae.Tests.TableTests

let private parsed name over =
    match ConfigFile.builtIn name with
    | None -> failtest $"{name} did not come with the program"
    | Some text ->
        match ConfigText.Parse(text, over) with
        | Ok config -> config
        | Error lines -> failtest (String.concat "\n" lines)

/// Fills memory that libtorch will hand out again with what is no number: whoever reads what nobody wrote is found out.
let private poison () =
    for length in [ 1L <<< 8; 1L <<< 11; 1L <<< 14; 1L <<< 16; 1L <<< 18 ] do
        [ for _ in 1..8 -> TorchSharp.torch.zeros([| length |], dtype = TorchSharp.torch.float32).fill_(nanf) ]
        |> List.iter _.Dispose()

let private trainSaying (progress: TrainProgress -> unit) (config: Config) size count =
    let cache = ImageCache.OfImages [| for i in 0 .. count - 1 -> part size i |]
    let heldOut = ImageCache.OfImages [| for i in 0..7 -> part size (1000 + i) |]
    let source = TrainingSource(config, cache, [||], None)
    let validation = SyntheticDefects.validation config source None heldOut

    let backbone =
        if NetworkGeometry.usesFeatures config.Network then
            Some(Backbone.Read(packagedBackbone, config.Features))
        else
            None

    let seed = Random.fork 3UL (Random.ofSeed (uint64 config.Train.Seed))
    use network = new Network(config.Network, 1, seed, null, Option.toObj backbone)

    let outcome =
        Trainer(network, config.Objective, config.Train, InputGeometry.trainSide config, source, validation, Progress = progress)
            .Run(null, CancellationToken.None)

    Expect.equal outcome.End TrainEnd.Finished "trained"

    Expect.isTrue (outcome.Best |> Seq.forall (fun array -> Array.forall Single.IsFinite array.Values)) "finite weights"

    outcome, validation, heldOut, backbone

let private train config size count = trainSaying ignore config size count

/// The weights of a method that is trained by steps, or fitted in one pass; the validation set and the held-out pictures.
let private fitted (config: Config) size count =
    if NetworkGeometry.isFittedInOnePass config.Network then
        let backbone = Backbone.Read(packagedBackbone, config.Features)
        use extractor = new FeatureExtractor(backbone, 1)
        let training = [| for i in 0 .. count - 1 -> part size i |]
        let heldOut = ImageCache.OfImages [| for i in 0..7 -> part size (1000 + i) |]
        let source = TrainingSource(config, ImageCache.OfImages training, [||], None)
        let validation = SyntheticDefects.validation config source None heldOut
        let fitter = MemoryBankFitter(config.Network, extractor, Random.ofSeed 1UL)
        fitter.Fit(training, count, null, CancellationToken.None), validation, heldOut, Some backbone
    else
        let outcome, validation, heldOut, backbone = train config size count
        outcome.Best, validation, heldOut, backbone

/// The method at a size that a test can wait for.
let private tiny (m: Method) steps =
    let config = parsed ("methods/" + m.Name) Config.defaults
    let size = 64

    { config with
        Config.Image.Size = size
        Config.Network.Width = 8
        Config.Network.Latent = min 64 config.Network.Latent
        Config.Network.Patch = 8
        Config.Network.InpaintGrids = (if config.Network.InpaintGrids.IsEmpty then [] else [ 8; 16 ])
        Corruption = { config.Corruption with CellsMin = 8; CellsMax = (if m.Name = "intra" then 8 else 16) }
        Config.Train.Steps = steps
        Config.Train.ValidateEvery = steps
        Config.Score.Views = 1
    }

let private methods =
    withTorch
        "Methods"
        [
            test "every category's configuration parses and trains two steps" {
                for category in Published.categories do
                    let config = parsed ("mvtec/" + category) Config.defaults

                    let wanted = if List.contains category Published.textures then 512 else 256

                    Expect.equal config.Image.Size wanted $"{category}: textures at 512, objects at 256"

                    let small = Cell.config Budget.Smoke { Method = Cell.paper; Category = category; Without = None; Seed = 1 } config

                    let two = { small with Config.Train.Steps = 2; Config.Train.Batch = 2 }

                    train two two.Image.Size 4 |> ignore
            }

            test "every method of the tables runs and has a configuration" {
                let titles = Method.all |> List.map _.Title

                for title in Published.imageAuroc.Methods do
                    Expect.contains titles title "every column has its method"

                for m in Method.all do
                    parsed ("methods/" + m.Name) Config.defaults |> ignore

                Expect.equal Method.all.Length 19 "the sixteen columns, and AE, DAE and RCAE"
            }

            for m in Method.all do
                test $"{m.Title} trains on a small set and separates bad parts from good ones" {
                    // Two networks after each other need more steps than one. At 400, DRAEM's second one is half trained: its pixel AUROC
                    // is between 0.6 and 0.98, by the processor's rounding. At 800 it is above 0.98 with seeds 0 to 2, AVX2 and AVX-512.
                    let steps =
                        match m.Name with
                        | "draem" -> 800
                        | "rdpp"
                        | "msflow"
                        | "realnet" -> 60
                        | _ -> 150

                    let config = tiny m steps
                    let size = config.Image.Size
                    let weights, validation, heldOut, backbone = fitted config size 40
                    use best = Reconstructor.Of(config.Network, 1, weights, null, null, Option.toObj backbone)
                    let augmentation = TestTimeAugmentation.Of(best, config)

                    let trials = ScoringSearch.Try(config, augmentation, validation, null)

                    let chosen = ScoringSearch.Choose(trials, validation.Clean.Count, validation.Corrupted.Count).Candidate
                    let calibration = Calibrator.Fit(chosen, config.Calibration, augmentation, heldOut, null)
                    let card = ModelCard(config, 1, calibration, [||], [||], "", "", null, Backbone = Option.toObj backbone)
                    use detector = Reconstructor.DetectorOf(card, weights, null)
                    let good = [ for i in 0..23 -> part size (2000 + i) ]
                    let bad, masks = [ for i in 0..23 -> blotted size (3000 + i) ] |> List.unzip
                    let findings = detector.Inspect(Array.ofList (good @ bad)) |> List.ofSeq
                    let labels = [| for i in 0..47 -> i >= 24 |]
                    let image = Metrics.auroc [| for f in findings -> f.Prediction.Score |] labels
                    let empty = Image.constant 1 size size 0.0f

                    let pixels = Fae.Kernels.PixelMetrics()

                    for finding, mask in Seq.zip findings ((good |> List.map (fun _ -> empty)) @ masks) do
                        pixels.Add(finding.Heatmap, mask)

                    let pixel = pixels.Summarise 10

                    match image, pixel with
                    | Ok image, Ok pixel ->
                        Expect.isGreaterThan image 0.7 $"image AUROC (pixel {pixel.Auroc:F3}; {ScoringSearch.Describe calibration.Scoring})"
                        Expect.isGreaterThan pixel.Auroc 0.7 $"pixel AUROC (image {image:F3}; {ScoringSearch.Describe calibration.Scoring})"
                    | _ -> failtest "no AUROC"

                    Expect.isTrue
                        (findings |> List.forall (fun f -> f.Reconstruction.Channels = 1))
                        "the reconstruction has the picture's planes"
                }

            test "two trainings of each kind of network with one seed give the same weights, whatever is in unused memory" {
                for m in Method.all |> List.filter (fun m -> m.Name <> "patchcore") do
                    let config = tiny m 3

                    let once progress =
                        let outcome, _, _, _ = trainSaying progress config config.Image.Size 8
                        outcome.Last |> Seq.map _.Values |> List.ofSeq

                    poison ()
                    Expect.isTrue (once ignore = once (fun _ -> poison ())) m.Title
            }
        ]

let tests = testList "Reproduction" [ tables; methods ]
