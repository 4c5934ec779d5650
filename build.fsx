/// The build: `dotnet fsi build.fsx TARGET`. Plain functions that call `dotnet`; no packages, so that it answers in a second.
open System
open System.Diagnostics
open System.Globalization
open System.IO
open System.Runtime.InteropServices
open System.Text.Json

let root = __SOURCE_DIRECTORY__
let artifacts = Path.Combine(root, "artifacts")
let fae = Path.Combine(artifacts, "bin", "fae")

/// Runs a command in the repository and returns its exit code.
let tryRun (command: string) (args: string list) =
    let start = ProcessStartInfo(command, args, WorkingDirectory = root)
    use child = Process.Start start
    child.WaitForExit()
    child.ExitCode

/// Runs a command; the build ends with its exit code if it fails.
let run command args =
    match tryRun command args with
    | 0 -> ()
    | code ->
        let line = String.concat " " (command :: args)
        eprintfn $"build: `{line}` ended with {code}"
        exit code

let capture (command: string) (args: string list) =
    let start = ProcessStartInfo(command, args, WorkingDirectory = root, RedirectStandardOutput = true)
    use child = Process.Start start
    let text = child.StandardOutput.ReadToEnd()
    child.WaitForExit()
    text

/// Paket's files name no registry: the address comes from NuGet's own settings, so that a company's mirror works too.
let setFeed () =
    if String.IsNullOrEmpty(Environment.GetEnvironmentVariable "NUGET_FEED") then
        let feed =
            (capture "dotnet" [ "nuget"; "list"; "source"; "--format"; "short" ]).Split('\n')
            |> Array.tryPick (fun line ->
                let line = line.Trim()

                if line.StartsWith "E " || line.StartsWith "EM " then
                    Some(line.Substring(line.IndexOf ' ' + 1).Trim())
                else
                    None)

        match feed with
        | Some feed -> Environment.SetEnvironmentVariable("NUGET_FEED", feed)
        | None ->
            eprintfn "build: NuGet has no enabled source; add one with `dotnet nuget add source`, or set NUGET_FEED"
            exit 5

let restore () =
    setFeed ()
    run "dotnet" [ "tool"; "restore" ]
    run "dotnet" [ "paket"; "restore" ]

/// Changes the locked packages after paket.dependencies was edited; puts the placeholder back that Paket expands.
let lock () =
    setFeed ()
    run "dotnet" [ "tool"; "restore" ]
    let code = tryRun "dotnet" [ "paket"; "install" ]
    let path = Path.Combine(root, "paket.lock")
    let feed = Environment.GetEnvironmentVariable "NUGET_FEED"
    File.WriteAllText(path, (File.ReadAllText path).Replace(feed, "%NUGET_FEED%"))

    if code <> 0 then
        exit code

let sources =
    [ "src"; "tests"; "build.fsx" ]
    |> List.filter (fun path -> Path.Exists(Path.Combine(root, path)))

let format () =
    restore ()
    run "dotnet" ([ "fantomas" ] @ sources)

let checkFormat () = run "dotnet" ([ "fantomas"; "--check" ] @ sources)

let compile () =
    run
        "dotnet"
        [
            "build"
            "Fae.sln"
            "--configuration"
            "Release"
            "--nologo"
            "--verbosity"
            "quiet"
            // One at a time: Paket's targets of two parallel builds can meet on one cache file.
            "-maxcpucount:1"
        ]

/// What a start of the program runs through.
let private precompiled =
    [
        "fae"
        "Fae.Core"
        "Fae.Data"
        "Fae.Detection"
        "Fae.Engine"
        "Fae.Kernels"
        "Fae.Report"
        "Fae.Server"
    ]
    @ [ "FSharp.Core"; "Argu"; "TorchSharp"; "NetVips"; "Spectre.Console"; "Tomlyn" ]

let private globalPackages () =
    let listed = capture "dotnet" [ "nuget"; "locals"; "global-packages"; "--list" ]
    listed.Substring(listed.IndexOf ':' + 1).Trim()

/// The version of a package that paket.lock pins.
let private locked (name: string) =
    File.ReadLines(Path.Combine(root, "paket.lock"))
    |> Seq.pick (fun line ->
        // What packages ask for stands two further in.
        if line.StartsWith($"    {name} (") then
            Some(line.Substring(line.IndexOf '(' + 1).Trim().TrimEnd ')')
        else
            None)

/// The compiler that makes machine code ahead of time, where there is one for this machine.
let private crossgen () =
    let name = "Microsoft.NETCore.App.Crossgen2.linux-x64"
    let tool = Path.Combine(globalPackages (), name.ToLowerInvariant(), locked name, "tools", "crossgen2")

    if
        OperatingSystem.IsLinux()
        && RuntimeInformation.OSArchitecture = Architecture.X64
        && File.Exists tool
    then
        // NuGet does not keep the bit that makes it a program.
        File.SetUnixFileMode(tool, File.GetUnixFileMode tool ||| UnixFileMode.UserExecute)
        Some tool
    else
        None

/// Compiles the program and what it starts with ahead of time, as one body of code: a third less time from a cold start to a verdict. The tests and
/// the benchmarks of kernels run what the just-in-time compiler makes.
let private precompile () =
    match crossgen () with
    | None -> printfn "build: no ahead-of-time compiler for this machine; fae starts slower"
    | Some tool ->
        let bin, out = Path.Combine(artifacts, "bin"), Path.Combine(artifacts, "precompiled")
        Directory.CreateDirectory out |> ignore
        let files = precompiled |> List.map (fun name -> Path.Combine(bin, name + ".dll"))
        let bubble = files |> List.collect (fun file -> [ "--inputbubbleref"; file ])

        let references =
            let runtime = RuntimeEnvironment.GetRuntimeDirectory()

            [
                runtime
                runtime.Replace("Microsoft.NETCore.App", "Microsoft.AspNetCore.App")
                bin
            ]
            |> List.collect (fun folder -> [ "--reference"; Path.Combine(folder, "*.dll") ])

        let compileOne (file: string) =
            let target = Path.Combine(out, Path.GetFileName file)

            let args =
                [
                    file
                    "--out"
                    target
                    "--targetos"
                    "linux"
                    "--targetarch"
                    "x64"
                    "--optimize"
                    "--inputbubble"
                ]
                @ bubble
                @ references

            let start = ProcessStartInfo(tool, args, RedirectStandardOutput = true, RedirectStandardError = true)
            use child = Process.Start start
            let errors = child.StandardError.ReadToEndAsync()
            child.StandardOutput.ReadToEnd() |> ignore
            child.WaitForExit()

            if child.ExitCode = 0 then
                None
            else
                Some $"{file}: {errors.Result}"

        // All or none: code of one body belongs together.
        match files |> Array.ofList |> Array.Parallel.choose compileOne with
        | [||] ->
            for file in files do
                File.Move(Path.Combine(out, Path.GetFileName file), file, true)
        | problems ->
            for problem in problems do
                eprintfn $"build: {problem}"

            exit 1

let build () =
    restore ()
    compile ()
    precompile ()
    printfn $"built {fae}"

let private packBuilt () =
    let folder, packages = Path.Combine(artifacts, "pack"), Path.Combine(artifacts, "packages")
    Directory.CreateDirectory folder |> ignore
    Directory.CreateDirectory packages |> ignore

    let version = (capture "dotnet" [ "msbuild"; "src/Fae/Fae.csproj"; "-getProperty:Version" ]).Trim()

    let needed =
        [
            "FSharp.Core"
            "Google.Protobuf"
            "ILGPU"
            "Microsoft.ML.OnnxRuntime"
            "NetVips"
            "StbImageSharp"
            "Tomlyn"
        ]
        |> List.map (fun name -> name, locked name)

    // libvips for the systems that lines run on; the lock has that of the build machine.
    let natives =
        [ "linux-x64"; "linux-arm64"; "win-x64"; "osx-arm64" ]
        |> List.map (fun system -> $"NetVips.Native.{system}", locked "NetVips.Native.linux-x64")

    let assemblies = [ "Fae"; "Fae.Core"; "Fae.Kernels"; "Fae.Detection"; "Fae.Data"; "Fae.Report" ]

    let bin = Path.Combine(root, "src", "Fae", "bin", "Release", "net10.0")

    let template =
        [
            "type file"
            "id Fae"
            $"version {version}"
            "title Fae"
            "authors The Fae engineers"
            "description"
            "    Visual anomaly detection: a model that `fae train` made, at work inside a .NET program. On ONNX Runtime, without torch."
            "tags anomaly-detection machine-vision inspection onnx"
            "framework net10.0"
            "files"
        ]
        @ [
            for name in assemblies do
                for ending in [ "dll"; "xml" ] do
                    let file = Path.Combine(bin, $"{name}.{ending}")

                    if File.Exists file then
                        $"    {Path.GetRelativePath(folder, file)} ==> lib/net10.0"
        ]
        @ [ "dependencies" ]
        @ [ for name, version in needed @ natives -> $"    {name} >= {version}" ]

    let path = Path.Combine(folder, "paket.template")
    File.WriteAllLines(path, template)

    for old in Directory.GetFiles(packages, "Fae.*.nupkg") do
        File.Delete old

    run "dotnet" [ "paket"; "pack"; packages; "--template"; path ]
    // NuGet never looks again at a version that it has unpacked.
    let unpacked = Path.Combine(globalPackages (), "fae", version)

    if Directory.Exists unpacked then
        Directory.Delete(unpacked, true)

    printfn $"""packed {Path.Combine(packages, $"Fae.{version}.nupkg")}"""

/// The library as a NuGet package in artifacts/packages: Fae's own assemblies without torch, and the packages that they need at the versions that are locked here.
let pack () =
    restore ()

    run
        "dotnet"
        [
            "build"
            "src/Fae/Fae.csproj"
            "--configuration"
            "Release"
            "--nologo"
            "-v"
            "q"
        ]

    packBuilt ()

let rec private copyAll (from: string) (into: string) (wanted: string -> bool) =
    Directory.CreateDirectory into |> ignore

    for file in Directory.GetFiles from |> Array.filter wanted do
        File.Copy(file, Path.Combine(into, Path.GetFileName file), true)

    for folder in Directory.GetDirectories from do
        copyAll folder (Path.Combine(into, Path.GetFileName folder)) wanted

/// What was built with the .NET that runs it, and without libtorch, as a folder that needs nothing on the machine it is copied to: it inspects there, and
/// trains with a libtorch of that machine's own. For this system alone.
let private assemble () =
    let folder = Path.Combine(artifacts, "portable", "fae")

    if Directory.Exists folder then
        Directory.Delete(folder, true)

    let bin = Path.Combine(folder, "bin")

    let libtorch =
        // The folder's name has the version in full, the lock may shorten it.
        Directory.GetFiles(Path.Combine(globalPackages (), "libtorch-cpu-linux-x64"), "*.so*", SearchOption.AllDirectories)
        |> Array.map Path.GetFileName
        |> Set.ofArray

    let ours (file: string) =
        not (libtorch.Contains(Path.GetFileName file))
        && not (file.EndsWith(".pdb", StringComparison.Ordinal))

    copyAll (Path.Combine(artifacts, "bin")) bin ours

    for file in
        Directory.GetFiles(Path.Combine(artifacts, "bench"), "Fae.Bench.*")
        |> Array.filter ours do
        File.Copy(file, Path.Combine(bin, Path.GetFileName file), true)

    for script in Directory.GetFiles(Path.Combine(artifacts, "bench"), "*.py") do
        File.Copy(script, Path.Combine(bin, Path.GetFileName script), true)

    let system = RuntimeInformation.RuntimeIdentifier
    let runtimes = Path.Combine(bin, "runtimes")

    for other in Directory.GetDirectories runtimes do
        if not (List.contains (Path.GetFileName other) [ system; "unix"; "linux" ]) then
            Directory.Delete(other, true)

    // Where the frameworks that programs of this build run on lie: "NAME VERSION [FOLDER]" a line.
    for line in (capture "dotnet" [ "--list-runtimes" ]).Split('\n', StringSplitOptions.RemoveEmptyEntries) do
        match line.Split([| ' ' |], 3) with
        | [| name; version; place |] when
            version = Environment.Version.ToString()
            && name <> "Microsoft.WindowsDesktop.App"
            ->
            let shared = place.Trim().Trim('[', ']')
            let dotnet = Path.GetFullPath(Path.Combine(shared, "..", ".."))
            let into = Path.Combine(folder, "dotnet")
            copyAll (Path.Combine(shared, version)) (Path.Combine(into, "shared", name, version)) ours
            let fxr = Path.Combine(dotnet, "host", "fxr", version)

            if Directory.Exists fxr then
                copyAll fxr (Path.Combine(into, "host", "fxr", version)) ours

            File.Copy(Path.Combine(dotnet, "dotnet"), Path.Combine(into, "dotnet"), true)
        | _ -> ()

    for launcher, assembly in [ "fae", "fae.dll"; "fae-bench", "Fae.Bench.dll" ] do
        let path = Path.Combine(folder, launcher)

        File.WriteAllText(
            path,
            "#!/bin/sh\nhere=$(dirname \"$(readlink -f \"$0\")\")\nDOTNET_ROOT=$here/dotnet exec \"$here/dotnet/dotnet\" \"$here/bin/"
            + assembly
            + "\" \"$@\"\n"
        )

        File.SetUnixFileMode(
            path,
            File.GetUnixFileMode path
            ||| UnixFileMode.UserExecute
            ||| UnixFileMode.GroupExecute
        )

    for file in [ "licences.md" ] do
        File.Copy(Path.Combine(root, "docs", file), Path.Combine(folder, file), true)

    copyAll (Path.Combine(root, "configs")) (Path.Combine(folder, "configs")) ours
    folder

/// One file to carry to another machine.
let portable () =
    if not (OperatingSystem.IsLinux()) then
        eprintfn "build: Portable is for Linux; elsewhere `dotnet publish src/Fae.Cli --self-contained` makes a folder"
        exit 5

    build ()
    let folder = assemble ()
    let archive = Path.Combine(artifacts, "portable", $"fae-{RuntimeInformation.RuntimeIdentifier}.tar.xz")

    run
        "tar"
        [
            "--create"
            "--use-compress-program=xz -T0"
            "--file"
            archive
            "--directory"
            Path.GetDirectoryName folder
            "fae"
        ]

    printfn $"wrote {archive}, {FileInfo(archive).Length / 1048576L} MiB"

/// Every test of the solution, in one Expecto program; its last line is `N passed, N failed`.
let test (args: string list) =
    restore ()
    checkFormat ()
    compile ()
    packBuilt ()

    if OperatingSystem.IsLinux() then
        assemble () |> ignore

    let tests = Path.Combine(artifacts, "tests", "Fae.Tests.dll")
    exit (tryRun "dotnet" (tests :: args))

let demo (args: string list) =
    build ()
    let folder = Path.Combine(artifacts, "demo")
    let data = Path.Combine(folder, "data")
    run fae [ "demo-data"; "--out"; data ]

    run
        fae
        ([
            "train"
            "--config"
            Path.Combine(root, "configs", "demo.toml")
            "--data"
            data
            "--out"
            folder
         ]
         @ args)

    run fae [ "eval"; "--model"; folder; "--data"; data; "--out"; folder ]
    let report = Path.Combine(folder, "report.html")
    printfn $"look at {report}"

/// One line of the README's results: a configuration on a data set with a seed.
type Measured =
    {
        Name: string
        Config: string
        Data: string
        Seed: int
    }

let private shared = Path.Combine(root, "..", "shared", "data")

let private measurements =
    let demo = Path.Combine(artifacts, "measure", "demo-data")

    [
        for name in [ "magnetic-tile"; "pcb" ] ->
            {
                Name = name
                Config = name
                Data = Path.Combine(shared, name)
                Seed = 0
            }
        for seed in 0..2 ->
            {
                Name = $"demo, seed {seed}"
                Config = "demo"
                Data = demo
                Seed = seed
            }
    ]

/// Trains by a configuration (or goes on where an earlier call was stopped), evaluates, and returns the table's line.
let private measure (m: Measured) =
    let out = Path.Combine(artifacts, "measure", $"{m.Config}-{m.Seed}")
    let config = Path.Combine(root, "configs", m.Config + ".toml")

    let resume =
        [
            if File.Exists(Path.Combine(out, "checkpoint.safetensors")) then
                "--resume"
        ]

    run
        fae
        ([
            "train"
            "--config"
            config
            "--data"
            m.Data
            "--out"
            out
            "--seed"
            string m.Seed
         ]
         @ resume)

    run
        fae
        [
            "eval"
            "--model"
            out
            "--data"
            m.Data
            "--out"
            out
            "--compare"
            Path.Combine(out, "compare.txt")
        ]

    use json = JsonDocument.Parse(File.ReadAllText(Path.Combine(out, "eval.json")))

    let percent (key: string) =
        match json.RootElement.GetProperty key with
        | value when value.ValueKind = JsonValueKind.Number -> (100.0 * value.GetDouble()).ToString("0.0", CultureInfo.InvariantCulture)
        | _ -> "–"

    let keys = [ "image_auroc"; "pixel_auroc"; "aupro"; "image_ap"; "pixel_ap" ]

    let commit = (capture "git" [ "rev-parse"; "--short=7"; "HEAD" ]).Trim()

    let cells =
        m.Name
        :: json.RootElement.GetProperty("images").ToString()
        :: List.map percent keys
        @ [ commit ]

    "| " + String.concat " | " cells + " |"

/// Rewrites the lines between the two marks where a target's results stand, from those that stand there.
let private rewriteResults (path: string) (target: string) (rewrite: string list -> string list) =
    let text = File.ReadAllText path
    let opening, closing = $"<!-- results: written by `build.fsx {target}` -->", "<!-- end of results -->"
    let start = text.IndexOf opening + opening.Length
    let finish = text.IndexOf closing
    let old = text.Substring(start, finish - start).Split('\n') |> List.ofArray
    File.WriteAllText(path, String.concat "\n" ([ text.Substring(0, start) ] @ rewrite old @ [ text.Substring finish ]))

/// Puts a line into the table between its two marks in the README, in place of the one of that name.
let private writeResult (m: Measured) (line: string) =
    let table =
        [
            "| data set | test pictures | image AUROC | pixel AUROC | AUPRO | image AP | pixel AP | commit |"
            "| --- | --- | --- | --- | --- | --- | --- | --- |"
        ]

    let row (old: string list) (other: Measured) =
        if other.Name = m.Name then
            Some line
        else
            old |> List.tryFind _.StartsWith($"| {other.Name} |")

    rewriteResults (Path.Combine(root, "README.md")) "Measure" (fun old -> table @ List.choose (row old) measurements)

/// Trains and evaluates what the README's table shows, all of it or what is named ("pcb", "demo, seed 1"), and writes each line into it. Hours,
/// not minutes.
let measureAll (names: string list) =
    build ()
    run fae [ "demo-data"; "--out"; Path.Combine(artifacts, "measure", "demo-data") ]

    for m in measurements do
        if
            (m.Config = "demo" || Directory.Exists m.Data)
            && (names.IsEmpty || List.contains m.Name names)
        then
            writeResult m (measure m)

/// The evidence that can be had without MVTec AD: `fae reproduce` on the demo's parts in colour and in grey (five seeds, with and without noise), on the
/// magnetic tiles split by kind of defect (three seeds), and every method on the demo's parts. What it writes is kept in docs/reproduction. An hour.
let reproduce (asked: string list) =
    build ()
    let evidence = Path.Combine(artifacts, "evidence")
    let data, configs = Path.Combine(evidence, "data"), Path.Combine(evidence, "configs")
    let config name = File.ReadAllText(Path.Combine(root, "configs", name + ".toml"))
    let category (name: string) (text: string) = File.WriteAllText(Path.Combine(configs, name + ".toml"), text)
    Directory.CreateDirectory configs |> ignore

    let demos =
        [
            "demo-colour", config "demo"
            "demo-grey", (config "demo").Replace("size = 256", "size = 256\nchannels = 1")
        ]

    for seed, (name, text) in List.indexed demos do
        run fae [ "demo-data"; "--out"; Path.Combine(data, name); "--seed"; string seed ]
        category name text

    // Methods are compared when they have learned something: three times the steps of the shortest training.
    let methods = "demo-methods"
    run fae [ "demo-data"; "--out"; Path.Combine(data, methods); "--seed"; "0" ]
    category methods ((config "demo").Replace("steps = 600", "steps = 9000"))

    let tiles =
        let from = Path.Combine(shared, "magnetic-tile")

        [
            for kind in
                (if Directory.Exists from then
                     Directory.GetDirectories(Path.Combine(from, "test"))
                 else
                     [||])
                |> Array.map Path.GetFileName do
                if kind <> "good" then
                    let name = "tile-" + kind

                    for part in [ "train/good"; "test/good"; "test/" + kind; "ground_truth/" + kind ] do
                        let link = Path.Combine(data, name, part)
                        Directory.CreateDirectory(Path.GetDirectoryName link) |> ignore

                        if not (Directory.Exists link) then
                            Directory.CreateSymbolicLink(link, Path.GetFullPath(Path.Combine(from, part)))
                            |> ignore

                    category name (config "magnetic-tile")
                    name
        ]

    let sweeps =
        [
            "demo", List.map fst demos, [ "--ablate"; "noise"; "--seeds"; "5" ]
            "tiles", tiles, [ "--ablate"; "noise"; "--seeds"; "3" ]
            "methods", [ methods ], [ "--methods"; "all" ]
            "curves", [ "demo-colour" ], [ "--ablate"; "curves"; "--seeds"; "3" ]
        ]

    for name, categories, more in sweeps do
        if not categories.IsEmpty && (asked.IsEmpty || List.contains name asked) then
            let out = Path.Combine(evidence, name)

            run
                fae
                ([
                    "reproduce"
                    "--data"
                    data
                    "--out"
                    out
                    "--configs"
                    configs
                    "--budget"
                    "short"
                    "--resume"
                 ]
                 @ [ "--categories"; String.concat "," categories ]
                 @ more)

            let kept = Path.Combine(root, "docs", "reproduction", name)

            for path in Directory.GetFiles(Path.Combine(out, "short"), "*", SearchOption.AllDirectories) do
                let relative = Path.GetRelativePath(Path.Combine(out, "short"), path)

                if
                    not (relative.StartsWith "cells")
                    && List.contains (Path.GetExtension path) [ ".md"; ".csv"; ".jpg" ]
                then
                    let target = Path.Combine(kept, relative)
                    Directory.CreateDirectory(Path.GetDirectoryName target) |> ignore
                    File.Copy(path, target, true)

/// What the benchmarks compare with, from Debian; where it cannot be installed, the benchmarks say what they skip.
let private installPeers () =
    let packages =
        [
            "opencv"
            "scipy"
            "sklearn"
            "skimage"
            "torch"
            "pil"
            "fastapi"
            "uvicorn"
        ]
        |> List.map (fun name -> "python3-" + name)

    if tryRun "dpkg" ("-s" :: packages) <> 0 then
        // A fresh machine has no list of packages yet.
        if
            tryRun "apt-get" [ "update" ] <> 0
            || tryRun "apt-get" ([ "install"; "--yes"; "--no-install-recommends" ] @ packages)
               <> 0
        then
            eprintfn "build: the peers could not be installed; what needs them is skipped"

let private processor () =
    let line =
        File.ReadLines "/proc/cpuinfo"
        |> Seq.tryFind _.StartsWith("model name")
        |> Option.defaultValue "model name: unknown"

    line.Substring(line.IndexOf ':' + 1).Trim()

let private measuredHere () =
    let commit = (capture "git" [ "rev-parse"; "--short=7"; "HEAD" ]).Trim()
    let date = DateTime.UtcNow.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)
    $"Measured at {commit}, {date}, on {Environment.ProcessorCount} cores of {processor ()}."

/// docs/performance.md, its table between two marks, from bench/results/*.json.
let private writePerformance (asked: string list) (results: string) =
    let number (format: string) (value: JsonElement) = value.GetDouble().ToString(format, CultureInfo.InvariantCulture)

    let rows =
        [
            for file in
                Directory.GetFiles(results, "*.json")
                |> Array.sort
                |> Array.filter (fun file -> Path.GetFileName file <> "load.json") do
                use json = JsonDocument.Parse(File.ReadAllText file)

                for row in json.RootElement.EnumerateArray() do
                    let text (key: string) = row.GetProperty(key).GetString()
                    let value (format: string) (key: string) = number format (row.GetProperty key)

                    $"""| {text "work"} | {text "peer"} | {value "0.00" "ours_ms"} | {value "0.00" "peer_ms"} | {value "0.00" "ratio"} | {value "0.##" "target"} |"""
        ]

    let load =
        let path = Path.Combine(results, "load.json")

        if File.Exists path then
            use json = JsonDocument.Parse(File.ReadAllText path)
            let faults = json.RootElement.GetProperty "faults"
            let fault (key: string) = number "0" (faults.GetProperty key)

            [
                ""
                faults.GetProperty("measured").GetString()
                ""
                "| clients of the server | ours, pictures/s | median, ms | 99th percentile, ms | peer, pictures/s | median, ms | 99th percentile, ms | ratio |"
                "| --- | --- | --- | --- | --- | --- | --- | --- |"
                for row in json.RootElement.GetProperty("load").EnumerateArray() do
                    let cells (side: string) =
                        match row.GetProperty side with
                        | traffic when traffic.ValueKind = JsonValueKind.Object ->
                            [ "per_second"; "median_ms"; "p99_ms" ]
                            |> List.map (fun key -> number "0.0" (traffic.GetProperty key))
                        | _ -> [ "–"; "–"; "–" ]

                    let rate (side: string) =
                        match row.GetProperty side with
                        | traffic when traffic.ValueKind = JsonValueKind.Object -> traffic.GetProperty("per_second").GetDouble()
                        | _ -> nan

                    let ratio = (rate "ours" / rate "theirs").ToString("0.00", CultureInfo.InvariantCulture)
                    let clients = string (row.GetProperty("clients").GetInt32())
                    let line = String.concat " | " ([ clients ] @ cells "ours" @ cells "theirs" @ [ ratio ])
                    $"| {line} |"
                ""
                $"""Faults: of {fault "requests"} requests by 16 clients {fault "answered"} good ones were answered, {fault "refused_4xx"} broken or oversized ones refused with 4xx, {fault "cut_off"} cut off by the client, {fault "lost_or_wrong"} lost or answered wrongly; memory {fault "memory_after_a_tenth_mib"} MiB after a tenth of them, {fault "memory_at_the_end_mib"} MiB at the end. The model's file was replaced {fault "reloads"} times under load, {fault "failed_during_reloads"} requests failed. Kill -9 under load: {fault "missing_in_history"} of the answered inspections are missing in the history."""
            ]
        else
            []

    let growth =
        let path = Path.Combine(root, "bench", "growth.json")

        if File.Exists path then
            use json = JsonDocument.Parse(File.ReadAllText path)

            [
                ""
                "| work | n | seconds | peak memory, MB |"
                "| --- | --- | --- | --- |"
                for cost in json.RootElement.EnumerateArray() do
                    let seconds =
                        (cost.GetProperty("ms").GetDouble() / 1000.0).ToString("0.00", CultureInfo.InvariantCulture)

                    $"""| {cost.GetProperty("work").GetString()} | {cost.GetProperty("n").GetInt32()} | {seconds} | {number "0" (cost.GetProperty "peak_mb")} |"""
            ]
        else
            []

    // Of some parts alone, the others keep their date.
    let header (old: string list) =
        match old |> List.tryFind _.StartsWith("Measured at ") with
        | Some line when not asked.IsEmpty -> line
        | _ -> measuredHere ()

    let table old =
        [
            header old
            ""
            "| work | peer | ours, ms | peer, ms | ratio | wanted |"
            "| --- | --- | --- | --- | --- | --- |"
        ]
        @ rows
        @ load
        @ growth

    rewriteResults (Path.Combine(root, "docs", "performance.md")) "Bench" table

/// Ratios to a peer measured side by side, for a quiet machine.
let bench (asked: string list) =
    build ()
    installPeers ()
    let results = Path.Combine(root, "bench", "results")
    Directory.CreateDirectory results |> ignore
    let measured args = capture "dotnet" (Path.Combine(artifacts, "bench", "Fae.Bench.dll") :: args)

    for part in
        [ "kernels"; "inference"; "training" ]
        |> List.filter (fun part -> asked.IsEmpty || List.contains part asked) do
        File.WriteAllText(Path.Combine(results, part + ".json"), measured [ part ])

    let load = Path.Combine(results, "load.json")

    let writeLoad (found: Nodes.JsonNode) =
        found["faults"]["measured"] <- Nodes.JsonValue.Create(measuredHere ())
        File.WriteAllText(load, found.ToJsonString(JsonSerializerOptions(WriteIndented = true)))

    if asked.IsEmpty || List.contains "load" asked then
        writeLoad (Nodes.JsonNode.Parse(measured [ "load" ]))
    // The second half of it alone.
    elif List.contains "faults" asked then
        let before = Nodes.JsonNode.Parse(File.ReadAllText load)
        before["faults"] <- Nodes.JsonNode.Parse(measured [ "faults" ])
        writeLoad before

    if asked.IsEmpty || List.contains "growth" asked then
        File.WriteAllText(Path.Combine(root, "bench", "growth.json"), measured [ "growth"; Path.Combine(root, "docs", "images") ])

    writePerformance asked results

/// Every reader of what comes from outside gets so many bent inputs: docs/fuzzing.md.
let fuzz (count: string) =
    build ()
    let rows = capture "dotnet" [ Path.Combine(artifacts, "tests", "Fae.Tests.dll"); "--fuzz"; count ]

    let page =
        [
            "# Fuzzing"
            ""
            "Seeds bent up to eight times each, by a generator that makes input n again from n alone; written by `dotnet fsi build.fsx Fuzz` (a million each; `Fuzz 10000` for fewer)."
            "An input is taken or refused in the declared way (a line that says why, an exception that the documentation names, a 4xx); anything else is a defect. A few thousand of each run with the tests."
            ""
            measuredHere ()
            ""
            "| reader | inputs | taken | refused | defects | seconds |"
            "| --- | --- | --- | --- | --- | --- |"
            rows.Trim()
        ]

    File.WriteAllText(Path.Combine(root, "docs", "fuzzing.md"), String.concat "\n" page + "\n")
    printfn "see docs/fuzzing.md"

    if rows.Contains "or more" then
        exit 1

/// Which lines of Fae.Core the tests run, and which they do not, by name: docs/coverage.md.
let coverage () =
    restore ()
    compile ()
    let folder = Path.Combine(artifacts, "coverage")
    let project = Path.Combine(root, "tests", "Fae.Tests")

    // Unoptimised, or the compiler would inline what is to be counted; in a folder of its own, for it overwrites what it instruments.
    let settings =
        [
            "--nologo"
            "-verbosity:quiet"
            "-maxcpucount:1"
            "-p:Configuration=Debug"
            $"-p:OutDir={folder}/bin/"
        ]

    run "dotnet" ([ "build"; project ] @ settings)

    let counted =
        [
            "-t:Coverage"
            "-p:Include=[Fae.Core]*"
            $"-p:CoverletOutput={folder}/coverage.json"
            "-p:CoverletOutputFormat=json"
        ]

    run "dotnet" ([ "msbuild"; project ] @ settings @ counted)
    use json = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "coverage.json")))

    let lines =
        [
            for modul in json.RootElement.EnumerateObject() do
                for file in modul.Value.EnumerateObject() do
                    for kind in file.Value.EnumerateObject() do
                        for method in kind.Value.EnumerateObject() do
                            for line in method.Value.GetProperty("Lines").EnumerateObject() ->
                                Path.GetFileName file.Name, int line.Name, line.Value.GetInt32()
        ]
        // A line of several closures counts once, and is covered if one of them was run.
        |> List.groupBy (fun (file, line, _) -> file, line)
        |> List.map (fun (at, hits) -> at, hits |> List.sumBy (fun (_, _, hits) -> hits))

    let percent (some: (_ * int) list) =
        let covered = some |> List.filter (fun (_, hits) -> hits > 0) |> List.length
        (100.0 * float covered / float some.Length).ToString("0.0", CultureInfo.InvariantCulture)

    let row (file, some) =
        let missed =
            some
            |> List.filter (fun (_, hits) -> hits = 0)
            |> List.map (fun ((_, line), _) -> string line)

        $"""| {file} | {List.length some} | {percent some} | {String.concat ", " missed} |"""

    let table =
        lines
        |> List.groupBy (fun ((file, _), _) -> file)
        |> List.sortBy fst
        |> List.map row

    let page =
        [
            "# Coverage of Fae.Core"
            ""
            "Lines that the tests run, written by `dotnet fsi build.fsx Coverage` (coverlet, an unoptimised build)."
            ""
            "**" + percent lines + "%** of " + string lines.Length + " lines."
            ""
            "| file | lines | covered, % | not covered |"
            "| --- | --- | --- | --- |"
        ]
        @ table

    File.WriteAllText(Path.Combine(root, "docs", "coverage.md"), String.concat "\n" page + "\n")
    printfn $"covered: {percent lines} percent of {lines.Length} lines; see docs/coverage.md"

/// The licences of everything that paket.lock pins, as the packages themselves say: docs/licences.md.
let licences () =
    restore ()

    let packages =
        File.ReadAllLines(Path.Combine(root, "paket.lock"))
        |> Array.filter (fun line ->
            line.StartsWith "    "
            && line.Length > 4
            && line[4] <> ' '
            && line.Contains " (")
        |> Array.map (fun line -> line.Trim().Split(" (")[0], line.Substring(line.IndexOf '(' + 1).TrimEnd ')')
        |> Array.distinct
        |> Array.sortBy (fun (name, _) -> name.ToLowerInvariant())

    let row (name: string, version: string) =
        let folder = Path.Combine(globalPackages (), name.ToLowerInvariant())
        // Paket writes 8.18 where NuGet's folder is called 8.18.0.
        let unpacked =
            [ version; version + ".0"; version + ".0.0" ]
            |> List.map (fun version -> Path.Combine(folder, version))
            |> List.tryFind Directory.Exists

        match
            unpacked
            |> Option.bind (fun folder -> Directory.GetFiles(folder, "*.nuspec") |> Array.tryHead)
        with
        | None -> $"| {name} | {version} | not unpacked here | |"
        | Some nuspec ->
            let document = Xml.Linq.XDocument.Load nuspec

            let value (element: string) =
                document.Descendants()
                |> Seq.tryFind (fun node -> node.Name.LocalName = element)
                |> Option.map _.Value.Trim()

            let licence =
                match value "license", value "licenseUrl" with
                | Some text, _ -> text.Replace('\n', ' ')
                | None, Some _ -> "see its page"
                | None, None -> "not said"

            // Of addresses only projects' own pages; none of a registry.
            let home = value "projectUrl" |> Option.defaultValue ""
            $"| {name} | {version} | {licence} | {home} |"

    let page =
        [
            "# Licences of what Fae depends on"
            ""
            "As the packages in `paket.lock` say themselves; written by `dotnet fsi build.fsx Licenses`. A name of a file (LICENSE.txt) is a licence that the package carries in itself."
            ""
            "| package | version | licence | project |"
            "| --- | --- | --- | --- |"
        ]
        @ (packages |> Array.map row |> List.ofArray)

    File.WriteAllText(Path.Combine(root, "docs", "licences.md"), String.concat "\n" page + "\n")
    printfn $"{packages.Length} packages; see docs/licences.md"

match fsi.CommandLineArgs |> List.ofArray |> List.skip 1 with
| "Restore" :: _ -> restore ()
| "Lock" :: _ -> lock ()
| "Format" :: _ -> format ()
| "Build" :: _ -> build ()
| "Pack" :: _ -> pack ()
| "Portable" :: _ -> portable ()
| "Test" :: args -> test args
| "Spec" :: args -> test ("--spec" :: args)
| "Coverage" :: _ -> coverage ()
| "Licenses" :: _ -> licences ()
| "Fuzz" :: count :: _ -> fuzz count
| "Fuzz" :: _ -> fuzz "1000000"
| "Demo" :: args -> demo args
| "Measure" :: names -> measureAll names
| "Reproduce" :: names -> reproduce names
| "Bench" :: parts -> bench parts
| other ->
    let asked = String.concat " " other

    eprintfn
        $"build: no target '{asked}'; there are Restore, Lock, Format, Build, Pack, Portable, Test, Spec, Coverage, Licenses, Fuzz, Demo, Measure, Reproduce, Bench"

    exit 2
