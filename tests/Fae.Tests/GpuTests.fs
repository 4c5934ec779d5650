/// What can be held to of the GPU without one: the PTX, what is said where something is missing, and a libtorch of the user's own.
module Fae.Tests.GpuTests

open System
open System.IO
open System.Reflection
open Expecto
open Fae.Core
open Fae.Data
open Fae.Detection
open Fae.Engine
open Fae.Kernels
open Fae.Spec
open Fae.Tests.Helpers

let private root = Path.GetFullPath(Path.Combine(__SOURCE_DIRECTORY__, "..", ".."))

/// A libtorch that is not the one beside the program: its package, as it was unpacked.
let private otherLibtorch () =
    let package = Path.Combine(packages, "libtorch-cpu-linux-x64")

    Directory.GetDirectories package
    |> Array.map (fun version -> Path.Combine(version, "runtimes", "linux-x64", "native"))
    |> Array.find (fun folder -> File.Exists(Path.Combine(folder, "libtorch_cpu.so")))

/// The program with an environment of its own.
let private faeWith (variables: string list) args = command "env" (variables @ "dotnet" :: faeAssembly :: args)

/// Its output is the program's own, wherever it went on.
let private seen (doctor: Run) what =
    match Text.Json.Nodes.JsonNode.Parse doctor.Output with
    | :? Text.Json.Nodes.JsonArray as findings ->
        findings
        |> Seq.map nonNull
        |> Seq.find (fun finding -> textOf finding "what" = what)
        |> fun finding -> textOf finding "seen"
    | _ -> failtest doctor.Output

/// The order for a training of two steps, its pictures made.
let private tinyTraining folder =
    let data = Path.Combine(folder, "data", "train", "good")
    Directory.CreateDirectory data |> ignore

    for number in 0..7 do
        File.WriteAllBytes(Path.Combine(data, $"{number}.png"), ImageFile.toPng (part 32 number))

    training
        (Path.Combine(folder, "data"))
        (Path.Combine(folder, "run"))
        [
            "train.steps=2"
            "image.size=32"
            "network.width=4"
            "network.depth=1"
            "train.batch=2"
            "score.views=1"
        ]

/// A driver that compiles no kernel.
let private refusing (driver: IKernelDriver) =
    { new IKernelDriver with
        member _.Capability = driver.Capability

        member _.Load _ = raise (CudaException("cuModuleLoadData", 222, "the PTX was compiled with another toolchain"))

        member _.Launch(kernel, grid, threads, parameters) = driver.Launch(kernel, grid, threads, parameters)
        member _.Pin bytes = driver.Pin bytes
        member _.Unpin address = driver.Unpin address
        member _.Send(into, from, bytes) = driver.Send(into, from, bytes)
        member _.Follow transfer = driver.Follow transfer
        member _.Wait transfer = driver.Wait transfer
        member _.Dispose() = driver.Dispose()
    }

let private kernels =
    [| "DeviceKernels"; "SampleKernels" |]
    |> Array.collect (fun name ->
        match typeof<DeviceMachine>.Assembly.GetType("Fae.Kernels." + name) with
        | null -> failwith "no kernels"
        | kernels -> kernels.GetMethods(BindingFlags.Public ||| BindingFlags.Static ||| BindingFlags.DeclaredOnly))

/// A span is an address and a length; the index stands for its extent.
let private bytesOf (parameter: ParameterInfo) = if parameter.ParameterType.IsGenericType then 16 else 4

let tests =
    testList
        "GPU"
        [
            for major in [ 7; 8; 9 ] do
                test
                    $"every kernel becomes PTX for compute capability {major}.0: its entry point, with the parameters that a launch hands over" {
                    let compiled = PtxKernels.Compile(major, 0)
                    let names = [ for kernel in compiled -> kernel.Name ]

                    Expect.equal
                        names
                        (kernels
                         |> Array.map _.Name
                         |> Array.sortWith (fun a b -> String.CompareOrdinal(a, b))
                         |> List.ofArray)
                        "all"

                    for kernel in compiled do
                        Expect.stringContains kernel.Text $".target sm_{major}0" kernel.Name
                        Expect.stringContains kernel.Text $".entry {kernel.Entry}" kernel.Name
                        let method' = kernels |> Array.find (fun m -> m.Name = kernel.Name)
                        Expect.equal (List.ofSeq kernel.ParameterBytes) [ for p in method'.GetParameters() -> bytesOf p ] kernel.Name

                    Expect.equal (compiled |> Seq.distinctBy _.Entry |> Seq.length) compiled.Count "no two share a name"
                }

            test "the filters share memory, no more than every GPU has, and no GPU before Volta is promised anything" {
                for name in [ "MeanAlong"; "MeanOfRows" ] do
                    let filter = PtxKernels.Compile(8, 0) |> Seq.find (fun kernel -> kernel.Name = name)

                    let bytes =
                        [
                            for m in Text.RegularExpressions.Regex.Matches(filter.Text, @"\.shared .*\[(\d+)\]") -> int m.Groups[1].Value
                        ]

                    Expect.equal bytes.Length 2 "two places"
                    Expect.isLessThanOrEqual (List.sum bytes) 49152 "48 KiB"
                    Expect.stringContains filter.Text "bar.sync" "barriers"

                Expect.throwsT<NotSupportedException> (fun () -> PtxKernels.Compile(6, 1) |> ignore) "Pascal"
            }

            for what, kind, size, tiling in
                [
                    "whole pictures", NetworkKind.UNet, 32, None
                    "large pictures in windows", NetworkKind.UNet, 52, Some { Side = 32; Overlap = 12 }
                    "a network that marks anomalies itself", NetworkKind.Discriminative, 32, None
                ] do
                test $"inspection where the network is finds what inspection on the CPU finds: {what}" {
                    let settings =
                        { Config.defaults.Network with
                            Kind = kind
                            Width = 4
                            Depth = 1
                            Dilations = [ 1 ]
                        }

                    // An untrained network would change nothing: its exit is zero.
                    let weights =
                        use drawn = new Network(settings, 3, Random.ofSeed 3UL)

                        [|
                            for array in drawn.Save() ->
                                if Array.forall (fun v -> v = 0.0f) array.Values then
                                    let values = (Noise.field 5UL 0.05f 1 1 array.Values.Length).Pixels
                                    NamedArray(array.Name, array.Shape, values)
                                else
                                    array
                        |]

                    let images = [| for key in 1UL .. 3UL -> Noise.field key 0.2f 3 size size |]
                    let views = View.allowed true true true
                    let ignore = Image.init 1 size size (fun _ y x -> if x + y < 20 then 1.0f else 0.0f)

                    let way =
                        {
                            Measure =
                                if settings.Kind = NetworkKind.Discriminative then
                                    Own
                                else
                                    Weighted [ 0.5f, Ssim; 0.5f, Mse ]
                            FilterSize = 5
                            FilterPasses = 2
                            Reduction = Top 0.02f
                            Frame = 2
                            Typical = 0.01f
                        }

                    use here = Network.Of(settings, 3, weights)

                    use there =
                        new CudaInspector(
                            Network.Of(settings, 3, weights),
                            new CudaMachine(new Interpreter.Driver(8, 0), TorchSharp.torch.CPU)
                        )

                    let answers = Repairer(here, views, Option.toObj tiling).Reconstruct images
                    let seen = there.Inspect(images, Array.ofList views, Option.toObj tiling, way, ignore)

                    for image, answer, struct (answered, heatmap, score) in Seq.zip3 images answers seen do
                        Expect.isLessThan (Near.distance answered answer) 1e-4f "answer"
                        let expected = ScoringKernel.Heatmap(way, image, answer)
                        Expect.isLessThan (Near.distance heatmap expected) 1e-4f "heatmap"
                        let number = ScoringKernel.Score(way, Some ignore, expected)
                        Expect.isLessThan (abs (score - number)) (1e-3f * abs number) "score"
                }

            for device in Emulated.devices do
                test $"the filter on long lines, all passes together, some, or one at a time: {device.Name}" {
                    for size, passes in [ 21, 3; 33, 3; 35, 3; 5, 30; 99, 2 ] do
                        for height, width in [ 3, 300; 300, 3; 70, 140 ] do
                            let image = Noise.field 7UL 1.0f 2 height width
                            let filtered = device.On _.Smooth(image, size, passes)

                            Expect.isLessThan
                                (Near.distance filtered (ScoringKernel.Smooth(image, size, passes)))
                                1e-5f
                                $"{size}, {passes} times, {height}×{width}"
                }

            test "scores that are not the CPU's are not used, and that is said; those that are, are" {
                let settings =
                    { Config.defaults.Network with
                        Width = 4
                    }

                let network () = new Network(settings, 3, Random.ofSeed 3UL)

                let inspecting (driver: IKernelDriver) =
                    let said = ResizeArray<string>()
                    let start _ = new CudaMachine(driver, TorchSharp.torch.CPU)
                    use found = CudaInspector.Of(network (), start, (fun text -> said.Add text))
                    (found :? IInspector), List.ofSeq said

                Expect.equal (inspecting (new Interpreter.Driver(9, 0))) (true, []) "it scores there"
                let there, said = inspecting (new Interpreter.Driver(9, 0, "MeanAlong"))
                Expect.isFalse there "it scores here"
                Expect.stringContains (List.exactlyOne said) "the GPU's scores are not the CPU's, so" "said"
                let there, said = inspecting (refusing (new Interpreter.Driver(9, 0)))
                Expect.isFalse there "nor where the driver refuses"
                Expect.stringContains (List.exactlyOne said) "cuModuleLoadData: the PTX was compiled with another toolchain" "said"
            }

            test "the interpreter sees what a GPU would not: accesses beyond a span, barriers that some pass by, pinned memory that is lost" {
                let kernel = PtxKernels.Compile(8, 0) |> Seq.find (fun kernel -> kernel.Name = "Product")

                let run (text: string) =
                    let driver = new Interpreter.Driver(8, 0) :> IKernelDriver

                    let changed = PtxKernel(kernel.Name, kernel.Entry, kernel.ParameterBytes, kernel.ElementBytes, text)

                    let values = GC.AllocateArray<float32>(4, true)
                    let address = Runtime.InteropServices.Marshal.UnsafeAddrOfPinnedArrayElement(values, 0)
                    let place = GC.AllocateArray<int64>(8, true)
                    let at i = Runtime.InteropServices.Marshal.UnsafeAddrOfPinnedArrayElement(place, i)
                    place[0] <- 4L

                    for i in 0..2 do
                        place[1 + 2 * i] <- int64 address
                        place[2 + 2 * i] <- 4L

                    let addresses = GC.AllocateArray<nativeint>(4, true)
                    addresses[0] <- at 0

                    for i in 0..2 do
                        addresses[1 + i] <- at (1 + 2 * i)

                    Array.fill values 0 4 3.0f

                    driver.Launch(
                        driver.Load changed,
                        struct (1, 1),
                        32,
                        Runtime.InteropServices.Marshal.UnsafeAddrOfPinnedArrayElement(addresses, 0)
                    )

                    values

                let sees (text: string) words =
                    Expect.throwsC (fun () -> run text |> ignore) (fun e -> Expect.stringContains e.Message words words)

                Expect.equal (run kernel.Text) (Array.create 4 9.0f) "as it is"
                let mul = kernel.Text.IndexOf("mul.f32", StringComparison.Ordinal)
                let before = kernel.Text.IndexOf("ld.global", StringComparison.Ordinal)
                Expect.isTrue (before > 0 && mul > before) "the product"
                sees (Text.RegularExpressions.Regex.Replace(kernel.Text, @"(mul\.wide\.u32\s+%rd\d+, %r\d+), 4", "$1, 8")) "lies in no span"
                sees (kernel.Text.Insert(before, "bar.sync 0;\n")) "others have passed by"
                let pinning = new Interpreter.Driver(8, 0) :> IKernelDriver
                pinning.Pin 16L |> ignore
                Expect.throwsC pinning.Dispose (fun e -> Expect.stringContains e.Message "still pinned" "lost")
            }

            test "versions agree in their first two numbers, and are read where libtorch and PyTorch write them" {
                Expect.isTrue (TorchLibraries.Agree("2.10.0+cu130", "2.10.1")) "a patch"
                Expect.isFalse (TorchLibraries.Agree("2.11.0", "2.10.0")) "another interface"

                inTemporaryFolder (fun folder ->
                    let lib = Path.Combine(folder, "torch", "lib")
                    Directory.CreateDirectory lib |> ignore
                    Expect.isNull (TorchLibraries.VersionIn lib) "nothing is said"

                    File.WriteAllText(
                        Path.Combine(folder, "torch", "version.py"),
                        "from typing import Optional\n__version__ = '2.11.0+cu130'\ndebug = False\n"
                    )

                    Expect.equal (TorchLibraries.VersionIn lib) "2.11.0+cu130" "a wheel"
                    File.WriteAllText(Path.Combine(folder, "torch", "build-version"), "2.10.0+cu128\n")
                    Expect.equal (TorchLibraries.VersionIn lib) "2.10.0+cu128" "an unpacked libtorch")
            }
        ]

/// As processes.
let commandLine =
    testSequenced
    <| testList
        "GPU, by the verbs"
        [
            test "where there is no GPU, every verb that is asked for one says in a line what is missing" {
                inTemporaryFolder (fun folder ->
                    let model = brightnessModel folder
                    let picture = Path.Combine(folder, "part.png")
                    File.WriteAllBytes(picture, lightPicture 1)
                    let run = fae [ "inspect"; "--model"; model; picture; "--device"; "cuda" ]
                    Expect.equal run.Code 5 run.Error
                    Expect.stringContains run.Error "built for the CPU only; name one for CUDA in FAE_LIBTORCH" run.Error
                    Expect.equal (run.Error.Trim().Split('\n').Length) 1 "one line")
            }
            test "a libtorch of the user's own is the one that works, by the environment or by their settings, and the doctor shows it" {
                inTemporaryFolder (fun folder ->
                    let other = otherLibtorch ()
                    let log = Path.Combine(folder, "loaded")
                    let variable = $"FAE_LIBTORCH={other}"

                    let doctor =
                        faeWith [ variable; "LD_DEBUG=files"; $"LD_DEBUG_OUTPUT={log}" ] [ "doctor"; "--json"; "-" ]

                    Expect.equal doctor.Code 0 doctor.Error
                    Expect.equal (seen doctor "libtorch") $"of unknown version, for the CPU in {other}" "which"
                    Expect.stringStarts (seen doctor "torch") "computes" "and it works"

                    let loaded =
                        [
                            for file in Directory.GetFiles(folder, "loaded.*") do
                                for line in File.ReadLines file do
                                    if
                                        line.Contains "calling init: "
                                        && line.EndsWith("/libtorch_cpu.so", StringComparison.Ordinal)
                                    then
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
            test "a folder without libtorch, a broken setting: one line that says what to name" {
                inTemporaryFolder (fun folder ->
                    let empty = faeWith [ $"FAE_LIBTORCH={folder}" ] [ "doctor" ]
                    Expect.equal empty.Code 5 empty.Error
                    Expect.stringContains empty.Error "holds no libtorch" empty.Error
                    Directory.CreateDirectory(Path.Combine(folder, "fae")) |> ignore
                    File.WriteAllText(Path.Combine(folder, "fae", "settings.toml"), "libtroch = \"x\"\n")
                    let typo = faeWith [ $"XDG_CONFIG_HOME={folder}" ] [ "doctor" ]
                    Expect.stringContains typo.Error "unknown key 'libtroch'" typo.Error)
            }
            test
                "a libtorch of another version is tried first: the doctor says which symbols it lacks, and one that does not work is not used" {
                inTemporaryFolder (fun folder ->
                    let lib = Path.Combine(folder, "torch", "lib")
                    Directory.CreateDirectory lib |> ignore
                    File.WriteAllText(Path.Combine(folder, "torch", "version.py"), "__version__ = '2.99.0+cu200'\n")

                    for file in Directory.GetFiles(otherLibtorch ()) do
                        File.CreateSymbolicLink(Path.Combine(lib, nonNull (Path.GetFileName file)), file)
                        |> ignore

                    // What is remembered of a trial lies in the user's folder; here, in a new one each time.
                    let variables number =
                        [
                            $"FAE_LIBTORCH={lib}"
                            "XDG_DATA_HOME=" + Path.Combine(folder, $"home{number}")
                        ]

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
                    Expect.equal (Directory.GetFiles(Path.Combine(folder, "home1", "fae", "rehearsed")).Length) 1 "remembered"

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
            test "a folder that needs neither .NET nor libtorch on its machine inspects there, and trains with that machine's libtorch" {
                inTemporaryFolder (fun folder ->
                    let portable = Path.Combine(root, "artifacts", "portable", "fae", "fae")

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
                    Expect.stringContains without.Error "this Fae carries no libtorch; name one in FAE_LIBTORCH" without.Error
                    let trained = bare [ $"FAE_LIBTORCH={otherLibtorch ()}" ] order
                    Expect.equal trained.Code 0 trained.Error)
            }
            test "bench/gpu.sh, rehearsed on a CPU, trains, evaluates and writes one JSON" {
                inTemporaryFolder (fun folder ->
                    let python = "/usr/bin/python3"

                    if not (available (fun () -> File.Exists python) [ "python3" ]) then
                        skiptest "python3 is neither here nor to be had"

                    let out = Path.Combine(folder, "gpu.json")
                    let smi = Path.Combine(folder, "nvidia-smi")

                    File.WriteAllText(
                        smi,
                        "#!/bin/sh\ncase \"$1\" in\n*utilization*) while sleep 0.1; do echo 50, 1000; done ;;\n*) echo a card ;;\nesac\n"
                    )

                    File.SetUnixFileMode(smi, File.GetUnixFileMode smi ||| UnixFileMode.UserExecute)

                    let path =
                        folder
                        + ":"
                        + (Environment.GetEnvironmentVariable "PATH"
                           |> Option.ofObj
                           |> Option.defaultValue "/usr/bin")

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
                    let json = nonNull (Text.Json.Nodes.JsonNode.Parse(File.ReadAllText out))
                    Expect.equal (textOf json "device") "a card" "which"
                    let demo = nonNull json["demo"]
                    Expect.equal (textOf demo "utilisation_percent") "50.0" "how busy"
                    Expect.equal (textOf demo "peak_memory_mib") "1000.0" "memory"
                    Expect.isNotNull (nonNull demo["eval"]).["image_auroc"] (string demo))
            }
            test "bench/gpu.sh says what is missing and writes nothing" {
                inTemporaryFolder (fun folder ->
                    let out = Path.Combine(folder, "gpu.json")
                    let run = command "bash" [ Path.Combine(root, "bench", "gpu.sh"); out; "--tiny" ]
                    Expect.equal run.Code 5 run.Error
                    Expect.stringContains run.Error "bench: this libtorch is built for the CPU only" run.Error
                    Expect.isFalse (File.Exists out) "nothing")
            }
        ]
