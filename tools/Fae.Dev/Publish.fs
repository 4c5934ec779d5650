/// The program for one system, as a folder and an archive that need no .NET.
module Fae.Dev.Publish

open System.IO
open System.IO.Compression
open System.Text.RegularExpressions

/// Symbols, comments, a build step, and a drawing library that TorchSharp names for pictures in notebooks.
let private isUnneeded (file: string) = Regex.IsMatch(string (Path.GetFileName file), @"\.pdb$|\.xml$|^Fae\.NativeFix\.|^(lib)?SkiaSharp\.")

/// On an installed .NET, or with the .NET that runs it, compiled ahead of time or not.
type Runtime =
    | Installed
    | Own of precompiled: bool

/// NuGet serves no .NET for Windows on ARM. Projects that are compatible with compilation ahead of time ask for one even where none is
/// published.
let private hasNoRuntime system = system = "win-arm64"

/// The program for a system in a new folder; every native library in it is checked.
let into (out: string) (system: string) (libtorch: bool) (runtime: Runtime) : string =
    if not (List.contains system NativeImage.systems) then
        eprintfn $"""build: Fae is not published for '{system}'; there are {String.concat ", " NativeImage.systems}"""
        exit 2

    Shell.run
        "dotnet"
        [
            yield! [ "publish"; "src/Fae.Cli"; "--configuration"; "Release"; "--nologo"; "--verbosity"; "quiet" ]
            yield! [ "-maxcpucount:1"; "--runtime"; system; $"-p:FaeSystem={system}"; "--output"; Shell.emptied out ]
            if not libtorch then "-p:UsesLibtorch=false"
            if hasNoRuntime system then "-p:IsAotCompatible=false"

            match runtime with
            | Installed -> yield! [ "--no-self-contained"; "-p:UseAppHost=false" ]
            | Own precompiled -> yield! [ "--self-contained"; $"-p:PublishReadyToRun={precompiled}" ]
        ]

    for file in Directory.GetFiles out |> Array.filter isUnneeded do
        File.Delete file

    Shell.endWith (NativeImage.problemsOf system libtorch out)
    out

let private withLicences (out: string) =
    File.Copy(Shell.inRoot [ "docs"; "develop"; "licences.md" ], Path.Combine(out, "licences.md"))
    File.Copy(Shell.inRoot [ "LICENSE" ], Path.Combine(out, "LICENSE"))
    out

/// Publishes for a system; with `precompiled` false faster, for tests.
let folder (system: string) (precompiled: bool) : string =
    let libtorch = List.contains system NativeImage.training
    let runtime = if hasNoRuntime system then Installed else Own precompiled
    let out = into (Shell.inArtifacts [ "publish"; system ]) system libtorch runtime |> withLicences

    if runtime = Installed then
        File.WriteAllText(Path.Combine(out, "fae.cmd"), "@dotnet \"%~dp0fae.dll\" %*\r\n")

    let configs = Directory.CreateDirectory(Path.Combine(out, "configs"))

    for config in Directory.GetFiles(Shell.inRoot [ "configs" ], "*.toml") do
        File.Copy(config, Path.Combine(configs.FullName, string (Path.GetFileName config)))

    out

/// The program for a server: no libtorch, no configurations of trainings.
let serving (system: string) (precompiled: bool) : string =
    into (Shell.inArtifacts [ "container"; "published" ]) system false (Own precompiled) |> withLicences

/// The folder as one file: zip for Windows, tar.gz elsewhere, which keeps what may be run.
let write (system: string) =
    let published = folder system true
    let version = Shell.property "Version"
    let name = $"fae-{version}-{system}"
    let archive = Shell.inArtifacts [ "publish"; name + (if system.StartsWith "win" then ".zip" else ".tar.gz") ]
    File.Delete archive

    if system.StartsWith "win" then
        ZipFile.CreateFromDirectory(published, archive, CompressionLevel.Optimal, includeBaseDirectory = false)
    else
        UnixArchive.write published name archive

    Sbom.write "Fae.Cli/Fae.Cli.fsproj" archive
    printfn $"wrote {published} and {archive}, {FileInfo(archive).Length / 1048576L} MiB"
