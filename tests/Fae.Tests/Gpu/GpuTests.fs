/// Kernels, PTX and inspection on a device, without a GPU.
module Fae.Tests.GpuTests

open System
open System.IO
open System.Reflection
open Expecto
open Fae.Core
open Fae.Detection
open Fae.Gpu
open Fae.Imaging
open Fae.Kernels
open Fae.Ptx
open Fae.Spec
open Fae.Tests.Helpers
open Fae.Training

let root = repository

/// A libtorch that is not the one beside the program: its package, as it was unpacked.
let otherLibtorch () =
    let package = Path.Combine(packages, "libtorch-cpu-linux-x64")

    Directory.GetDirectories package
    |> Array.map (fun version -> Path.Combine(version, "runtimes", "linux-x64", "native"))
    |> Array.find (fun folder -> File.Exists(Path.Combine(folder, "libtorch_cpu.so")))

/// The program with an environment of its own.
/// The portable build, which carries no libtorch and takes the user's.
let portable = Path.Combine(root, "artifacts", "portable", "fae", "fae")

let faeWith (variables: string list) args = command "env" (variables @ portable :: args)

/// Its output is the program's own, wherever it went on.
let seen (doctor: Run) what =
    match Text.Json.Nodes.JsonNode.Parse doctor.Output with
    | :? Text.Json.Nodes.JsonArray as findings ->
        findings
        |> Seq.map nonNull
        |> Seq.find (fun finding -> textOf finding "what" = what)
        |> fun finding -> textOf finding "seen"
    | _ -> failtest doctor.Output

/// The order for a training of two steps, its pictures made.
let tinyTraining folder =
    let data = Path.Combine(folder, "data", "train", "good")
    Directory.CreateDirectory data |> ignore

    for number in 0..7 do
        File.WriteAllBytes(Path.Combine(data, $"{number}.png"), ImageEncoder.toPng (part 32 number))

    training
        (Path.Combine(folder, "data"))
        (Path.Combine(folder, "run"))
        [ "train.steps=2"; "image.size=32"; "network.width=4"; "network.depth=1"; "train.batch=2"; "score.views=1" ]

/// A driver that compiles no kernel.
let refusing (driver: IKernelDriver) =
    { new IKernelDriver with
        member _.Capability = driver.Capability

        member _.Load _ = raise (CudaException("cuModuleLoadData", 222, "the PTX was compiled with another toolchain"))

        member _.Launch(kernel, grid, threads, parameters) = driver.Launch(kernel, grid, threads, parameters)
        member _.Synchronise() = driver.Synchronise()
        member _.Allocate bytes = driver.Allocate bytes
        member _.Free address = driver.Free address
        member _.Write(into, from) = driver.Write(into, from)
        member _.Read(into, from) = driver.Read(into, from)
        member _.Pin bytes = driver.Pin bytes
        member _.Unpin address = driver.Unpin address
        member _.Send(into, from, bytes) = driver.Send(into, from, bytes)
        member _.Follow transfer = driver.Follow transfer
        member _.Wait transfer = driver.Wait transfer
        member _.Dispose() = driver.Dispose()
    }

let kernels =
    [| "DeviceKernels"; "SampleKernels" |]
    |> Array.collect (fun name ->
        match typeof<DeviceMachine>.Assembly.GetType("Fae.Gpu." + name) with
        | null -> failwith "no kernels"
        | kernels -> kernels.GetMethods(BindingFlags.Public ||| BindingFlags.Static ||| BindingFlags.DeclaredOnly))

/// A span is an address and a length; the index stands for its extent.
let bytesOf (parameter: ParameterInfo) = if parameter.ParameterType.IsGenericType then 16 else 4

let tests =
    testList
        "GPU"
        [
            for major in [ 7; 8; 9 ] do
                test $"every kernel becomes PTX for compute capability {major}.0: its entry point has the parameters of a launch" {
                    let compiled = PtxKernels.Compile(major, 0)
                    let names = [ for kernel in compiled -> kernel.Name ]

                    Expect.equal
                        names
                        (kernels |> Array.map _.Name |> Array.sortWith (fun a b -> String.CompareOrdinal(a, b)) |> List.ofArray)
                        "all"

                    for kernel in compiled do
                        Expect.stringContains kernel.Text $".target sm_{major}0" kernel.Name
                        Expect.stringContains kernel.Text $".entry {kernel.Entry}" kernel.Name
                        let method' = kernels |> Array.find (fun m -> m.Name = kernel.Name)
                        Expect.equal (List.ofSeq kernel.ParameterBytes) [ for p in method'.GetParameters() -> bytesOf p ] kernel.Name

                    Expect.equal (compiled |> Seq.distinctBy _.Entry |> Seq.length) compiled.Count "no two share a name"
                }

            test "the filters use no more shared memory than every GPU has; GPUs before Volta are refused" {
                for name in [ "MeanDown" ] do
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

            for what, kind, size, tiling, measure in
                [
                    "whole pictures", NetworkKind.UNet, 32, None, Weighted [ 0.5f, Ssim; 0.5f, Mse ]
                    "a geometric mean", NetworkKind.UNet, 32, None, Geometric [ 0.5f, Ssim; 0.3f, Mse; 0.2f, Gms ]
                    "large pictures in windows", NetworkKind.UNet, 52, Some { Side = 32; Overlap = 12 }, Weighted [ 0.5f, Ssim; 0.5f, Mse ]
                    "a network that marks anomalies itself", NetworkKind.Discriminative, 32, None, AnomalyMap 1
                ] do
                test $"inspection on the device equals inspection on the CPU: {what}" {
                    let settings = { Config.defaults.Network with Kind = kind; Width = 4; Depth = 1; Dilations = [ 1 ] }

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
                            Measure = measure
                            FilterSize = 5
                            FilterPasses = 2
                            Reduction = Top 0.02f
                            Border = 2
                            Normalisation = ByMedian 0.01f
                        }

                    use here = Network.Of(settings, 3, weights)

                    use there =
                        new CudaInspector(
                            Network.Of(settings, 3, weights),
                            new CudaMachine(new Interpreter.Driver(8, 0), TorchSharp.torch.CPU)
                        )

                    let answers = TestTimeAugmentation(here, views, Option.toObj tiling).Reconstruct images
                    let seen = there.Inspect(images, Array.ofList views, Option.toObj tiling, way, ignore)

                    for image, answer, struct (answered, heatmap, score) in Seq.zip3 images answers seen do
                        Expect.isLessThan (Near.distance answered answer) 1e-4f "answer"
                        let expected = ScoringKernel.Heatmap(way, image, answer)
                        Expect.isLessThan (Near.distance heatmap expected) 1e-4f "heatmap"
                        let number = ScoringKernel.Score(way, Some ignore, expected)
                        Expect.isLessThan (abs (score - number)) (1e-3f * abs number) "score"
                }

            test "device scores are used only if they equal the CPU's; otherwise there is a warning" {
                let settings = { Config.defaults.Network with Width = 4 }

                let network () = new Network(settings, 3, Random.ofSeed 3UL)

                let inspecting (driver: IKernelDriver) =
                    let said = ResizeArray<string>()
                    let start _ = new CudaMachine(driver, TorchSharp.torch.CPU)
                    use found = CudaInspector.Of(network (), start, (fun text -> said.Add text))
                    (found :? IInspector), List.ofSeq said

                Expect.equal (inspecting (new Interpreter.Driver(9, 0))) (true, []) "it scores there"
                let there, said = inspecting (new Interpreter.Driver(9, 0, "MeanDown"))
                Expect.isFalse there "it scores here"
                Expect.stringContains (List.exactlyOne said) "the GPU's scores are not the CPU's, so" "said"
                let there, said = inspecting (refusing (new Interpreter.Driver(9, 0)))
                Expect.isFalse there "nor where the driver refuses"
                Expect.stringContains (List.exactlyOne said) "cuModuleLoadData: the PTX was compiled with another toolchain" "said"
            }

            test "the interpreter finds accesses beyond a span, barriers that some threads pass, and lost pinned memory" {
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

            test "versions are read from libtorch and PyTorch and compared by major and minor" {
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
