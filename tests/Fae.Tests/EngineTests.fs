module Fae.Tests.EngineTests

open System
open System.IO
open System.Threading
open Expecto
open Fae.Core
open Fae.Data
open Fae.Detection
open Fae.Engine
open Fae.Kernels
open Fae.Spec
open Fae.Tests.Helpers

let private config =
    { Config.defaults with
        Image = { Config.defaults.Image with Size = 32 }
        Network =
            { Config.defaults.Network with
                Width = 8
                Depth = 1
                Dilations = [ 1; 2 ]
            }
        Train =
            { Config.defaults.Train with
                Steps = 12
                Batch = 4
                ValidateEvery = 6
            }
    }

let private images =
    [|
        for i in 0..7 -> Image.init 1 32 32 (fun _ y x -> 0.5f + 0.3f * sin (float32 (x + i) * 0.7f) * cos (float32 y * 0.5f))
    |]

let private source config = TrainingSource(config, Gallery.OfImages images, [||], None)

let private trainReading lossEvery config from stop =
    use network = new Network(config.Network, 1, Random.ofSeed 1UL)
    let source = source config
    let validation = Samples.validation config source None (Gallery.OfImages images[0..3])
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

let private train config from stop = trainReading 1 config from stop

let private values (arrays: System.Collections.Generic.IReadOnlyList<NamedArray>) =
    arrays |> Seq.map (fun a -> a.Name, List.ofArray a.Values) |> List.ofSeq

let private card (calibration: Calibration) = ModelCard(config, 1, calibration, [| "a.png" |], [| "b.png" |], "curve", "choice", null)

let private calibration =
    Calibration.fit
        {
            Measure = Gms
            FilterSize = 5
            FilterPasses = 2
            Reduction = Top 0.25f
            Frame = 3
            Typical = 0.125f
        }
        0.25
        0.01
        [| 0.1f; 0.2f; 0.3f; 0.4f |]
        [| for i in 0..999 -> float32 i / 1000.0f |]

let tests =
    testSequenced
    <| testList
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
                    let settings =
                        { config.Network with
                            Fold = fold
                            Depth = depth
                            Residual = residual
                            Dilations = [ 1; 2 ]
                        }

                    // Weights and statistics of no training: every array counts.
                    let drawn (array: NamedArray) =
                        let key =
                            array.Name
                            |> Seq.fold (fun key letter -> Random.mix64 (key + uint64 letter)) 9UL

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

            test "averaged over all views, a network answers a turned picture with the turned answer" {
                let outcome, _ = train config None CancellationToken.None
                use network = new Network(config.Network, 1, Random.ofSeed 1UL)
                network.Load outcome.Last
                let repairer = Repairer(network, View.allowed true true true)
                let image = Fae.Spec.Generators.speckled 4UL 1 32 32
                let answer = repairer.Reconstruct [| image |] |> Seq.head
                Expect.isGreaterThan (distance (network.Reconstruct image) answer) 1e-4f "one view is not eight"

                for view in View.allowed true true true do
                    let turned = repairer.Reconstruct [| View.apply view image |] |> Seq.head
                    Expect.isLessThan (distance (View.undo view turned) answer) 1e-5f $"{view}"

                Expect.throwsT<System.ArgumentException> (fun () -> Repairer(network, []) |> ignore) "no view"
                let straight = Repairer(network, [ View.straight ]).Reconstruct [| image |] |> Seq.head
                Expect.equal straight (network.Reconstruct image) "the straight view is the network itself"
            }

            test "a training learns to repair: the error map finds synthetic defects" {
                let longer =
                    { config with
                        Train =
                            { config.Train with
                                Steps = 200
                                ValidateEvery = 100
                            }
                    }

                let outcome, _ = train longer None CancellationToken.None
                Expect.equal outcome.End TrainEnd.Finished "end"
                let auroc = (Seq.last outcome.Curve).SyntheticAuroc.Value
                Expect.isGreaterThan auroc 0.75 "pixel AUROC against the synthetic masks"
            }

            test "noise on input and target draws the network to the identity, as Theorem 1 says" {
                // The plain form, which must learn the identity; the same seed, data and steps with and without ε.
                let probed sigma =
                    let config =
                        { config with
                            NoiseSigma = sigma
                            NoiseVaries = false
                            Network = { config.Network with Residual = false }
                            Train =
                                { config.Train with
                                    Steps = 250
                                    ValidateEvery = 250
                                }
                        }

                    use network = new Network(config.Network, 1, Random.ofSeed 1UL)
                    let source = source config
                    let validation = Samples.validation config source None (Gallery.OfImages images[0..3])
                    let trainer = Trainer(network, config.Objective, config.Train, config.Image.Size, source, validation)
                    trainer.Run(null, CancellationToken.None) |> ignore

                    let pairs =
                        [
                            for i in 0..3 -> let drawn = source.Draw(1000, i) in drawn.Clean, drawn.Corrupted.Image
                        ]

                    Probe.run network.Reconstruct pairs 4 [ 0.0; 0.02 ] (Random.ofSeed 5UL)

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

            test "losses that are read now and then, as on a GPU, change no weight but by rounding" {
                let a, _ = train config None CancellationToken.None
                let b, _ = trainReading 5 config None CancellationToken.None
                Expect.equal [ for p in b.Curve -> p.Step ] [ for p in a.Curve -> p.Step ] "the curve"

                for (name, x), (_, y) in Seq.zip (values a.Last) (values b.Last) do
                    for p, q in Seq.zip x y do
                        Expect.isLessThan (abs (p - q)) (1e-3f * max 1.0f (abs p)) name
            }

            test "where memory holds no whole batch, it is learned in parts, which is said once; where it holds no image, that is the end" {
                let learning most =
                    use network = new Network(config.Network, 1, Random.ofSeed 1UL)
                    let source = source config
                    let validation = Samples.validation config source None (Gallery.OfImages images[0..3])
                    let said = ResizeArray<string>()
                    let objective = Objective(config.Objective, float config.Train.Lambda)

                    // As libtorch says it of a GPU.
                    let loss (lecture: Lecture) =
                        if lecture.Input.shape[0] > most then
                            raise (Runtime.InteropServices.ExternalException "CUDA out of memory. Tried to allocate 2.00 GiB.")

                        objective.Of(network.Module, lecture)

                    let trainer =
                        Trainer(
                            network,
                            config.Objective,
                            config.Train,
                            config.Image.Size,
                            source,
                            validation,
                            Remark = (fun text -> said.Add text),
                            Loss = loss
                        )

                    let outcome = trainer.Run(null, CancellationToken.None)
                    (Seq.last outcome.Curve).Loss, values outcome.Last, List.ofSeq said

                let whole, wholeWeights, nothing = learning 4L
                let halves, halvesWeights, once = learning 2L
                let _, single, twice = learning 1L
                let alone, _ = train config None CancellationToken.None
                Expect.equal wholeWeights (values alone.Last) "the seam changes nothing"
                Expect.equal nothing [] "nothing to say"
                Expect.equal once [ "no memory for a batch of 4 at once: it is learned in 2 parts" ] "said once"
                Expect.equal twice.Length 2 "and again"
                Expect.isTrue (halvesWeights <> wholeWeights && single <> halvesWeights) "parts have their own statistics"
                Expect.isLessThan (abs (halves - whole)) (0.3 * whole) $"the loss, {halves} and {whole}"
                Expect.throwsT<Runtime.InteropServices.ExternalException> (fun () -> learning 0L |> ignore) "no image"
            }

            // Batches made, or sent, as on a GPU: the kernels' PTX interpreted, on torch's tensors, and what is sent arrives as late as it may.
            for way in [ "made from recipes"; "sent ahead"; "refused, because they differ" ] do
                test $"a training whose batches are {way} ends with the same weights" {
                    let run machine source remark =
                        use network = new Network(config.Network, 1, Random.ofSeed 1UL)

                        let validation =
                            Samples.validation
                                config
                                (TrainingSource(config, Gallery.OfImages images, [||], None))
                                None
                                (Gallery.OfImages images[0..3])

                        let settings =
                            { config.Train with
                                Steps = 5
                                ValidateEvery = 5
                            }

                        let trainer =
                            Trainer(
                                network,
                                config.Objective,
                                settings,
                                config.Image.Size,
                                source,
                                validation,
                                Machine = machine,
                                Remark = (fun text -> remark text)
                            )

                        values (trainer.Run(null, CancellationToken.None)).Last

                    let recipes = source config

                    let other, slack =
                        match way with
                        | "made from recipes" -> recipes :> ISampleSource, 1e-3f
                        | "sent ahead" ->
                            { new ISampleSource with
                                member _.Fill(step, index, batch) = (recipes :> ISampleSource).Fill(step, index, batch)
                            },
                            0.0f
                        | _ -> recipes :> ISampleSource, 0.0f

                    let driver =
                        if way.StartsWith "refused" then
                            new Interpreter.Driver(8, 0, "AddNoise") :> IKernelDriver
                        else
                            new Interpreter.Driver(8, 0)

                    use machine = new CudaMachine(driver, TorchSharp.torch.CPU)
                    let said = ResizeArray<string>()
                    let here = run null recipes ignore
                    let there = run machine other (fun text -> said.Add text)

                    for (name, x), (_, y) in Seq.zip here there do
                        for p, q in Seq.zip x y do
                            Expect.isTrue (abs (p - q) <= slack * max 1.0f (abs p)) $"{name}: {p} and {q}"

                    if way.StartsWith "refused" then
                        Expect.equal said.Count 1 "said"
                        Expect.stringContains said[0] "other training samples than the CPU" "what"
                    else
                        Expect.isEmpty said "nothing to say"
                }

            test "in bfloat16 a network learns as well, from the same seed to the same weights, which are 32-bit floats" {
                let learning precision =
                    { config with
                        Train =
                            { config.Train with
                                Steps = 200
                                ValidateEvery = 200
                                Precision = precision
                            }
                    }

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

            test "a training that goes on from its checkpoint ends with the same weights as an unbroken one" {
                let whole, _ = train config None CancellationToken.None
                // Halfway by way of a file: the schedule is the whole run's, so the checkpoint is taken at the first validation.
                use network = new Network(config.Network, 1, Random.ofSeed 1UL)
                let src = source config
                let validation = Samples.validation config src None (Gallery.OfImages images[0..3])
                use stop = new CancellationTokenSource()
                let mutable half: Checkpoint option = None

                let keep (state: Checkpoint) =
                    half <- Some state
                    stop.Cancel()

                let trainer =
                    Trainer(network, config.Objective, config.Train, config.Image.Size, src, validation, Save = keep)

                let first = trainer.Run(null, stop.Token)
                Expect.equal first.End TrainEnd.Stopped "stopped"

                inTemporaryFolder (fun folder ->
                    let path = Path.Combine(folder, "checkpoint.safetensors")
                    CheckpointFile.Write(path, half.Value, "run")
                    let again, _ = train config (Some(CheckpointFile.Read(path, "run"))) CancellationToken.None
                    Expect.equal (values again.Last) (values whole.Last) "weights"
                    Expect.throwsT<InvalidDataException> (fun () -> CheckpointFile.Read(path, "another") |> ignore) "another run's")
            }

            test "memory stays flat: no step of a training leaves a tensor behind" {
                use network = new Network(config.Network, 1, Random.ofSeed 1UL)

                let settings =
                    { config.Train with
                        Steps = 40
                        ValidateEvery = 10
                    }

                let source = source config
                let validation = Samples.validation config source None (Gallery.OfImages images[0..3])
                let live = ResizeArray<int64>()

                let trainer =
                    Trainer(
                        network,
                        config.Objective,
                        settings,
                        config.Image.Size,
                        source,
                        validation,
                        Progress = fun _ -> live.Add TorchRuntime.LiveTensors
                    )

                trainer.Run(null, CancellationToken.None) |> ignore
                Expect.equal live.Count 40 "steps"
                Expect.equal (Seq.max (Seq.skip 1 live)) live[1] "live tensors after any later step, against the second"
            }

            test "a training survives a collector that runs all the time" {
                // TorchSharp's own operators do not: they let the collector free a number that libtorch is reading.
                let mutable over = false

                let collector =
                    Thread(fun () ->
                        while not (Volatile.Read &over) do
                            System.GC.Collect()
                            System.GC.WaitForPendingFinalizers())

                collector.Start()

                try
                    let steps =
                        { config with
                            Config.Train.Steps = 60
                            Config.Train.ValidateEvery = 30
                        }

                    let outcome, _ = train steps None CancellationToken.None
                    Expect.equal outcome.End TrainEnd.Finished "end"
                finally
                    Volatile.Write(&over, true)
                    collector.Join()
            }

            test "TensorBoard's records are framed, checked and in order" {
                inTemporaryFolder (fun folder ->
                    using (new EventFile(folder)) (fun events ->
                        events.Scalar("train/loss", 10L, 0.5)
                        events.Scalar("train/loss", 300L, 0.25))

                    let bytes = File.ReadAllBytes(Directory.GetFiles(folder, "events.out.tfevents.*")[0])

                    // CRC-32C bit by bit, masked as the TFRecord format says.
                    let checksum (data: byte[]) =
                        let step crc (b: byte) =
                            Seq.fold
                                (fun c _ -> if c &&& 1u = 1u then (c >>> 1) ^^^ 0x82F63B78u else c >>> 1)
                                (crc ^^^ uint32 b)
                                (seq { 1..8 })

                        let crc = ~~~(Array.fold step 0xFFFFFFFFu data)
                        ((crc >>> 15) ||| (crc <<< 17)) + 0xA282EAD8u

                    let rec records at =
                        [
                            if at < bytes.Length then
                                let length = int (System.BitConverter.ToUInt64(bytes, at))
                                let data = bytes[at + 12 .. at + 11 + length]
                                Expect.equal (System.BitConverter.ToUInt32(bytes, at + 8)) (checksum bytes[at .. at + 7]) "length"
                                Expect.equal (System.BitConverter.ToUInt32(bytes, at + 12 + length)) (checksum data) "data"
                                data
                                yield! records (at + 16 + length)
                        ]

                    match records 0 with
                    | [ version; first; second ] ->
                        let text (data: byte[]) = System.Text.Encoding.Latin1.GetString data
                        Expect.stringContains (text version) "brain.Event:2" "version"
                        Expect.stringContains (text first) "train/loss" "tag"
                        // The value is the last field: 0.25 as a little-endian float; the step 300 as a varint.
                        Expect.equal second[second.Length - 4 ..] (System.BitConverter.GetBytes 0.25f) "value"
                        Expect.stringContains (text second) "\u0010\u00ac\u0002" "step"
                    | other -> failtest $"{other.Length} records instead of 3")
            }

            test "what synthetic defects cannot tell apart, the paper's default decides" {
                let trial measure merit =
                    ScoringTrial(
                        { calibration.Scoring with
                            Measure = measure
                        },
                        merit,
                        merit
                    )

                let choose trials = (Calibrator.Choose(trials, 20, 100)).Scoring.Measure
                Expect.equal (choose [| trial Ssim 0.901; trial Mse 0.9 |]) Mse "a tie"
                Expect.equal (choose [| trial Ssim 0.95; trial Mse 0.7 |]) Ssim "a clear winner"
                Expect.equal (choose [| trial (Weighted [ 1.0f, Gms ]) 0.8 |]) (Weighted [ 1.0f, Gms ]) "the only one"
            }

            test "among filters that the image AUROC cannot tell apart, the pixel AUROC decides" {
                let trial size image pixel =
                    ScoringTrial(
                        { calibration.Scoring with
                            FilterSize = size
                        },
                        image,
                        pixel
                    )

                let choose trials = (Calibrator.Choose(trials, 20, 100)).Scoring.FilterSize
                Expect.equal (choose [| trial 3 0.91 0.96; trial 9 0.9 0.98; trial 5 0.9 0.97 |]) 9 "a tie"
                Expect.equal (choose [| trial 3 0.95 0.96; trial 9 0.7 0.99 |]) 3 "not against the image AUROC"
            }

            test "the same sample comes whatever was drawn before, on any thread" {
                let source = source config
                let alone = source.Draw(3, 1)
                let drawn = Array.Parallel.init 12 (fun i -> source.Draw(i / 4, i % 4))
                Expect.equal (source.Draw(3, 1).Corrupted.Image) alone.Corrupted.Image "sample"
                Expect.equal drawn[5].Noise (source.Draw(1, 1).Noise) "noise"
            }

            test "the learning rate warms up, peaks, and ends at zero" {
                let settings = { config.Train with Steps = 100 }
                let rate step = Trainer.LearningRate(settings, step)
                Expect.isLessThan (rate 1) (rate 10) "warm-up"
                Expect.floatClose Accuracy.medium (rate 10) (float settings.LearningRate) "peak"
                Expect.isLessThan (rate 100) 1e-9 "end"
            }

            test "a model file survives the round trip" {
                inTemporaryFolder (fun folder ->
                    let path = Path.Combine(folder, "model.safetensors")
                    use network = new Network(config.Network, 1, Random.ofSeed 5UL)
                    ModelFile.Write(path, card calibration, network.Save(), TorchRuntime.Version)
                    let struct (read, weights) = ModelFile.Read path
                    Expect.equal read.Config config "config"
                    Expect.equal read.Calibration calibration "calibration"
                    Expect.equal (values weights) (values (network.Save())) "weights"
                    Expect.equal (Directory.GetFiles folder) [| path |] "no temporary file is left")
            }

            test "a damaged model file gives a clear error, wherever it is cut or bent" {
                inTemporaryFolder (fun folder ->
                    let path = Path.Combine(folder, "model.safetensors")
                    use network = new Network(config.Network, 1, Random.ofSeed 5UL)
                    ModelFile.Write(path, card calibration, network.Save(), TorchRuntime.Version)
                    let whole = File.ReadAllBytes path

                    for length in [ 0; 5; 8; 100; whole.Length / 2; whole.Length - 1 ] do
                        File.WriteAllBytes(path, Array.take length whole)
                        Expect.throwsT<InvalidDataException> (fun () -> ModelFile.Read path |> ignore) $"cut to {length}"

                    for at in [ 0; 3; 7; 9; 40 ] do
                        let bent = Array.copy whole
                        bent[at] <- bent[at] ^^^ 0x5Auy
                        File.WriteAllBytes(path, bent)
                        Expect.throwsT<InvalidDataException> (fun () -> ModelFile.Read path |> ignore) $"bent at {at}")
            }

            test "weights of another network are refused by name" {
                use small = new Network(config.Network, 1, Random.ofSeed 5UL)
                use large = new Network({ config.Network with Width = 12 }, 1, Random.ofSeed 5UL)
                Expect.throwsT<InvalidDataException> (fun () -> large.Load(small.Save())) "another width"
            }
        ]
