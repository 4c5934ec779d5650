/// Model files, event files, and choices after training.
module Fae.Tests.ModelFileTests

open System.IO
open Expecto
open Fae.Core
open Fae.Detection
open Fae.Tests.Helpers
open Fae.Training
open TorchSharp
open Fae.Tests.TrainingTests

let tests =
    withTorch
        "Model files"
        [
            test "TensorBoard's records are framed, checked and in order" {
                inTemporaryFolder (fun folder ->
                    let events = torch.utils.tensorboard.SummaryWriter(folder, createRunName = false)
                    events.add_scalar ("train/loss", 0.5f, 10)
                    events.add_scalar ("train/loss", 0.25f, 300)

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

            test "the paper's default decides ties of the synthetic defects" {
                let trial measure auroc =
                    let scoring = { calibration.Scoring with Measure = measure }
                    ScoringTrial(ScoringCandidate.ofScoring scoring, scoring, auroc, auroc)

                let choose trials = (ScoringSearch.Choose(trials, 20, 100)).Scoring.Measure
                Expect.equal (choose [| trial Ssim 0.901; trial Mse 0.9 |]) Mse "a tie"
                Expect.equal (choose [| trial Ssim 0.95; trial Mse 0.7 |]) Ssim "a clear winner"
                Expect.equal (choose [| trial (Weighted [ 1.0f, Gms ]) 0.8 |]) (Weighted [ 1.0f, Gms ]) "the only one"
            }

            test "the pixel AUROC decides ties between filters" {
                let trial size image pixel =
                    let scoring = { calibration.Scoring with FilterSize = size }
                    ScoringTrial(ScoringCandidate.ofScoring scoring, scoring, image, pixel)

                let choose trials = (ScoringSearch.Choose(trials, 20, 100)).Scoring.FilterSize
                Expect.equal (choose [| trial 3 0.91 0.96; trial 9 0.9 0.98; trial 5 0.9 0.97 |]) 9 "a tie"
                Expect.equal (choose [| trial 3 0.95 0.96; trial 9 0.7 0.99 |]) 3 "not against the image AUROC"
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

            test "a model file with the old name of the median's offset is read" {
                inTemporaryFolder (fun folder ->
                    let path = Path.Combine(folder, "model.safetensors")
                    use network = new Network(config.Network, 1, Random.ofSeed 5UL)
                    ModelFile.Write(path, card calibration, network.Save(), TorchRuntime.Version)
                    let whole = File.ReadAllBytes path
                    let length = int (System.BitConverter.ToUInt64(whole, 0))
                    let header = System.Text.Encoding.UTF8.GetString(whole, 8, length)
                    Expect.stringContains header "median_offset" "it is written by the new name"
                    let old = System.Text.Encoding.UTF8.GetBytes(header.Replace("median_offset", "typical_median"))
                    File.WriteAllBytes(path, Array.concat [ System.BitConverter.GetBytes(uint64 old.Length); old; whole[8 + length ..] ])
                    let struct (read, _) = ModelFile.Read path
                    Expect.equal read.Calibration calibration "calibration")
            }

            test "a truncated or mutated model file gives a clear error" {
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

            test "weights of another network are refused with the array's name" {
                use small = new Network(config.Network, 1, Random.ofSeed 5UL)
                use large = new Network({ config.Network with Width = 12 }, 1, Random.ofSeed 5UL)
                Expect.throwsT<InvalidDataException> (fun () -> large.Load(small.Save())) "another width"
            }
        ]
