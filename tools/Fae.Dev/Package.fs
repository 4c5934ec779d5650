/// The NuGet packages: the library, and those that let it take other libraries' pictures.
module Fae.Dev.Package

open System.IO

/// A package: its project's assemblies, and the packages that these need.
type private Package =
    {
        Id: string
        Project: string
        Assemblies: string list
        Needs: (string * string) list
        Description: string
        Tags: string
    }

let private locked names = names |> List.map (fun name -> name, Shell.locked name)

/// Without torch. The id fae is the tool's.
let private library () =
    {
        Id = "Fae.Inference"
        Project = "Fae"
        Assemblies = [ "Fae"; "Fae.Core"; "Fae.Kernels"; "Fae.Imaging"; "Fae.Detection" ]
        Needs =
            locked
                [
                    "FSharp.Core"
                    "Google.Protobuf"
                    "System.Numerics.Tensors"
                    "Microsoft.ML.OnnxRuntime"
                    "NetVips"
                    "StbImageSharp"
                    "Tomlyn"
                ]
            // libvips for the systems that Fae inspects on.
            @ [ for system in NativeImage.systems -> $"NetVips.Native.{system}", Shell.property "VipsVersion" ]
        Description =
            "Visual anomaly detection: a model that `fae train` made, at work inside a .NET program. On ONNX Runtime, without torch."
        Tags = "anomaly-detection machine-vision inspection onnx"
    }

let private addition version (name: string) needs description tags =
    {
        Id = $"Fae.{name}"
        Project = $"Fae.{name}"
        Assemblies = [ $"Fae.{name}" ]
        Needs = ("Fae.Inference", version) :: needs
        Description = description
        Tags = "anomaly-detection machine-vision " + tags
    }

let private packages version =
    let images name package =
        addition version name (locked [ package ]) $"Pictures of {name} for Fae's detectors." (name.ToLowerInvariant())

    [
        library ()
        images "ImageSharp" "SixLabors.ImageSharp"
        images "SkiaSharp" "SkiaSharp"
        images "OpenCvSharp" "OpenCvSharp4"
        images "SystemDrawing" "System.Drawing.Common"
        addition
            version
            "Extensions.DependencyInjection"
            [ "Microsoft.Extensions.Diagnostics.HealthChecks", Shell.property "ExtensionsVersion" ]
            "services.AddFae(…): Fae's detectors as services, with a health check."
            "dependency-injection health-check"
    ]

/// The template that Paket packs by.
let private template folder readme version (package: Package) =
    let bin = Shell.inRoot [ "src"; package.Project; "bin"; "Release"; "net10.0" ]
    let relative (file: string) = Path.GetRelativePath(folder, file)

    [
        "type file"
        $"id {package.Id}"
        $"version {version}"
        $"title {package.Id}"
        "authors The Fae engineers"
        "description"
        "    " + package.Description
        "licenseExpression MIT"
        "readme README.md"
        "icon icon.png"
        $"tags {package.Tags}"
        "framework net10.0"
        "files"
    ]
    @ [
        for name in package.Assemblies do
            for ending in [ "dll"; "xml" ] do
                let file = Path.Combine(bin, $"{name}.{ending}")

                if File.Exists file then $"    {relative file} ==> lib/net10.0"
    ]
    @ [ for file in [ readme; Shell.inRoot [ "docs"; "images"; "icon.png" ] ] -> $"    {relative file} ==> ." ]
    @ [ "dependencies" ]
    @ [ for name, version in package.Needs -> $"    {name} >= {version}" ]

/// Validates a package, and that it breaks nothing of the last release's, if that lies in artifacts/baseline.
let private validate (id: string) archive =
    let baseline = Shell.inArtifacts [ "baseline" ]

    let earlier =
        if Directory.Exists baseline then
            List.ofArray (Directory.GetFiles(baseline, $"{id}.*.nupkg"))
        else
            []

    Shell.run "dotnet" ([ "apicompat"; "package"; archive ] @ List.collect (fun file -> [ "--baseline-package"; file ]) earlier)

/// Writes a package of each kind to artifacts/packages, with `listed` bills of materials too.
let write (listed: bool) =
    let folder, packed = Shell.inArtifacts [ "pack" ], Shell.inArtifacts [ "packages" ]
    Directory.CreateDirectory folder |> ignore
    Directory.CreateDirectory packed |> ignore
    let version = Shell.property "Version"
    // The page of the packages on a feed.
    let readme = Path.Combine(folder, "README.md")
    File.Copy(Shell.inRoot [ "docs"; "guide"; "nuget.md" ], readme, true)

    for package in packages version do
        let path = Path.Combine(folder, $"{package.Id}.paket.template")
        File.WriteAllLines(path, template folder readme version package)

        for old in Directory.GetFiles(packed, $"{package.Id}.*.nupkg") do
            File.Delete old

        Shell.run "dotnet" [ "paket"; "--silent"; "pack"; packed; "--template"; path ]
        // NuGet never looks again at a version that it has unpacked.
        let unpacked = Path.Combine(Shell.globalPackages (), package.Id.ToLowerInvariant(), version)

        if Directory.Exists unpacked then Directory.Delete(unpacked, true)

        let archive = Path.Combine(packed, $"{package.Id}.{version}.nupkg")

        validate package.Id archive

        if listed then Sbom.write $"{package.Project}/{package.Project}.csproj" archive

        printfn $"packed {archive}"
