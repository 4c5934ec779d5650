/// What the tests share.
module Fae.Tests.Helpers

open System
open System.IO
open Expecto
open Fae.Core
open Fae.Detection
open Fae.Imaging
open Fae.Training

/// The root of the repository.
let repository = Path.GetFullPath(Path.Combine(__SOURCE_DIRECTORY__, "..", ".."))

/// A configuration from TOML over the defaults.
let parseConfig (toml: string) = ConfigText.Parse(toml, Config.defaults)

/// The value of `--set key=value`.
let parseSetting (value: string) =
    match ConfigText.ParsePair("key=" + value) with
    | Ok(_, setting) -> setting
    | Error line -> failwith line

/// A property outside the specification: with its generators, 200 cases.
let law name property =
    testPropertyWithConfig
        { FsCheckConfig.defaultConfig with maxTest = 200; arbitrary = [ typeof<Fae.Spec.Generators.Arbitraries> ] }
        name
        property

/// A suite whose tests start programs or share files: one test after the other, beside other suites. What measures this machine's memory
/// or rates is `testSequenced`: nothing else runs meanwhile.
let oneByOne name tests = testSequencedGroup name (testList name tests)

/// A suite that trains inside this process: one at a time of all such suites.
let withTorch name tests = testSequencedGroup "torch" (testList name tests)

/// The largest difference between two images' values.
let distance (a: Image) (b: Image) = Fae.Spec.Near.distance a b

/// A folder that is gone after the test.
let inTemporaryFolder (work: string -> 'a) =
    let folder = Path.Combine(Path.GetTempPath(), "fae-test-" + Guid.NewGuid().ToString "N")
    Directory.CreateDirectory folder |> ignore

    try
        work folder
    finally
        try
            Directory.Delete(folder, true)
        with :? IOException ->
            // A name that is no UTF-8 is out of .NET's reach.
            use remove = Diagnostics.Process.Start("rm", [ "-rf"; "--"; folder ])
            remove.WaitForExit()

/// Writes a picture as PNG below a folder, with the folders of its name; its path.
let writePng folder (name: string) image =
    let path = Path.Combine(folder, name)
    Directory.CreateDirectory(nonNull (Path.GetDirectoryName path)) |> ignore
    File.WriteAllBytes(path, ImageEncoder.toPng image)
    path

/// Grey parts with a fine regular pattern; bad ones have a blot of other texture. No two alike.
let part size (number: int) =
    let drawn salt = Random.toUnit (Random.hash 0x9A27UL (uint64 number * 8UL + salt))
    let phase, light = 6.0f * drawn 0UL, 0.9f + 0.2f * drawn 1UL

    Image.init 1 size size (fun _ y x -> light * (0.5f + 0.2f * sin (float32 x * 0.55f + phase) * sin (float32 y * 0.55f)))

let blotted size (number: int) =
    let image = part size number
    let place salt = 6 + int (Random.hash 0xB107UL (uint64 number * 8UL + salt) % uint64 (size - 22))
    let top, left = place 0UL, place 1UL
    let dark = number % 2 = 0

    let inside y x = y >= top && y < top + 10 && x >= left && x < left + 12

    Image.init 1 size size (fun _ y x ->
        if inside y x then
            (if dark then 0.05f else 0.95f - 0.3f * float32 ((y / 2 + x / 2) % 2))
        else
            image[0, y, x]),
    Image.init 1 size size (fun _ y x -> if inside y x then 1.0f else 0.0f)

/// A model that was not trained: its reconstruction is the picture and a tenth, and `texture` times what the network makes of its
/// surroundings. It calls the upper half of its held-out parts' scores anomalous.
let untrainedModel folder (texture: float32) (scoring: ScoringCandidate) (change: Config -> Config) =
    let network = { Config.defaults.Network with Width = 4; Depth = 1; Dilations = [ 1 ] }

    let config =
        { Config.defaults with
            Image = { Config.defaults.Image with Size = 32 }
            Network = network
            Score = { Config.defaults.Score with Views = 1 }
        }
        |> change

    use fresh = new Network(network, 1, Random.ofSeed 1UL)

    // The exit's bias moves every pixel by a tenth: the relative difference then tells dark from bright.
    let weights =
        fresh.Save()
        |> Seq.map (fun array ->
            if array.Name = "exit.bias" then
                NamedArray(array.Name, array.Shape, Array.map (fun _ -> 0.1f) array.Values)
            elif array.Name = "exit.weight" && texture > 0.0f then
                NamedArray(array.Name, array.Shape, Array.mapi (fun i _ -> texture * float32 (i % 5 - 2)) array.Values)
            else
                array)
        |> Array.ofSeq

    let heldOut = [| for i in 0..9 -> Image.constant 1 config.Image.Size config.Image.Size (0.3f + 0.05f * float32 i) |]
    use reconstructor = Reconstructor.Of(network, 1, weights, null)

    let settings = { Config.defaults.Calibration with FalseAlarm = Some 0.5f }

    let calibration = Calibrator.Fit(scoring, settings, TestTimeAugmentation.Of(reconstructor, config), heldOut, null)
    let path = Path.Combine(folder, "model.safetensors")
    ModelFile.Write(path, ModelCard(config, 1, calibration, [||], [||], "", "", null), weights, TorchRuntime.Version)
    path

/// The relative difference: with that model, by brightness.
let byBrightness: ScoringCandidate =
    {
        Measure = Relative
        FilterSize = 3
        FilterPasses = 1
        Reduction = Maximum
        Border = 0
        NormaliseByMedian = false
    }

/// A model that scores by brightness.
let brightnessModel folder = untrainedModel folder 0.0f byBrightness id

/// A picture that is dark (anomalous) or bright (good) by its number, no two alike.
let lightPicture number =
    let light = (if number % 3 = 0 then 0.05f else 0.6f) + 0.001f * float32 number
    ImageEncoder.toPng (Image.constant 1 32 32 light)

/// The ResNet-18 beside the program.
let packagedBackbone = Path.Combine(AppContext.BaseDirectory, "backbones", "resnet18.onnx")

/// The program under test.
let faeAssembly = Path.GetFullPath(Path.Combine(repository, "artifacts", "bin", "fae.dll"))

/// The package folder that restore fills.
let packages =
    match Environment.GetEnvironmentVariable "NUGET_PACKAGES" with
    | null
    | "" -> Path.Combine(Environment.GetFolderPath Environment.SpecialFolder.UserProfile, ".nuget", "packages")
    | folder -> folder

/// Waits until it holds, or fails with the words after so many seconds.
let until seconds (words: unit -> string) holds =
    let clock = Diagnostics.Stopwatch.StartNew()

    while not (holds ()) do
        if clock.Elapsed.TotalSeconds > seconds then failtest (words ())

        Threading.Thread.Sleep 50

/// A port of this machine that nobody listens to.
let freePort () =
    use listener = new Net.Sockets.TcpListener(Net.IPAddress.Loopback, 0)
    listener.Start()
    (listener.LocalEndpoint :?> Net.IPEndPoint).Port

/// What stands under a key, as a text.
let textOf (json: Text.Json.Nodes.JsonNode) (key: string) =
    match json[key] with
    | null -> failtest $"'{key}' is missing in {json}"
    | value -> string value

/// Asks a process to end, as a service manager does.
let terminate (child: Diagnostics.Process) =
    use kill = Diagnostics.Process.Start("kill", [ "-TERM"; string child.Id ])
    kill.WaitForExit()

/// What a process that ended left.
type Run = { Code: int; Output: string; Error: string }

/// Runs a program to its end; it reads the input, if there is one.
let private commandTold (input: string option) (name: string) (args: string list) =
    let start =
        Diagnostics.ProcessStartInfo(
            name,
            args,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = Option.isSome input
        )

    match Diagnostics.Process.Start start with
    | null -> failtest $"{name} did not start"
    | child ->
        use child = child

        input
        |> Option.iter (fun text ->
            child.StandardInput.Write text
            child.StandardInput.Close())

        let error = child.StandardError.ReadToEndAsync()
        let output = child.StandardOutput.ReadToEnd()
        child.WaitForExit()

        { Code = child.ExitCode; Output = output; Error = error.Result }

/// Runs a program to its end.
let command name args = commandTold None name args

/// Runs a .NET program to its end.
let program (path: string) args = command "dotnet" (path :: args)

/// Runs the program under test to its end.
let fae = program faeAssembly

/// The same with something on its standard input.
let faeTold (input: string) args = commandTold (Some input) "dotnet" (faeAssembly :: args)

/// A shell in which a process gets no more than so many megabytes of memory.
let confined (megabytes: int) (args: string list) =
    let script = $"ulimit -d {megabytes * 1024}; exec dotnet \"$@\""
    command "bash" ([ "-c"; script; "bash"; faeAssembly ] @ args)

// apt runs once at a time.
let private apt = obj ()

/// Whether something is on this machine, after apt was asked for its packages where that can be done.
let available (there: unit -> bool) (packages: string list) =
    lock apt (fun () ->
        if not (there ()) && Environment.UserName = "root" && File.Exists "/usr/bin/apt-get" then
            let run args = command "env" ("DEBIAN_FRONTEND=noninteractive" :: "apt-get" :: args) |> ignore
            run [ "update" ]
            run ([ "install"; "--yes"; "--no-install-recommends" ] @ packages)

        there ())

/// The configuration that everybody starts from.
let defaultConfig = Path.Combine(repository, "configs", "default.toml")

/// The arguments of a training by it, with some keys set.
let training data out (settings: string list) =
    [ "train"; "--config"; defaultConfig; "--data"; data; "--out"; out ]
    @ List.collect (fun setting -> [ "--set"; setting ]) settings
