/// Every sample is built and run, and the snippets of the documents too.
module Fae.Tests.SamplesTests

open System
open System.IO
open System.Text.Json.Nodes
open System.Text.RegularExpressions
open Expecto
open Fae.Data
open Fae.Imaging
open Fae.Tests.Helpers
open Fae.Tests.Serving

let private samples = Path.Combine(repository, "samples")
let private sample (path: string) = Path.Combine(samples, path)

/// Builds projects as a user would, from the packed package, in one call of MSBuild.
let private build folder (projects: string list) =
    let all = String.concat ";" projects

    let settings =
        "UseCurrentRuntimeIdentifier=true;SelfContained=false;AppendRuntimeIdentifierToOutputPath=false;RestoreForce=true"

    let properties = $"Configuration=Release;{settings}"
    let file = Path.Combine(folder, "all.proj")

    File.WriteAllText(
        file,
        $"""<Project><Target Name="Build">
<MSBuild Projects="{all}" Targets="Restore" Properties="{properties};Step=Restore" />
<MSBuild Projects="{all}" Targets="Build" Properties="{properties}" />
</Target></Project>"""
    )

    let built = command "dotnet" [ "msbuild"; file; "-nologo"; "-verbosity:quiet" ]
    Expect.equal built.Code 0 (built.Output + built.Error)

let private output (project: string) =
    Path.Combine(string (Path.GetDirectoryName project), "bin", "Release", "net10.0", Files.stem project + ".dll")

let private pictures folder =
    [
        for number in 0..3 do
            let path = Path.Combine(folder, $"part-{number}.png")
            File.WriteAllBytes(path, lightPicture number)
            path
    ]

let private csharp =
    [
        "01-inspect-file/InspectFile.csproj"
        "02-camera-buffer/CameraBuffer.csproj"
        "03-async-stream/AsyncStream.csproj"
    ]
    |> List.map sample

/// The project of the first sample, to be built elsewhere.
let private copyProject path =
    let packed = Path.Combine(repository, "artifacts", "packages")
    File.WriteAllText(path, (File.ReadAllText csharp.Head).Replace("$(MSBuildThisFileDirectory)../../artifacts/packages", packed))

/// The C# snippets of the documents as one program: each a method, run in the folder of a model and a picture.
let private writeSnippets folder =
    let documents =
        Directory.GetFiles(Path.Combine(repository, "docs"), "*.md", SearchOption.AllDirectories)
        |> Array.append [| Path.Combine(repository, "README.md") |]

    let marked = Regex("<!-- snippet: csharp -->\n(.*?)<!-- end of snippet -->", RegexOptions.Singleline)

    let snippets =
        [
            for path in documents do
                for found in marked.Matches(File.ReadAllText path) do
                    found.Groups[1].Value.Split '\n' |> Array.map _.Trim() |> List.ofArray
        ]

    let isUsing (line: string) = Regex.IsMatch(line, @"^using [\w.]+;$")
    let usings = "using System;" :: List.concat snippets |> List.filter isUsing |> List.distinct
    let body lines = lines |> List.filter (isUsing >> not) |> String.concat "\n"
    let methods = snippets |> List.mapi (fun i lines -> $"static void Snippet{i}()\n{{\n{body lines}\n}}\n")
    let calls = snippets |> List.mapi (fun i _ -> $"Snippet{i}();\n")
    let project = Path.Combine(folder, "Snippets.csproj")
    copyProject project
    File.WriteAllText(Path.Combine(folder, "Program.cs"), String.concat "\n" (usings @ calls @ methods))
    snippets.Length, project

let private inFolder folder (name: string) args =
    command "bash" ([ "-c"; "cd \"$1\" && shift && exec \"$@\""; "bash"; folder; name ] @ args)

// Debian's own: another python3 may come first in PATH.
let private debianPython = "/usr/bin/python3"

let private python () =
    available
        (fun () -> File.Exists debianPython && (command debianPython [ "-c"; "import numpy, PIL" ]).Code = 0)
        [ "python3-numpy"; "python3-pil" ]

/// What fae and a sample found on the same pictures, the sample a line each, is the same.
let private sameFindings (sample: Run) (own: Run) =
    Expect.equal sample.Code 0 sample.Error
    let lines = sample.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries)

    match JsonNode.Parse own.Output with
    | :? JsonArray as findings ->
        Expect.equal lines.Length findings.Count sample.Output

        for line, finding in Seq.zip lines findings do
            for key in [ "path"; "score"; "p_value"; "anomalous" ] do
                Expect.equal (textOf (nonNull (JsonNode.Parse line)) key) (textOf (nonNull finding) key) key
    | _ -> failtest own.Output

let private nativeCode =
    test "the first sample, compiled ahead of time, gives the results of fae; the compiler warns of FSharp.Core alone" {
        let linker () = File.Exists "/usr/bin/gcc" && File.Exists "/usr/include/stdlib.h"

        if not (available linker [ "gcc"; "libc6-dev" ]) then
            failtest "gcc or libc6-dev is missing"

        inTemporaryFolder (fun folder ->
            let source, out = Path.Combine(folder, "source"), Path.Combine(folder, "out")
            Directory.CreateDirectory source |> ignore
            let project = Path.Combine(source, "InspectFile.csproj")
            copyProject project
            File.Copy(sample "01-inspect-file/Program.cs", Path.Combine(source, "Program.cs"))
            let system = Runtime.InteropServices.RuntimeInformation.RuntimeIdentifier

            let settings =
                [ "--runtime"; system; "--output"; out; "-property:PublishAot=true"; "-property:InvariantGlobalization=true" ]

            let published = command "dotnet" ([ "publish"; project; "--nologo"; "--configuration"; "Release" ] @ settings)
            Expect.equal published.Code 0 (published.Output + published.Error)
            let warnings = published.Output.Split '\n' |> Array.filter _.Contains("warning")
            Expect.all warnings _.Contains("FSharp.Core") "our assemblies are clean"
            Expect.isFalse (File.Exists(Path.Combine(out, "InspectFile.dll"))) "native code"
            let model, pictures = brightnessModel folder, pictures folder

            sameFindings
                (command (Path.Combine(out, "InspectFile")) (model :: pictures))
                (fae ([ "inspect"; "--model"; model; "--json"; "-" ] @ pictures)))
    }

let tests =
    oneByOne
        "Samples"
        [
            test "the C# samples and the snippets of the documents build from the package, give the results of fae, and contain no torch" {
                inTemporaryFolder (fun folder ->
                    let model = brightnessModel folder
                    let pictures = pictures folder
                    let snippets = Path.Combine(folder, "snippets")
                    Directory.CreateDirectory snippets |> ignore
                    let count, project = writeSnippets snippets
                    Expect.isGreaterThanOrEqual count 2 "snippets"
                    build folder (project :: csharp)
                    let run name args = program (output (csharp |> List.find (fun path -> path.Contains(name: string)))) args

                    sameFindings (run "InspectFile" (model :: pictures)) (fae ([ "inspect"; "--model"; model; "--json"; "-" ] @ pictures))

                    let broken = run "InspectFile" [ pictures.Head; pictures.Head ]
                    Expect.equal broken.Code 4 "a picture is no model"
                    let camera = run "CameraBuffer" [ model ]
                    Expect.stringStarts camera.Output "camera: Anomalous" "a black buffer"
                    let stream = run "AsyncStream" (model :: pictures)
                    Expect.stringContains stream.Output "part-0.png: Anomalous" "dark"
                    Expect.stringContains stream.Output "part-1.png: Good" "bright"

                    let bin = string (Path.GetDirectoryName(output csharp.Head))
                    let all = DirectoryInfo(bin).GetFiles("*", SearchOption.AllDirectories)
                    let foreign = all |> Array.filter (fun file -> Regex.IsMatch(file.Name, "torch|ILGPU|Fae.(Report|Paper|Data)"))
                    Expect.isEmpty foreign "no torch, no ILGPU, no reports"
                    Expect.isLessThan (all |> Array.sumBy _.Length) 100_000_000L "a program of less than a hundred megabytes"

                    File.Copy(pictures.Head, Path.Combine(folder, "part.png"))
                    // What the snippet of a line-scan camera loads.
                    let strips = untrainedModel (Path.Combine(folder, "strip")) 0.0f byBrightness (StripTests.tiled 128 128)
                    File.Copy(strips, Path.Combine(folder, "strip.safetensors"))
                    let shown = inFolder folder "dotnet" [ output project ]
                    Expect.equal shown.Code 0 shown.Error
                    Expect.stringContains shown.Output "Anomalous" "the snippets inspect")
            }

            nativeCode

            test "the F# script takes the package from a local folder" {
                inTemporaryFolder (fun folder ->
                    let model = brightnessModel folder
                    let source = "RestoreAdditionalProjectSources=" + Path.Combine(repository, "artifacts", "packages")
                    let run = command "env" ([ source; "dotnet"; "fsi"; sample "04-fsharp-script/inspect.fsx"; model ] @ pictures folder)
                    Expect.equal run.Code 0 run.Error
                    Expect.stringContains run.Output "part-0.png: Anomalous" "dark"
                    Expect.stringContains run.Output "part-1.png: Good" "bright")
            }

            test "the Python sample inspects with an exported model" {
                if not (python ()) then failtest "python3 with numpy and Pillow is missing"

                inTemporaryFolder (fun folder ->
                    let model, onnx = brightnessModel folder, Path.Combine(folder, "part.onnx")
                    let exported = fae [ "export"; "--model"; model; "--onnx"; onnx ]
                    Expect.equal exported.Code 0 exported.Error
                    let script = sample "05-onnx-python/inspect_onnx.py"
                    let here = Reflection.Assembly.GetExecutingAssembly().Location
                    let path = $"PYTHONPATH={__SOURCE_DIRECTORY__}"
                    let run = command "env" ([ path; $"FAE_TESTS={here}"; debianPython; script; onnx ] @ pictures folder)
                    Expect.equal run.Code 0 run.Error
                    Expect.stringContains run.Output "part-0.png: anomalous" "dark"
                    Expect.stringContains run.Output "part-1.png: good" "bright")
            }

            test "the HTTP samples ask a server" {
                inTemporaryFolder (fun folder ->
                    let pictures = pictures folder
                    let project = sample "06-http/HttpClientSample.csproj"
                    build folder [ project ]

                    serving (brightnessModel folder) [] (fun served ->
                        let dark = program (output project) [ served.Url; pictures.Head ]
                        Expect.stringStarts dark.Output "anomalous, score" dark.Error
                        let curl = inFolder folder (sample "06-http/inspect.sh") [ served.Url; pictures.Head ]
                        Expect.equal curl.Code 0 curl.Error
                        Expect.stringContains curl.Output "\"anomalous\":true" "curl"
                        Expect.isTrue (File.Exists(Path.Combine(folder, "heatmap.png"))) "the heatmap"))
            }

            test "the build pipeline passes above its limit and fails below" {
                inTemporaryFolder (fun folder ->
                    let data = Path.Combine(folder, "data")
                    Demo.make data 3UL 12 4 2
                    let config = Path.Combine(repository, "configs", "demo.toml")

                    let run (limit: string) =
                        let script = sample "07-build-pipeline/build.fsx"
                        let launcher = Path.Combine(repository, "artifacts", "bin", "fae")
                        let out = Path.Combine(folder, limit)
                        let more = [ "--config"; config; "--steps"; "5"; "--set"; "image.size=64"; "--set"; "image.crop=0" ]
                        command "dotnet" ([ "fsi"; script; launcher; data; out; limit ] @ more)

                    let passed, failed = run "0", run "1.1"
                    Expect.equal passed.Code 0 (passed.Output + passed.Error)
                    Expect.equal failed.Code 1 failed.Error
                    Expect.stringContains failed.Output "limit 1.1" "says why")
            }
        ]
