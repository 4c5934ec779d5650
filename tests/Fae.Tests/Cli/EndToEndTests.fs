/// Training, evaluation and inspection by the program, end to end.
module Fae.Tests.EndToEndTests

open System.Diagnostics
open System.IO
open Expecto
open Fae.Core
open Fae.Data
open Fae.Detection
open Fae.Imaging
open Fae.Tests.Helpers
open Fae.Tests.CliTests

let tests =
    oneByOne
        "End to end"
        [
            test "a training that is stopped saves its state and resumes to the weights of an uninterrupted one" {
                inTemporaryFolder (fun folder ->
                    let data = Path.Combine(folder, "data")
                    Demo.make data 3UL 8 0 0

                    let arguments out =
                        [
                            "train"
                            "--config"
                            demoConfig
                            "--data"
                            data
                            "--out"
                            out
                            "--steps"
                            "60"
                            "--set"
                            "image.size=64"
                            "--set"
                            "network.width=8"
                            "--set"
                            "train.validate_every=10"
                        ]

                    let whole, broken = Path.Combine(folder, "whole"), Path.Combine(folder, "broken")
                    let unbroken = fae (arguments whole)
                    Expect.equal unbroken.Code 0 unbroken.Error

                    match Process.Start(ProcessStartInfo("dotnet", faeAssembly :: arguments broken, RedirectStandardError = true)) with
                    | null -> failtest "fae did not start"
                    | child ->
                        use child = child
                        // Its first line about a step says that it is under way.
                        let mutable line: string | null = ""

                        while not (isNull line) && not ((string line).StartsWith "step") do
                            line <- child.StandardError.ReadLine()

                        use kill = Process.Start("kill", [ "-TERM"; string child.Id ])
                        let rest = child.StandardError.ReadToEnd()
                        child.WaitForExit()
                        Expect.equal child.ExitCode 0 rest
                        Expect.stringContains rest "go on with --resume" "what to do"

                    Expect.isTrue (File.Exists(Path.Combine(broken, "model.safetensors"))) "a model all the same"
                    let resumed = fae (arguments broken @ [ "--resume" ])
                    Expect.equal resumed.Code 0 resumed.Error

                    let weights out =
                        let struct (_, arrays) = ModelFile.Read(Path.Combine(out, "last.safetensors"))
                        [ for array in arrays -> array.Name, List.ofArray array.Values ]

                    Expect.equal (weights broken) (weights whole) "weights"

                    let curve out =
                        let struct (card, _) = ModelFile.Read(Path.Combine(out, "model.safetensors"))
                        card.Curve

                    Expect.equal (curve broken) (curve whole) "the training curve, from its first step"

                    // A supervisor may always say --resume, also before there is a checkpoint.
                    let fresh = Path.Combine(folder, "new")
                    let anew = fae (arguments fresh @ [ "--resume" ])
                    Expect.equal anew.Code 0 anew.Error
                    Expect.stringContains anew.Error "no checkpoint" "says that nothing was resumed"
                    Expect.equal (weights fresh) (weights whole) "weights of a training that starts anew")
            }

            test "train, eval and inspect end to end, well above chance with a small budget" {
                inTemporaryFolder (fun folder ->
                    let data, out = road folder
                    let compared = Path.Combine(folder, "compared.txt")

                    let evaluated = fae [ "eval"; "--model"; out; "--data"; data; "--out"; out; "--json"; "-"; "--compare"; compared ]

                    Expect.stringContains (File.ReadAllText compared) "labelled        synthetic" "both choices side by side"
                    Expect.equal evaluated.Code 0 evaluated.Error
                    let metrics = json evaluated.Output

                    for key in
                        [
                            "image_auroc"
                            "pixel_auroc"
                            "aupro"
                            "pixel_ap"
                            "image_ap"
                            "image_f1_max"
                            "pixel_f1_max"
                            "threshold_image"
                            "threshold_pixel"
                            "images"
                            "seconds"
                        ] do
                        Expect.isGreaterThanOrEqual (number metrics key) 0.0 key

                    Expect.isGreaterThan (number metrics "image_auroc") 0.8 "image AUROC"
                    Expect.isGreaterThan (number metrics "pixel_auroc") 0.9 "pixel AUROC"
                    let report = File.ReadAllText(Path.Combine(out, "report.html"))
                    Expect.stringContains report "image AUROC" "report"
                    Expect.stringContains report "<td>network.width</td><td>16</td><td>24</td>" "settings that are not the default"
                    Expect.stringContains report "applied 2 times" "ways of scoring that were tried"
                    Expect.isFalse (report.Contains "http") "no outside resource"

                    let bad = Path.Combine(data, "test", "missing_bore")
                    let heat = Path.Combine(folder, "heat")
                    let inspected = fae [ "inspect"; "--model"; out; bad; "--json"; "-"; "--out"; heat ]
                    Expect.equal inspected.Code 0 inspected.Error
                    let findings = (json inspected.Output).AsArray()
                    Expect.equal findings.Count 5 "findings"

                    for finding in findings do
                        match finding with
                        | null -> failtest "an empty finding"
                        | finding ->
                            for key in [ "path"; "score"; "p_value"; "anomalous"; "regions"; "heatmap" ] do
                                Expect.isTrue (finding.AsObject().ContainsKey key) key

                            Expect.isGreaterThan (number finding "p_value") 0.0 "p"

                    Expect.equal (Directory.GetFiles heat).Length 5 "heatmaps"
                    let strict = fae [ "inspect"; "--model"; out; Path.Combine(data, "test"); "--fail-on-anomaly" ]
                    Expect.equal strict.Code 1 "a folder of folders, with anomalous pictures in them"
                    let empty = Directory.CreateDirectory(Path.Combine(folder, "empty")).FullName
                    Expect.equal (fae [ "inspect"; "--model"; out; empty ]).Code 3 "a folder without pictures"
                    let alarm = fae [ "inspect"; "--model"; out; bad; "--fail-on-anomaly"; "--false-alarm"; "0.5" ]
                    Expect.equal alarm.Code 1 (alarm.Output + alarm.Error)
                    let rare = fae [ "inspect"; "--model"; out; bad; "--false-alarm"; "0.001" ]
                    Expect.equal rare.Code 2 "eight held-out pictures promise no rate of 0.001"
                    Expect.stringContains rare.Error "held-out" "why"

                    let probes = Path.Combine(folder, "probes")

                    let probed =
                        fae [ "probe"; "--model"; out; "--data"; data; "--count"; "2"; "--probes"; "2"; "--out"; probes; "--json"; "-" ]

                    Expect.equal probed.Code 0 probed.Error
                    let estimates = json probed.Output

                    for key in [ "clean_error"; "corrupted_error"; "identity_gap_clean"; "identity_gap_corrupted"; "idempotency" ] do
                        match estimates[key] with
                        | null -> failtest key
                        | estimate -> Expect.isGreaterThan (number estimate "mean") 0.0 key

                    Expect.isTrue (File.Exists(Path.Combine(probes, "probe.json"))) "estimates kept"
                    let page = File.ReadAllText(Path.Combine(probes, "probe.html"))
                    Expect.stringContains page "<svg" "the plot"
                    Expect.equal (fae [ "probe"; "--model"; out; "--data"; data; "--probes"; "0" ]).Code 2 "no probes"
                    Expect.equal (fae [ "probe"; "--model"; out; "--data"; empty ]).Code 3 "held-out pictures are not there"

                    let other =
                        fae
                            [
                                "eval"
                                "--model"
                                out
                                "--data"
                                data
                                "--json"
                                "-"
                                "--set"
                                "score.measure=mse + ssim"
                                "--set"
                                "score.reduction=sum"
                            ]

                    Expect.equal other.Code 0 other.Error
                    Expect.notEqual (number (json other.Output) "threshold_image") (number metrics "threshold_image") "fitted anew"
                    let frozen = fae [ "eval"; "--model"; out; "--data"; data; "--set"; "network.width=8" ]
                    Expect.equal frozen.Code 2 "the network is part of the model")
            }

            test "large pictures are inspected in tiles: verdict, region and heatmap at the picture's size" {
                inTemporaryFolder (fun folder ->
                    let data, out = Path.Combine(folder, "data"), Path.Combine(folder, "run")
                    let save path image = AtomicFile.Write(path, fun stream -> stream.Write(ImageEncoder.toPng image))

                    // Fine-grained sheets of two shapes; the bad ones have a dark spot at (90, 200), 24 pixels wide.
                    let sheet key height width spot =
                        Noise.field key 0.1f 1 height width
                        |> MeanFilter.apply 3 1
                        |> fun grain ->
                            Image.init 1 height width (fun _ y x ->
                                let dy, dx = y - 90, x - 200

                                if spot && dy * dy + dx * dx < 144 then 0.1f else 0.6f + grain[0, y, x])

                    for i in 0..9 do
                        save (Path.Combine(data, "train", "good", $"{i}.png")) (sheet (uint64 i) (200 + 20 * (i % 2)) 320 false)

                    for i in 0..3 do
                        save (Path.Combine(data, "test", "good", $"{i}.png")) (sheet (uint64 (20 + i)) 200 (300 + 20 * i) false)
                        save (Path.Combine(data, "test", "spot", $"{i}.png")) (sheet (uint64 (30 + i)) 200 (300 + 20 * i) true)

                        save
                            (Path.Combine(data, "ground_truth", "spot", $"{i}_mask.png"))
                            (Image.init 1 200 (300 + 20 * i) (fun _ y x ->
                                let dy, dx = y - 90, x - 200
                                if dy * dy + dx * dx < 144 then 1.0f else 0.0f))

                    let settings =
                        [
                            "image.size=64"
                            "image.tile=128"
                            "image.overlap=32"
                            "network.width=8"
                            "score.views=1"
                            "train.held_out=0.2"
                        ]
                        |> List.collect (fun setting -> [ "--set"; setting ])

                    let train args =
                        fae ([ "train"; "--config"; Path.Combine(root, "configs", "default.toml"); "--data"; data; "--out"; out ] @ args)

                    let trained = train ("--steps" :: "200" :: settings)
                    Expect.equal trained.Code 0 trained.Error
                    let compared = Path.Combine(folder, "compared.txt")

                    let evaluated = fae [ "eval"; "--model"; out; "--data"; data; "--out"; out; "--json"; "-"; "--compare"; compared ]

                    Expect.equal evaluated.Code 0 evaluated.Error
                    Expect.isGreaterThan (number (json evaluated.Output) "image_auroc") 0.9 "image AUROC"
                    Expect.isGreaterThan (number (json evaluated.Output) "pixel_auroc") 0.9 "pixel AUROC"
                    Expect.stringContains (File.ReadAllText compared) "labelled        synthetic" "pictures of several shapes are compared"
                    let heat = Path.Combine(folder, "heat")
                    let bad = Path.Combine(data, "test", "spot", "3.png")
                    let inspected = fae [ "inspect"; "--model"; out; bad; "--json"; "-"; "--out"; heat ]
                    Expect.equal inspected.Code 0 inspected.Error

                    match (json inspected.Output)[0] with
                    | null -> failtest "no finding"
                    | finding ->
                        use parsed = System.Text.Json.JsonDocument.Parse(finding.ToJsonString())
                        let first = Seq.head (parsed.RootElement.GetProperty("regions").EnumerateArray())
                        let box = [| for n in first.GetProperty("box").EnumerateArray() -> n.GetInt32() |]
                        Expect.isLessThan (abs (box[0] + box[2] / 2 - 200)) 12 $"column of {List.ofArray box}"
                        Expect.isLessThan (abs (box[1] + box[3] / 2 - 90)) 12 $"row of {List.ofArray box}"

                        match ImageDecoder.header (string finding["heatmap"]) with
                        | Ok(struct (width, height, _)) -> Expect.equal (width, height) (360, 200) "heatmap's size"
                        | Error problem -> failtest (string problem)

                    let mask = Path.Combine(folder, "ignore.png")
                    save mask (Image.constant 1 200 320 0.0f)
                    let masked = train ("--steps" :: "2" :: "--ignore" :: mask :: settings)
                    Expect.equal masked.Code 3 "a mask for pictures of another shape"
                    Expect.stringContains masked.Error "320×220" "which picture"
                    let wide = train ("--steps" :: "2" :: settings @ [ "--set"; "image.overlap=80" ])
                    Expect.equal wide.Code 2 "tiles that overlap by more than half")
            }
        ]
