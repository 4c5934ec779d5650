/// Verbs with other libtorch builds, or without a GPU.
module Fae.Tests.LibtorchTests

open System
open System.IO
open Expecto
open Fae.Tests.Helpers
open Fae.Tests.GpuTests

/// As processes.
let commandLine =
    oneByOne
        "GPU, by the verbs"
        [
            test "without a GPU every verb says in one line what is missing" {
                inTemporaryFolder (fun folder ->
                    let model = brightnessModel folder
                    let picture = Path.Combine(folder, "part.png")
                    File.WriteAllBytes(picture, lightPicture 1)
                    let run = fae [ "inspect"; "--model"; model; picture; "--device"; "cuda" ]
                    Expect.equal run.Code 5 run.Error
                    Expect.stringContains run.Error "built for the CPU only; name one for CUDA in FAE_LIBTORCH" run.Error
                    Expect.equal (run.Error.Trim().Split('\n').Length) 1 "one line")
            }
            test "the user's libtorch is used, by environment or settings, and doctor shows it" {
                inTemporaryFolder (fun folder ->
                    let other = otherLibtorch ()
                    let log = Path.Combine(folder, "loaded")
                    let variable = $"FAE_LIBTORCH={other}"

                    let doctor = faeWith [ variable; "LD_DEBUG=files"; $"LD_DEBUG_OUTPUT={log}" ] [ "doctor"; "--json"; "-" ]

                    Expect.equal doctor.Code 0 doctor.Error
                    Expect.equal (seen doctor "libtorch") $"of unknown version, for the CPU in {other}" "which"
                    Expect.stringStarts (seen doctor "torch") "computes" "and it works"

                    let loaded =
                        [
                            for file in Directory.GetFiles(folder, "loaded.*") do
                                for line in File.ReadLines file do
                                    if line.Contains "calling init: " && line.EndsWith("/libtorch_cpu.so", StringComparison.Ordinal) then
                                        line.Substring(line.IndexOf('/'))
                        ]

                    Expect.equal loaded [ Path.Combine(other, "libtorch_cpu.so") ] "that one and no second"

                    let settings = Path.Combine(folder, "config", "fae")
                    Directory.CreateDirectory settings |> ignore
                    File.WriteAllText(Path.Combine(settings, "settings.toml"), $"libtorch = \"{other}\"\n")
                    let config = Path.Combine(folder, "config")
                    let home = $"XDG_CONFIG_HOME={config}"
                    let bySettings = faeWith [ home ] [ "doctor"; "--json"; "-" ]
                    Expect.equal (seen bySettings "libtorch") $"of unknown version, for the CPU in {other}" "by the settings"

                    let trained = faeWith [ variable ] (tinyTraining folder)
                    Expect.equal trained.Code 0 trained.Error)
            }
            test "a folder without libtorch or a broken setting gives one line" {
                inTemporaryFolder (fun folder ->
                    let empty = faeWith [ $"FAE_LIBTORCH={folder}" ] [ "doctor" ]
                    Expect.equal empty.Code 5 empty.Error
                    Expect.stringContains empty.Error "holds no libtorch" empty.Error
                    Directory.CreateDirectory(Path.Combine(folder, "fae")) |> ignore
                    File.WriteAllText(Path.Combine(folder, "fae", "settings.toml"), "libtroch = \"x\"\n")
                    let typo = faeWith [ $"XDG_CONFIG_HOME={folder}" ] [ "doctor" ]
                    Expect.stringContains typo.Error "unknown key 'libtroch'" typo.Error)
            }
            test "a libtorch of another version is tried first; doctor names missing symbols; one that fails is not used" {
                inTemporaryFolder (fun folder ->
                    let lib = Path.Combine(folder, "torch", "lib")
                    Directory.CreateDirectory lib |> ignore
                    File.WriteAllText(Path.Combine(folder, "torch", "version.py"), "__version__ = '2.99.0+cu200'\n")

                    for file in Directory.GetFiles(otherLibtorch ()) do
                        File.CreateSymbolicLink(Path.Combine(lib, nonNull (Path.GetFileName file)), file) |> ignore

                    // What is remembered of a trial lies in the user's folder; here, in a new one each time.
                    let variables number = [ $"FAE_LIBTORCH={lib}"; "XDG_DATA_HOME=" + Path.Combine(folder, $"home{number}") ]

                    let c10 = Path.Combine(lib, "libc10.so")

                    /// c10 without a symbol.
                    let without (symbol: string) =
                        let bytes = File.ReadAllBytes c10
                        let at = bytes.AsSpan().IndexOf(ReadOnlySpan(Text.Encoding.ASCII.GetBytes symbol))
                        Expect.isGreaterThan at 0 "it is there"
                        bytes[at + 5] <- byte 'X'
                        File.Delete c10
                        File.WriteAllBytes(c10, bytes)

                    let whole = faeWith (variables 1) [ "doctor"; "--json"; "-" ]
                    Expect.equal whole.Code 0 whole.Error
                    Expect.stringContains (seen whole "libtorch") "2.99.0+cu200" "which"
                    Expect.stringContains (seen whole "libtorch") "every symbol that TorchSharp asks for is there" "none is missing"
                    Expect.equal (Directory.GetFiles(Path.Combine(folder, "home1", "fae", "compatible")).Length) 1 "remembered"

                    // One that TorchSharp alone asks for, and that a training calls.
                    let symbol = "_ZN3c104impl23ExcludeDispatchKeyGuardC2ENS_14DispatchKeySetE"
                    without symbol
                    let broken = faeWith (variables 2) [ "doctor"; "--json"; "-" ]
                    Expect.equal broken.Code 5 broken.Error
                    Expect.stringContains (seen broken "libtorch") "the two do not work together: " "said"

                    Expect.stringContains
                        (seen broken "libtorch")
                        $"1 of the symbols that TorchSharp asks for are not there: {symbol}"
                        "named"

                    Expect.equal (seen broken "torch") "not tried" "and left alone"

                    let trained = faeWith (variables 2) (training folder (Path.Combine(folder, "run")) [])
                    Expect.equal trained.Code 5 trained.Error
                    Expect.stringContains trained.Error "take a libtorch of version 2.10" trained.Error)
            }
            test "the portable build inspects without .NET and trains with another libtorch" {
                inTemporaryFolder (fun folder ->

                    let bare variables args =
                        command "env" ([ "-i"; "PATH=/usr/bin:/bin"; $"HOME={folder}" ] @ variables @ portable :: args)

                    let doctor = bare [] [ "doctor"; "--json"; "-" ]
                    Expect.equal doctor.Code 0 doctor.Error
                    Expect.stringStarts (seen doctor "libtorch") "none: inspecting on the CPU needs none" "said"
                    let model = brightnessModel folder
                    let picture = Path.Combine(folder, "part.png")
                    File.WriteAllBytes(picture, lightPicture 1)
                    let inspected = bare [] [ "inspect"; "--model"; model; picture ]
                    Expect.equal inspected.Code 0 inspected.Error
                    Expect.stringContains inspected.Output "good" "a verdict"

                    let order = tinyTraining folder
                    let without = bare [] order
                    Expect.equal without.Code 5 without.Error
                    Expect.stringContains without.Error "this Fae carries no libtorch, which training needs" without.Error
                    let trained = bare [ $"FAE_LIBTORCH={otherLibtorch ()}" ] order
                    Expect.equal trained.Code 0 trained.Error

                    let bank =
                        bare
                            []
                            [
                                "train"
                                "--config"
                                Path.Combine(root, "configs", "methods", "patchcore.toml")
                                "--data"
                                Path.Combine(folder, "data")
                                "--out"
                                Path.Combine(folder, "bank")
                                "--set"
                                "image.size=64"
                                "--set"
                                "network.bank_size=50"
                            ]

                    Expect.equal bank.Code 0 $"a memory bank needs no libtorch: {bank.Error}")
            }
            test "bench/gpu.sh on a CPU trains, evaluates and writes a summary" {
                inTemporaryFolder (fun folder ->
                    let python = "/usr/bin/python3"

                    if not (available (fun () -> File.Exists python) [ "python3" ]) then
                        skiptest "python3 is neither here nor to be had"

                    let out = Path.Combine(folder, "out")
                    let smi = Path.Combine(folder, "nvidia-smi")

                    File.WriteAllText(
                        smi,
                        "#!/bin/sh\ncase \"$1\" in\n*utilization*) while sleep 0.1; do echo 50, 1000; done ;;\n*) echo a card ;;\nesac\n"
                    )

                    File.SetUnixFileMode(smi, File.GetUnixFileMode smi ||| UnixFileMode.UserExecute)

                    let path = folder + ":" + (Environment.GetEnvironmentVariable "PATH" |> Option.ofObj |> Option.defaultValue "/usr/bin")

                    let run =
                        command
                            "env"
                            [
                                $"PATH={path}"
                                "FAE_DEVICE=cpu"
                                $"FAE_PYTHON={python}"
                                "bash"
                                Path.Combine(root, "bench", "gpu.sh")
                                out
                                "--tiny"
                            ]

                    Expect.equal run.Code 0 run.Error
                    let json = nonNull (Text.Json.Nodes.JsonNode.Parse(File.ReadAllText(Path.Combine(out, "summary.json"))))
                    Expect.equal (textOf json "gpu") "a card" "which"
                    Expect.equal (textOf (nonNull (nonNull json["steps"]).["demo"]) "exit_code") "0" "it ended well"
                    let demo = nonNull (nonNull json["sets"]).["demo"]
                    Expect.equal (textOf demo "utilisation_percent") "50.0" "how busy"
                    Expect.equal (textOf demo "peak_memory_mib") "1000.0" "memory"
                    Expect.isNotNull (nonNull demo["eval"]).["image_auroc"] (string demo))
            }
            test "bench/gpu.sh says what is missing and writes nothing" {
                inTemporaryFolder (fun folder ->
                    let out = Path.Combine(folder, "out")
                    let run = command "bash" [ Path.Combine(root, "bench", "gpu.sh"); out; "--tiny" ]
                    Expect.equal run.Code 5 run.Error
                    Expect.stringContains run.Error "there is no GPU here" run.Error
                    Expect.isFalse (File.Exists(Path.Combine(out, "summary.json"))) "nothing")
            }
        ]
