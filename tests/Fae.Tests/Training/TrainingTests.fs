module Fae.Tests.TrainingTests

open System
open System.IO
open System.Threading
open Expecto
open Fae.Core
open Fae.Data
open Fae.Detection
open Fae.Tests.Helpers
open Fae.Training

let config =
    { Config.defaults with
        Image = { Config.defaults.Image with Size = 32 }
        Network = { Config.defaults.Network with Width = 8; Depth = 1; Dilations = [ 1; 2 ] }
        Train = { Config.defaults.Train with Steps = 12; Batch = 4; ValidateEvery = 6 }
    }

let images =
    [|
        for i in 0..7 -> Image.init 1 32 32 (fun _ y x -> 0.5f + 0.3f * sin (float32 (x + i) * 0.7f) * cos (float32 y * 0.5f))
    |]

let source config = TrainingSource(config, ImageCache.OfImages images, [||], None)

let trainReading lossEvery config from stop =
    use network = new Network(config.Network, 1, Random.ofSeed 1UL)
    let source = source config
    let validation = SyntheticDefects.validation config source None (ImageCache.OfImages images[0..3])
    let mutable saved: Checkpoint option = None

    let trainer =
        Trainer(
            network,
            config.Objective,
            config.Train,
            config.Image.Size,
            source,
            validation,
            Save = (fun state -> saved <- Some state),
            ReadLossEvery = lossEvery
        )

    let outcome = trainer.Run(Option.toObj from, stop)
    outcome, saved

let train config from stop = trainReading 1 config from stop

let values (arrays: System.Collections.Generic.IReadOnlyList<NamedArray>) =
    arrays |> Seq.map (fun a -> a.Name, List.ofArray a.Values) |> List.ofSeq

let card (calibration: Calibration) = ModelCard(config, 1, calibration, [| "a.png" |], [| "b.png" |], "curve", "choice", null)

let calibration =
    Calibration.fit
        {
            Measure = Gms
            FilterSize = 5
            FilterPasses = 2
            Reduction = Top 0.25f
            Border = 3
            Normalisation = ByMedian 0.125f
        }
        0.25
        0.01
        [| 0.1f; 0.2f; 0.3f; 0.4f |]
        [| for i in 0..999 -> float32 i / 1000.0f |]

let tests =
    withTorch
        "Engine"
        [
            test "a residual network starts as the identity, at any size that its stride divides" {
                use network = new Network(config.Network, 1, Random.ofSeed 1UL)
                Expect.isLessThan (distance (network.Reconstruct images[0]) images[0]) 1e-6f "32×32"
                let wide = Image.constant 1 16 48 0.4f
                Expect.isLessThan (distance (network.Reconstruct wide) wide) 1e-6f "16×48"
            }

            test "ONNX Runtime gives what libtorch gives, for networks of every form, batches and shapes" {
                let shapes = [ 1, 2, 1, true; 1, 1, 3, true; 3, 4, 1, false; 3, 2, 2, true ]

                for channels, fold, depth, residual in shapes do
                    let settings = { config.Network with SpaceToDepth = fold; Depth = depth; Residual = residual; Dilations = [ 1; 2 ] }

                    // Weights and statistics of no training: every array counts.
                    let drawn (array: NamedArray) =
                        let key = array.Name |> Seq.fold (fun key letter -> Random.mix64 (key + uint64 letter)) 9UL

                        let value i =
                            if array.Name.EndsWith "running_var" then
                                0.5f + Random.toUnit (Random.hash key (uint64 i))
                            else
                                0.4f * (Random.toUnit (Random.hash key (uint64 i)) - 0.4f)

                        NamedArray(array.Name, array.Shape, Array.init array.Values.Length value)

                    use network = new Network(settings, channels, Random.ofSeed 1UL)
                    let weights = network.Save() |> Seq.map drawn |> Array.ofSeq
                    network.Load weights
                    use onnx = new OnnxNetwork(settings, channels, weights)

                    let some = [| for key in 1UL .. 9UL -> Fae.Spec.Generators.speckled key channels 64 96 |]

                    for torch, onnx in Seq.zip (network.Reconstruct some) (onnx.Reconstruct some) do
                        let largest = torch.Pixels |> Array.map abs |> Array.max
                        Expect.isGreaterThan largest 0.01f "an answer"
                        let what = $"{channels} channels, fold {fold}, depth {depth}, residual {residual}"
                        Expect.isLessThan (distance torch onnx) (1e-5f * (1.0f + largest)) what

                    let cut = weights |> Array.filter (fun array -> array.Name <> "exit.bias")

                    Expect.throwsT<System.IO.InvalidDataException>
                        (fun () -> (new OnnxNetwork(settings, channels, cut)).Dispose())
                        "an array is missing"
            }

            test "averaged over all views, a network is equivariant" {
                let outcome, _ = train config None CancellationToken.None
                use network = new Network(config.Network, 1, Random.ofSeed 1UL)
                network.Load outcome.Last
                let augmentation = TestTimeAugmentation(network, View.allowed true true true)
                let image = Fae.Spec.Generators.speckled 4UL 1 32 32
                let answer = augmentation.Reconstruct [| image |] |> Seq.head
                Expect.isGreaterThan (distance (network.Reconstruct image) answer) 1e-4f "one view is not eight"

                for view in View.allowed true true true do
                    let turned = augmentation.Reconstruct [| View.apply view image |] |> Seq.head
                    Expect.isLessThan (distance (View.undo view turned) answer) 1e-5f $"{view}"

                Expect.throwsT<System.ArgumentException> (fun () -> TestTimeAugmentation(network, []) |> ignore) "no view"
                let straight = TestTimeAugmentation(network, [ View.straight ]).Reconstruct [| image |] |> Seq.head
                Expect.equal straight (network.Reconstruct image) "the straight view is the network itself"
            }

            test "training reduces the loss, and the error map localises synthetic defects" {
                let longer = { config with Train = { config.Train with Steps = 200; ValidateEvery = 100 } }

                let outcome, _ = train longer None CancellationToken.None
                Expect.equal outcome.End TrainEnd.Finished "end"
                let auroc = (Seq.last outcome.Curve).SyntheticAuroc.Value
                Expect.isGreaterThan auroc 0.75 "pixel AUROC against the synthetic masks"
            }

            test "noise on input and target pulls the network to the identity (Theorem 1)" {
                // The plain form, which must learn the identity; the same seed, data and steps with and without ε.
                let probed sigma =
                    let config =
                        { config with
                            Config.Noise.Sigma = sigma
                            Config.Noise.RandomSigma = false
                            Network = { config.Network with Residual = false }
                            Train = { config.Train with Steps = 250; ValidateEvery = 250 }
                        }

                    use network = new Network(config.Network, 1, Random.ofSeed 1UL)
                    let source = source config
                    let validation = SyntheticDefects.validation config source None (ImageCache.OfImages images[0..3])
                    let trainer = Trainer(network, config.Objective, config.Train, config.Image.Size, source, validation)
                    trainer.Run(null, CancellationToken.None) |> ignore

                    let pairs = [ for i in 0..3 -> let drawn = source.Draw(1000, i) in drawn.Clean, drawn.Corrupted.Image ]

                    JacobianProbe.run network.Reconstruct pairs 4 [ 0.0; 0.02 ] (Random.ofSeed 5UL)

                let without, with' = probed 0.0f, probed 0.1f
                let apart (a: Estimate) (b: Estimate) = a.Mean + 2.0 * a.StandardError < b.Mean - 2.0 * b.StandardError

                Expect.isTrue
                    (apart with'.IdentityGapClean without.IdentityGapClean)
                    $"‖J − I‖²_F/n with noise {with'.IdentityGapClean}, without {without.IdentityGapClean}"

                // And the expansion (6) is the measured loss, where the noise is small.
                for probed in [ without; with' ] do
                    for point in probed.Loss do
                        Expect.isLessThan
                            (abs (point.Measured.Mean - point.Expected.Mean))
                            (0.2 * point.Expected.Mean)
                            $"L at σ = {point.Sigma}: measured {point.Measured}, by (6) {point.Expected}"
            }

            test "two trainings with one seed give the same weights" {
                let a, _ = train config None CancellationToken.None
                let b, _ = train config None CancellationToken.None
                Expect.equal (values a.Last) (values b.Last) "weights"
            }

            test "reading losses rarely, as on a GPU, changes weights only by rounding" {
                let a, _ = train config None CancellationToken.None
                let b, _ = trainReading 5 config None CancellationToken.None
                Expect.equal [ for p in b.Curve -> p.Step ] [ for p in a.Curve -> p.Step ] "the curve"

                for (name, x), (_, y) in Seq.zip (values a.Last) (values b.Last) do
                    for p, q in Seq.zip x y do
                        Expect.isLessThan (abs (p - q)) (1e-3f * max 1.0f (abs p)) name
            }

            test "training in bfloat16 converges, is deterministic, and keeps 32-bit weights" {
                let learning precision =
                    { config with Train = { config.Train with Steps = 200; ValidateEvery = 200; Precision = precision } }

                let single, _ = train (learning Precision.Float32) None CancellationToken.None
                let brain, _ = train (learning Precision.BFloat16) None CancellationToken.None
                let again, _ = train (learning Precision.BFloat16) None CancellationToken.None
                Expect.equal (values again.Last) (values brain.Last) "the same seed"
                Expect.notEqual (values brain.Last) (values single.Last) "it does compute otherwise"
                let loss (outcome: TrainOutcome) = (Seq.last outcome.Curve).Loss
                Expect.isLessThan (loss brain) (1.3 * loss single) "the loss"

                // Weights that were rounded to bfloat16 would have sixteen zero bits at their ends.
                let fine (value: float32) = BitConverter.SingleToUInt32Bits value &&& 0xFFFFu <> 0u
                Expect.isTrue (brain.Last |> Seq.exists (fun array -> Array.exists fine array.Values)) "32 bits"
            }

            test "a training resumed from its checkpoint ends with the weights of an uninterrupted one" {
                let whole, _ = train config None CancellationToken.None
                // Halfway by way of a file: the schedule is the whole run's, so the checkpoint is taken at the first validation.
                use network = new Network(config.Network, 1, Random.ofSeed 1UL)
                let src = source config
                let validation = SyntheticDefects.validation config src None (ImageCache.OfImages images[0..3])
                use stop = new CancellationTokenSource()
                let mutable half: Checkpoint option = None

                let keep (state: Checkpoint) =
                    half <- Some state
                    stop.Cancel()

                let trainer = Trainer(network, config.Objective, config.Train, config.Image.Size, src, validation, Save = keep)

                let first = trainer.Run(null, stop.Token)
                Expect.equal first.End TrainEnd.Stopped "stopped"

                inTemporaryFolder (fun folder ->
                    let path = Path.Combine(folder, "checkpoint.safetensors")
                    CheckpointFile.Write(path, half.Value, "run")
                    let again, _ = train config (Some(CheckpointFile.Read(path, "run"))) CancellationToken.None
                    Expect.equal (values again.Last) (values whole.Last) "weights"
                    Expect.throwsT<InvalidDataException> (fun () -> CheckpointFile.Read(path, "another") |> ignore) "another run's")
            }

            test "a sample depends on seed, step and index only, on any thread" {
                let source = source config
                let alone = source.Draw(3, 1)
                let drawn = Array.Parallel.init 12 (fun i -> source.Draw(i / 4, i % 4))
                Expect.equal (source.Draw(3, 1).Corrupted.Image) alone.Corrupted.Image "sample"
                Expect.equal drawn[5].Noise (source.Draw(1, 1).Noise) "noise"
            }

            test "bfloat16 is used where the processor has AVX-512 instructions for it and no AMX" {
                if File.Exists "/proc/cpuinfo" then
                    let flags = File.ReadAllText("/proc/cpuinfo").Split([| ' '; '\n' |]) |> set
                    let expected = flags.Contains "avx512_bf16" && not (flags.Contains "amx_bf16")
                    Expect.equal ProcessorFeatures.TrainsInBFloat16 expected "as the kernel says"
            }

            test "a step in bfloat16 learns as one in 32-bit floats does, with weights of 32 bits" {
                let of' precision =
                    let config = { config with Config.Train.Precision = precision }
                    let outcome, _ = train config None CancellationToken.None
                    [ for progress in outcome.Curve -> progress.Loss ], values outcome.Last

                let exact, weights = of' Precision.Float32
                let rounded, others = of' Precision.BFloat16
                Expect.isTrue (others |> Seq.forall (snd >> Seq.forall Single.IsFinite)) "finite"
                Expect.notEqual others weights "computed otherwise"

                for a, b in List.zip exact rounded do
                    Expect.isLessThan (abs (a - b)) (0.1 * abs a) $"losses {a} and {b}"
            }

            test "the learning rate warms up, peaks, and ends at zero" {
                let settings = { config.Train with Steps = 100 }
                let rate step = Trainer.LearningRate(settings, step)
                Expect.isLessThan (rate 1) (rate 10) "warm-up"
                Expect.floatClose Accuracy.medium (rate 10) (float settings.LearningRate) "peak"
                Expect.isLessThan (rate 100) 1e-9 "end"
            }
        ]
