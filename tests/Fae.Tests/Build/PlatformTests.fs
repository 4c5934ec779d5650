/// Systems that Fae is there for: what it says of others, and what is published for them.
module Fae.Tests.PlatformTests

open System
open System.IO
open System.IO.Compression
open Expecto
open Fae.Dev
open Fae.Imaging
open Fae.Tests.Helpers

let private published system = Path.Combine(repository, "artifacts", "publish", system)

/// Libraries of the packages, and the system that their folder names.
let private packaged () =
    [
        for package in [ "microsoft.ml.onnxruntime"; "torchsharp"; "sqlitepclraw.lib.e_sqlite3" ] do
            for file in Directory.GetFiles(Path.Combine(packages, package), "*", SearchOption.AllDirectories) do
                let parts = file.Split '/'

                match Array.tryFindIndexBack ((=) "runtimes") parts with
                | Some at when List.contains parts[at + 1] NativeImage.systems && parts[at + 2] = "native" && not (file.EndsWith ".pdb") ->
                    match NativeImage.systemsOf file with
                    | [] -> ()
                    | found -> parts[at + 1], found, file
                | _ -> ()
    ]

let tests =
    testList
        "Platforms"
        [
            test "supported systems have no problem, others one line that names the reason" {
                for system in Platform.supported do
                    Expect.isNone (Platform.problemOf system) system

                for system, reason in
                    [
                        "linux-musl-x64", "musl"
                        "linux-musl-arm64", "musl"
                        "win-x86", "32 bits"
                        "linux-arm", "32 bits"
                        "osx-x64", "Intel"
                        "freebsd-x64", "freebsd-x64"
                        "linux-riscv64", "linux-riscv64"
                    ] do
                    match Platform.problemOf system with
                    | None -> failtest $"{system} is not supported"
                    | Some problem ->
                        Expect.stringContains problem reason system
                        Expect.stringContains problem "linux-x64" "what works"
                        Expect.isFalse (problem.Contains '\n') "one line"

                Expect.isNone (Platform.problem ()) "here"
                Expect.equal (Set.ofList NativeImage.systems) (Set.ofList Platform.supported) "published for those that work"
                let built (name: string) = (Shell.property name).Split ';' |> Set.ofArray
                Expect.equal (built "SupportedSystems") (Set.ofList Platform.supported) "built for them"
                Expect.equal (built "SystemsWithLibtorch") (Set.ofList NativeImage.training) "and libtorch where it trains"
            }
            test "a build for another system stops with one line" {
                let build = command "dotnet" [ "build"; Path.Combine(repository, "src", "Fae"); "--nologo"; "-p:FaeSystem=linux-musl-x64" ]

                Expect.notEqual build.Code 0 "it stops"
                Expect.stringContains build.Output "Fae does not run on linux-musl-x64" "why"
                Expect.isFalse (build.Output.Contains "NU1101") "before packages are looked for"
            }
            test "headers tell the system of every packaged library" {
                let libraries = packaged ()
                let systems = libraries |> List.map (fun (system, _, _) -> system) |> Set.ofList
                Expect.equal systems (Set.ofList NativeImage.systems) "ELF, PE and Mach-O, on x64 and ARM"

                for system, found, file in libraries do
                    Expect.contains found system file
            }
            test "a library for another system, or none, is a problem; managed assemblies and pictures are not" {
                inTemporaryFolder (fun folder ->
                    let native (name: string) =
                        packaged () |> List.pick (fun (_, _, file) -> if Path.GetFileName file = name then Some file else None)

                    let right = native "onnxruntime.dll"
                    let right = if right.Contains "win-x64" then right else right.Replace("win-arm64", "win-x64")
                    let wrong = (native "libonnxruntime.so").Replace("linux-x64", "linux-arm64")
                    File.Copy(typeof<FSharp.Core.Unit>.Assembly.Location, Path.Combine(folder, "managed.dll"))
                    File.WriteAllBytes(Path.Combine(folder, "part.png"), lightPicture 1)
                    File.Copy(right, Path.Combine(folder, string (Path.GetFileName right)))
                    let missing = NativeImage.problemsOf "win-x64" false folder
                    Expect.equal missing.Length 2 "libvips and SQLite"
                    Expect.isFalse (missing |> List.exists _.Contains("managed.dll")) "managed"
                    File.Copy(wrong, Path.Combine(folder, string (Path.GetFileName wrong)))

                    Expect.exists
                        (NativeImage.problemsOf "win-x64" false folder)
                        (fun problem -> problem.Contains "is for linux-arm64, not for win-x64")
                        "another system's")
            }
            test "the folders that CI publishes have all native libraries, for their own system" {
                for system, program in [ "win-x64", Some "fae.exe"; "linux-arm64", Some "fae"; "win-arm64", None ] do
                    let folder = published system
                    Expect.isTrue (Directory.Exists folder) $"{folder}: `dotnet fsi build.fsx Test` makes it"
                    Expect.isEmpty (NativeImage.problems system folder) system

                    match program with
                    | Some program -> Expect.equal (NativeImage.systemsOf (Path.Combine(folder, program))) [ system ] "the program"
                    | None -> Expect.isTrue (File.Exists(Path.Combine(folder, "fae.cmd"))) "runs on an installed .NET"

                    Expect.isTrue (File.Exists(Path.Combine(folder, "licences.md"))) "licences"
                    Expect.isEmpty (Directory.GetFiles(folder, "*.pdb")) "no symbols"
            }
            test "an archive for Unix holds every file under one folder, and only programs are marked as such" {
                inTemporaryFolder (fun folder ->
                    let published = Path.Combine(folder, "published")
                    Directory.CreateDirectory(Path.Combine(published, "configs")) |> ignore

                    for file in [ "fae"; "fae.dll"; Path.Combine("configs", "demo.toml") ] do
                        File.WriteAllText(Path.Combine(published, file), file)
                        // As packages of NuGet leave their libraries.
                        File.SetUnixFileMode(Path.Combine(published, file), UnixFileMode.UserRead ||| UnixFileMode.UserExecute)

                    let archive, unpacked = Path.Combine(folder, "fae.tar.gz"), Path.Combine(folder, "unpacked")
                    UnixArchive.write published "fae-1" archive
                    Directory.CreateDirectory unpacked |> ignore
                    Expect.equal (command "tar" [ "--extract"; "--file"; archive; "--directory"; unpacked ]).Code 0 "an archive"
                    let mode file = File.GetUnixFileMode(Path.Combine(unpacked, "fae-1", file))
                    Expect.isTrue ((mode "fae").HasFlag UnixFileMode.OtherExecute) "everybody may run the program"

                    for file in [ "fae.dll"; "configs/demo.toml" ] do
                        Expect.isTrue ((mode file).HasFlag UnixFileMode.OtherRead) $"everybody may read {file}"
                        Expect.isFalse ((mode file).HasFlag UnixFileMode.UserExecute) $"{file} is no program"

                        Expect.equal
                            (File.ReadAllText(Path.Combine(unpacked, "fae-1", file)))
                            (file.Replace('/', Path.DirectorySeparatorChar))
                            file)
            }
            test "fae --version says each part's version" {
                let run = fae [ "--version" ]
                Expect.equal run.Code 0 run.Error
                let lines = run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
                Expect.equal lines[0] ("fae " + Shell.property "Version") "its own, first"
                let said (name: string) = lines |> Array.find _.StartsWith(name) |> _.Substring(name.Length).Trim()
                Expect.equal (Shell.capture "git" [ "cat-file"; "-t"; said "commit" ]) "commit\n" "a commit of this repository"
                Expect.stringContains (said ".NET") (Environment.Version.ToString()) "runtime"
                Expect.equal (said "ONNX Runtime") (Shell.locked "Microsoft.ML.OnnxRuntime") "ONNX Runtime"
                Expect.equal (said "libvips") (Shell.property "VipsVersion") "libvips"
                Expect.stringStarts (said "libtorch") (Shell.property "LibtorchVersion") "libtorch"
            }
            test "the tool is installed from its packages and inspects; without libtorch training says what to install" {
                inTemporaryFolder (fun folder ->
                    let feed = Path.Combine(repository, "artifacts", "packages")
                    let tools = Path.Combine(folder, "tools")

                    let install =
                        command
                            "dotnet"
                            [
                                "tool"
                                "install"
                                "fae"
                                "--tool-path"
                                tools
                                "--add-source"
                                feed
                                "--version"
                                Shell.property "Version"
                            ]

                    Expect.equal install.Code 0 (install.Output + install.Error)
                    let tool args = command (Path.Combine(tools, "fae")) args
                    let version = tool [ "--version" ]
                    Expect.equal version.Code 0 version.Error
                    Expect.stringContains version.Output "libtorch      none" "without libtorch"
                    let model = brightnessModel folder
                    let picture = Path.Combine(folder, "part.png")
                    File.WriteAllBytes(picture, lightPicture 0)
                    let inspected = tool [ "inspect"; "--model"; model; picture; "--json"; "-" ]
                    Expect.equal inspected.Code 0 inspected.Error
                    Expect.stringContains inspected.Output "\"anomalous\": true" "the verdict"
                    let data = Path.Combine(folder, "data")

                    for number in 0..7 do
                        writePng data $"train/good/{number}.png" (part 32 number) |> ignore

                    let config = Path.Combine(repository, "configs", "demo.toml")

                    let training =
                        tool [ "train"; "--config"; config; "--data"; data; "--out"; Path.Combine(folder, "run"); "--steps"; "2" ]

                    Expect.equal training.Code 5 training.Error
                    Expect.stringContains training.Error "fae-training" "what to install")
            }
            test "dnx runs the tool without an installation" {
                inTemporaryFolder (fun folder ->
                    let feed = Path.Combine(repository, "artifacts", "packages")
                    let model = brightnessModel folder
                    let picture = Path.Combine(folder, "part.png")
                    File.WriteAllBytes(picture, lightPicture 0)
                    // Packages of its own: NuGet would keep this build's for the next one.
                    let packages = "NUGET_PACKAGES=" + Path.Combine(folder, "packages")
                    let tool = "fae@" + Shell.property "Version"
                    let dnx = [ packages; "dotnet"; "dnx"; tool; "--yes"; "--add-source"; feed ]
                    let run = command "env" (dnx @ [ "inspect"; "--model"; model; picture; "--json"; "-" ])
                    Expect.equal run.Code 0 (run.Output + run.Error)
                    Expect.stringContains run.Output "\"anomalous\": true" "the verdict")
            }
            test "the tool's package names those of every system, and holds no other system's libraries" {
                let feed = Path.Combine(repository, "artifacts", "packages")
                let version = Shell.property "Version"
                use pointer = ZipFile.OpenRead(Path.Combine(feed, $"fae.{version}.nupkg"))
                use settings = new StreamReader((nonNull (pointer.GetEntry "tools/net10.0/any/DotnetToolSettings.xml")).Open())
                let text = settings.ReadToEnd()

                for system in NativeImage.systems do
                    Expect.stringContains text $"Id=\"fae.{system}\"" system

                use here = ZipFile.OpenRead(Path.Combine(feed, $"fae.linux-x64.{version}.nupkg"))
                let natives = here.Entries |> Seq.map _.FullName |> Seq.filter _.Contains("onnxruntime.") |> List.ofSeq
                Expect.isNonEmpty natives "ONNX Runtime"
                Expect.isLessThan (FileInfo(Path.Combine(feed, $"fae.linux-x64.{version}.nupkg")).Length) 120_000_000L "of one system"
            }
        ]
