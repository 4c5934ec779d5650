/// Training with little memory, other batch loaders, and garbage collection.
module Fae.Tests.TrainingMemoryTests

open System
open System.Threading
open Expecto
open Fae.Core
open Fae.Data
open Fae.Gpu
open Fae.Kernels
open Fae.Ptx
open Fae.Training
open Fae.Tests.TrainingTests

let tests =
    testSequenced
    <| testList
        "Training memory"
        [
            test "a batch too large for memory is split with one warning; an image too large ends the training" {
                let learning most =
                    use network = new Network(config.Network, 1, Random.ofSeed 1UL)
                    let source = source config
                    let validation = SyntheticDefects.validation config source None (ImageCache.OfImages images[0..3])
                    let said = ResizeArray<string>()
                    let objective = Objective(config.Objective, float config.Train.Lambda)

                    // As libtorch says it of a GPU.
                    let loss (lecture: TrainingBatch) =
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
                            Warn = (fun text -> said.Add text),
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
                Expect.equal once [ "no memory for a batch of 4 at once: it is split into 2 micro-batches" ] "said once"
                Expect.equal twice.Length 2 "and again"
                Expect.isTrue (halvesWeights <> wholeWeights && single <> halvesWeights) "parts have their own statistics"
                Expect.isLessThan (abs (halves - whole)) (0.3 * whole) $"the loss, {halves} and {whole}"
                Expect.throwsT<Runtime.InteropServices.ExternalException> (fun () -> learning 0L |> ignore) "no image"
            }

            // Batches made, or sent, as on a GPU: the kernels' PTX interpreted, on torch's tensors, and what is sent arrives as late as
            // it may.
            for way in [ "made from recipes"; "sent ahead"; "refused, because they differ" ] do
                test $"a training whose batches are {way} ends with the same weights" {
                    let run machine source remark =
                        use network = new Network(config.Network, 1, Random.ofSeed 1UL)

                        let validation =
                            SyntheticDefects.validation
                                config
                                (TrainingSource(config, ImageCache.OfImages images, [||], None))
                                None
                                (ImageCache.OfImages images[0..3])

                        let settings = { config.Train with Steps = 5; ValidateEvery = 5 }

                        let trainer =
                            Trainer(
                                network,
                                config.Objective,
                                settings,
                                config.Image.Size,
                                source,
                                validation,
                                Machine = machine,
                                Warn = (fun text -> remark text)
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

            test "no training step leaks a tensor" {
                use network = new Network(config.Network, 1, Random.ofSeed 1UL)

                let settings = { config.Train with Steps = 40; ValidateEvery = 10 }

                let source = source config
                let validation = SyntheticDefects.validation config source None (ImageCache.OfImages images[0..3])
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

            test "training works with constant garbage collection" {
                // TorchSharp's own operators do not: they let the collector free a number that libtorch is reading.
                let mutable over = false

                let collector =
                    Thread(fun () ->
                        while not (Volatile.Read &over) do
                            System.GC.Collect()
                            System.GC.WaitForPendingFinalizers())

                collector.Start()

                try
                    let steps = { config with Config.Train.Steps = 60; Config.Train.ValidateEvery = 30 }

                    let outcome, _ = train steps None CancellationToken.None
                    Expect.equal outcome.End TrainEnd.Finished "end"
                finally
                    Volatile.Write(&over, true)
                    collector.Join()
            }
        ]
