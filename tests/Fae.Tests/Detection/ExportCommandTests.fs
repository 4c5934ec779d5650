/// fae export as a process.
module Fae.Tests.ExportCommandTests

open System
open System.IO
open Expecto
open Fae.Core
open Fae.Detection
open Fae.Tests.Helpers
open Fae.Training
open Fae.Tests.ExportTests

/// Through the program, with a file.
let commandLine =
    testList
        "fae export"
        [
            test "an export is compared with the model's self-check pictures, and not written if it differs" {
                inTemporaryFolder (fun folder ->
                    let struct (card, weights) = modelOf config 1 scoring null
                    use detector = Reconstructor.DetectorOf(card, weights, null)

                    let pictures off =
                        [|
                            for number in 0..1 do
                                let shot = shot 1 100 120 number
                                let finding = (detector.Inspect [| prepared config 1 shot |])[0]
                                let verdict = finding.Prediction
                                SelfCheckPicture(shot.Height, shot.Width, 1, shot.Pixels, off * verdict.Score, verdict.PValue)
                        |]

                    let model name off =
                        let path = Path.Combine(folder, name)

                        let card = ModelCard(config, 1, card.Calibration, [||], [||], "", "", null, SelfCheck = pictures off)

                        ModelFile.Write(path, card, weights, "")
                        path

                    let onnx = Path.Combine(folder, "part.onnx")
                    let well = fae [ "export"; "--model"; model "well.safetensors" 1.0f; "--onnx"; onnx ]
                    Expect.equal well.Code 0 well.Error
                    Expect.stringContains well.Error "self-check 2, 120×100" "what was replayed"
                    use graph = new OnnxDetector(File.ReadAllBytes onnx)
                    let shot = shot 1 100 120 0
                    let found = graph.Inspect(shot.Pixels, 1, 100, 120, 1)[0]
                    let expected = Array.head (pictures 1.0f)
                    Expect.isLessThan (abs (found.Score / expected.Score - 1.0f)) 1e-4f "the file scores as the model"

                    let other = Path.Combine(folder, "other.onnx")
                    let ill = fae [ "export"; "--model"; model "ill.safetensors" 1.01f; "--onnx"; other ]
                    Expect.equal (ill.Code, File.Exists other) (4, false) "a score that is off by a hundredth"
                    Expect.stringContains ill.Error "nothing was written" ill.Error

                    Expect.equal
                        (Directory.GetFiles folder |> Array.map Path.GetFileName |> Array.sort)
                        [| "ill.safetensors"; "part.onnx"; "well.safetensors" |]
                        "nothing is left over"

                    let windows = { config with Config.Image.Tile = 64; Config.Image.Overlap = 16 }

                    let struct (large, weights) = modelOf windows 1 scoring null
                    let path = Path.Combine(folder, "large.safetensors")
                    ModelFile.Write(path, large, weights, "")
                    let blind = fae [ "export"; "--model"; path; "--onnx"; other ]
                    Expect.equal blind.Code 2 blind.Error
                    Expect.stringContains blind.Error "--camera HEIGHTxWIDTH" "what to do"
                    let seeing = fae [ "export"; "--model"; path; "--onnx"; other; "--camera"; "150x211" ]
                    Expect.equal (seeing.Code, File.Exists other) (0, true) seeing.Error
                    let wrong = fae [ "export"; "--model"; path; "--onnx"; other; "--camera"; "150" ]
                    Expect.equal wrong.Code 2 wrong.Error)
            }
            test "ONNX's own checker accepts the graphs, every shape inferred" {
                let there () = (command "/usr/bin/env" [ "/usr/bin/python3"; "-c"; "import onnx" ]).Code = 0

                if not (available there [ "python3-onnx" ]) then
                    skiptest "python3-onnx is not installed here and could not be (as root, with apt-get)"

                inTemporaryFolder (fun folder ->
                    let windows = { config with Config.Image.Tile = 64; Config.Image.Overlap = 16; Config.Image.IlluminationSigma = 6.0f }

                    for name, config, measure, camera in
                        [
                            "whole", config, Weighted [ 1.0f, Ssim; 1.0f, Gms; 1.0f, Relative ], whole
                            "windows", windows, MultiGms, Nullable(struct (150, 211))
                        ] do
                        let scoring = { scoring with Measure = measure; NormaliseByMedian = true; Reduction = Top 0.01f }

                        let struct (card, weights) = modelOf config 3 scoring null
                        let file = Path.Combine(folder, name + ".onnx")
                        File.WriteAllBytes(file, OnnxDetector.Export(card, weights, camera))

                        let check = "import onnx, sys; onnx.checker.check_model(onnx.load(sys.argv[1]), full_check=True)"
                        let verdict = command "/usr/bin/python3" [ "-c"; check; file ]
                        Expect.equal verdict.Code 0 verdict.Error)
            }
        ]
