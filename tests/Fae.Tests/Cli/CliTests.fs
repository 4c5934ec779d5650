/// The command line as a process: arguments, exit codes, files, JSON; and the whole road at a small budget.
module Fae.Tests.CliTests

open System.IO
open System.Text.Json
open System.Text.Json.Nodes
open Expecto
open Fae.Core
open Fae.Data
open Fae.Detection
open Fae.Imaging
open Fae.Tests.Helpers

let root = repository
let bench = Path.Combine(root, "artifacts", "bench", "Fae.Bench.dll")

let small =
    [
        "--set"
        "image.size=96"
        "--set"
        "network.width=16"
        "--set"
        "train.validate_every=150"
        "--set"
        "train.held_out=0.2"
    ]

let demoConfig = Path.Combine(root, "configs", "demo.toml")

let json (text: string) =
    match JsonNode.Parse text with
    | null -> failtest "no JSON"
    | node -> node

let number (node: JsonNode) (key: string) =
    match node[key] with
    | null -> failtest $"'{key}' is missing"
    | value -> value.GetValue<float>()

let road folder =
    let data, out = Path.Combine(folder, "data"), Path.Combine(folder, "run")
    Demo.make data 3UL 40 12 5

    let trained = fae ([ "train"; "--config"; demoConfig; "--data"; data; "--out"; out; "--steps"; "500" ] @ small)

    Expect.equal trained.Code 0 trained.Error
    data, out

let tests =
    oneByOne
        "Command line"
        [
            test "the benchmark times every work at tiny sizes, and names the peers that it skips" {
                let trainingRows = if Fae.Training.ProcessorFeatures.TrainsInBFloat16 then 4 else 2

                for part, works in [ "kernels", 9; "inference", 5; "training", trainingRows; "features", 4 ] do
                    let run = program bench [ part; "--tiny" ]
                    Expect.equal run.Code 0 run.Error
                    let rows = (json run.Output).AsArray() |> List.ofSeq
                    let skipped = run.Error.Split '\n' |> Array.filter _.Contains("skipped, the peer")
                    Expect.equal (rows.Length + skipped.Length) works $"{part}: every work has a row, or a line that says why it has none"

                    for row in rows do
                        match row with
                        | null -> failtest "an empty row"
                        | row ->
                            let ours, peer = number row "ours_ms", number row "peer_ms"
                            Expect.isGreaterThan ours 0.0 "our time"
                            Expect.floatClose Accuracy.high (number row "ratio") (peer / ours) "how many of ours fit into the peer's"
                            Expect.isGreaterThan (number row "target") 0.9 "a target"
            }

            test "the load benchmark with faults loses no request" {
                let run = program bench [ "load"; "--tiny" ]
                Expect.equal run.Code 0 run.Error
                let found = json run.Output
                let faults = nonNull found["faults"]

                for key, expected in
                    [
                        "requests", 100.0
                        "answered", 97.0
                        "refused_4xx", 2.0
                        "cut_off", 1.0
                        "lost_or_wrong", 0.0
                        "reloads", 3.0
                        "failed_during_reloads", 0.0
                        "missing_in_history", 0.0
                    ] do
                    Expect.equal (number faults key) expected key

                match found["load"] with
                | :? JsonArray as rows -> Expect.isGreaterThan rows.Count 0 "a row"
                | _ -> failtest "no rows"
            }

            test "the benchmark draws growth charts" {
                inTemporaryFolder (fun folder ->
                    let run = program bench [ "growth"; folder; "--tiny" ]
                    Expect.equal run.Code 0 run.Error
                    let costs = (json run.Output).AsArray() |> List.ofSeq
                    let works = costs |> List.map (fun cost -> textOf (nonNull cost) "work") |> List.distinct
                    Expect.equal works.Length 6 "pictures, sets, pixels, files, inspections, models"
                    Expect.equal costs.Length (2 * works.Length) "two of each"

                    for cost in costs do
                        match cost with
                        | null -> failtest "an empty point"
                        | cost ->
                            Expect.isGreaterThan (number cost "ms") 0.0 "time"
                            Expect.isGreaterThan (number cost "peak_mb") 10.0 "memory"

                    Expect.equal (Directory.GetFiles(folder, "*.svg")).Length (2 * works.Length) "time and memory of each"
                    Expect.equal (program bench [ "kernel" ]).Code 2 "no such part")
            }

            test "every verb has a help text" {
                for verb in [ []; [ "train" ]; [ "eval" ]; [ "inspect" ]; [ "corrupt" ]; [ "probe" ]; [ "doctor" ] ] do
                    let run = fae (verb @ [ "--help" ])
                    Expect.equal run.Code 0 (String.concat " " verb)
                    Expect.stringContains run.Output "--help" (String.concat " " verb)
            }

            test "doctor reports no problem on this machine" {
                let run = fae [ "doctor"; "--json"; "-" ]
                Expect.equal run.Code 0 run.Error

                let findings = [ for finding in (json run.Output).AsArray() -> textOf (nonNull finding) "what" ]

                Expect.equal findings [ "machine"; "libtorch"; "torch"; "GPU"; "images" ] "findings"
            }

            test "wrong arguments give exit code 2 and one line" {
                inTemporaryFolder (fun folder ->
                    let train more =
                        fae ([ "train"; "--config"; demoConfig; "--data"; folder; "--out"; Path.Combine(folder, "out") ] @ more)

                    for args, word in
                        [
                            [ "--set"; "train.step=5" ], "train.steps"
                            [ "--set"; "train.steps=many" ], "train.steps"
                            [ "--set"; "train.held_out=2" ], "train.held_out"
                            [ "--set"; "nonsense" ], "key=value"
                            [ "--bogus" ], "bogus"
                            [ "--budget"; "10m" ], "train.steps"
                            [ "--smallest-defect"; "0" ], "--smallest-defect"
                        ] do
                        let run = train args
                        Expect.equal run.Code 2 (run.Error + run.Output)
                        Expect.stringContains run.Error word "line"
                        Expect.isFalse (run.Error.Contains "   at ") "no stack trace"

                    let budget = fae [ "train"; "--data"; folder; "--out"; Path.Combine(folder, "out"); "--budget"; "soon" ]
                    Expect.equal budget.Code 2 budget.Error
                    Expect.stringContains budget.Error "--budget soon: must be a time like 10m or 2h" "line"
                    Expect.equal (fae [ "frobnicate" ]).Code 2 "unknown verb")
            }

            test "bad data gives exit code 3, a bad model 4, a missing device 5" {
                inTemporaryFolder (fun folder ->
                    let train data more =
                        fae ([ "train"; "--config"; demoConfig; "--data"; data; "--out"; Path.Combine(folder, "out") ] @ more)

                    Expect.equal (train folder []).Code 3 "no pictures"
                    let good = Path.Combine(folder, "good")

                    for i in 0..5 do
                        AtomicFile.Write(
                            Path.Combine(good, $"{i}.png"),
                            fun stream -> stream.Write(ImageEncoder.toPng (Image.constant 1 32 32 0.5f))
                        )

                    File.WriteAllText(Path.Combine(good, "broken.png"), "no picture")
                    let broken = train good []
                    Expect.equal broken.Code 3 "broken picture"
                    Expect.stringContains broken.Error "broken.png" "its name, before the first step"
                    let model = Path.Combine(folder, "model.safetensors")
                    File.WriteAllText(model, "no model")
                    Expect.equal (fae [ "inspect"; "--model"; model; Path.Combine(good, "0.png") ]).Code 4 "no model"
                    File.Delete(Path.Combine(good, "broken.png"))
                    Expect.equal (train good [ "--device"; "cuda" ]).Code 5 "no GPU here")
            }

            test "corrupt writes contact sheets" {
                inTemporaryFolder (fun folder ->
                    let data, out = Path.Combine(folder, "data"), Path.Combine(folder, "sheets")
                    Demo.make data 3UL 5 0 0

                    let run =
                        fae [ "corrupt"; "--config"; demoConfig; "--data"; data; "--out"; out; "--count"; "4"; "--set"; "image.size=64" ]

                    Expect.equal run.Code 0 run.Error
                    Expect.equal (Directory.GetFiles(out, "*.png")).Length 1 "sheets"

                    let plans = File.ReadAllLines(Path.Combine(out, "plans.jsonl")) |> Array.map JsonDocument.Parse
                    Expect.equal plans.Length 4 "plans"

                    for plan in plans do
                        for occlusion in plan.RootElement.EnumerateArray() do
                            let kind (part: string) = occlusion.GetProperty(part).GetProperty("kind").GetString()
                            Expect.contains [ "ellipse"; "curve" ] (kind "shape") "shape"
                            Expect.contains [ "plain"; "texture"; "patch"; "shade" ] (kind "fill") "fill"
                            Expect.isGreaterThan (occlusion.GetProperty("opacity").GetSingle()) 0.0f "opacity")
            }
        ]
