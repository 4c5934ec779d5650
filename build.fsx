/// The build: `dotnet fsi build.fsx TARGET`. Plain functions that call `dotnet`; no packages, so that it answers in a second.
#load "tools/Fae.Dev/Shell.fs"

open System
open System.IO
open System.Threading.Tasks
open Fae.Dev.Shell

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
    let path = inRoot [ "paket.lock" ]
    let feed = Environment.GetEnvironmentVariable "NUGET_FEED"
    File.WriteAllText(path, (File.ReadAllText path).Replace(feed, "%NUGET_FEED%"))

    if code <> 0 then exit code

let private fsharp = [ "src"; "tests"; "tools"; "build.fsx" ]
let private csharp = [ "src"; "tests"; "bench"; "samples" ]

let private formatters check =
    run "dotnet" ([ "fantomas" ] @ (if check then [ "--check" ] else []) @ fsharp)
    run "dotnet" ([ "csharpier"; (if check then "check" else "format") ] @ csharp)

let format () =
    restore ()
    formatters false

let compile () =
    // One project at a time: Paket's targets of two parallel builds can meet on one cache file.
    run "dotnet" [ "build"; "Fae.sln"; "--configuration"; "Release"; "--nologo"; "--verbosity"; "quiet"; "-maxcpucount:1" ]

/// A task of tools/Fae.Dev, which the solution builds.
let dev (args: string list) = run "dotnet" (inArtifacts [ "dev"; "Fae.Dev.dll" ] :: args)

let build () =
    restore ()
    compile ()
    dev [ "precompile" ]
    printfn $"""built {inArtifacts [ "bin"; "fae" ]}"""

/// The library as a NuGet package in artifacts/packages.
let pack () =
    restore ()
    compile ()
    dev [ "package" ]

/// One archive to carry to a machine without .NET.
let portable () =
    build ()
    dev [ "portable" ]

/// The program for another system: a folder and an archive in artifacts/publish.
let publish (args: string list) =
    restore ()
    compile ()

    for system in (if args.IsEmpty then [ "linux-x64" ] else args) do
        dev [ "publish"; system ]

/// Packages for `dotnet tool install fae` (inspects) and fae-training, of all systems or those named.
let tool (args: string list) =
    restore ()
    compile ()

    for id in [ "fae"; "fae-training" ] do
        dev ("tool" :: id :: args)

/// Everything of a version: archives, tools, packages, bills of materials, checksums; of all systems or those named.
let release (args: string list) =
    restore ()
    compile ()
    dev ("release" :: args)

/// Formatting, unused opens, long lines, and every test; the last line is `N passed, N failed`.
let test (args: string list) =
    restore ()
    Parallel.Invoke((fun () -> formatters true), compile)
    dev [ "check" ]
    dev [ "package" ]

    if OperatingSystem.IsLinux() then
        dev [ "assemble" ]
        // One of each kind: with libtorch under Windows, without on ARM, the tool of this machine, and on an installed .NET.
        dev [ "publish"; "win-x64"; "--not-precompiled" ]
        dev [ "publish"; "linux-arm64"; "--not-precompiled" ]
        dev [ "tool"; "fae"; "linux-x64" ]
        dev [ "container"; "--not-precompiled" ]
        dev [ "publish"; "win-arm64"; "--not-precompiled" ]

    exit (tryRun "dotnet" (inArtifacts [ "tests"; "Fae.Tests.dll" ] :: args))

let demo (args: string list) =
    build ()
    let folder = inArtifacts [ "demo" ]
    let data = Path.Combine(folder, "data")
    fae [ "demo-data"; "--out"; data ]
    fae ([ "train"; "--data"; data; "--out"; folder; "--budget"; "6m" ] @ args)
    fae [ "eval"; "--model"; folder; "--data"; data; "--out"; folder ]
    printfn $"""look at {Path.Combine(folder, "report.html")}"""

/// Every page of the server and the studio, light and dark, at 1280 and 400 pixels, as pictures in a folder: what the tests of the pages
/// show a browser.
let screenshots (args: string list) =
    build ()
    let folder = args |> List.tryHead |> Option.defaultValue (inArtifacts [ "screenshots" ])
    Directory.CreateDirectory folder |> ignore
    Environment.SetEnvironmentVariable("FAE_SHOTS", Path.GetFullPath folder)

    for pages in [ "Page"; "Live page"; "Studio" ] do
        run "dotnet" [ inArtifacts [ "tests"; "Fae.Tests.dll" ]; "--filter"; "Fae." + pages ]

    printfn $"""{Directory.GetFiles(folder, "*.png").Length} pictures in {folder}"""

/// What needs the compiled solution and nothing else.
let task name args =
    build ()
    dev (name :: args)

let private targets: (string * (string list -> unit)) list =
    [
        "Restore", (fun _ -> restore ())
        "Lock", (fun _ -> lock ())
        "Format", (fun _ -> format ())
        "Build", (fun _ -> build ())
        "Pack", (fun _ -> pack ())
        "Portable", (fun _ -> portable ())
        "Publish", publish
        "Tool", tool
        "Container", task "container"
        "Release", release
        "Test", test
        "Spec", (fun args -> test ("--spec" :: args))
        "Demo", demo
        "Coverage", task "coverage"
        "Licenses", task "licences"
        "Fuzz", (fun args -> task "fuzz" (if args.IsEmpty then [ "1000000" ] else args))
        "Measure", task "measure"
        "Reproduce", task "reproduce"
        "Leaderboard", task "leaderboard"
        "Bench", task "bench"
        "Screenshots", screenshots
    ]

match fsi.CommandLineArgs |> List.ofArray |> List.skip 1 with
| name :: args when targets |> List.exists (fun (target, _) -> target = name) ->
    (targets |> List.find (fun (target, _) -> target = name) |> snd) args
| other ->
    let names = targets |> List.map fst |> String.concat ", "
    eprintfn $"""build: no target '{String.concat " " other}'; there are {names}"""
    exit 2
