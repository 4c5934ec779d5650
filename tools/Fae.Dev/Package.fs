/// The NuGet package.
module Fae.Dev.Package

open System.IO

/// Writes Fae.Inference.VERSION.nupkg: Fae's own assemblies without torch, and the packages that they need at the locked versions. The id
/// fae is the tool's.
let write () =
    let folder, packages = Shell.inArtifacts [ "pack" ], Shell.inArtifacts [ "packages" ]
    Directory.CreateDirectory folder |> ignore
    Directory.CreateDirectory packages |> ignore

    let version = Shell.property "Version"

    let needed =
        [
            "FSharp.Core"
            "Google.Protobuf"
            "System.Numerics.Tensors"
            "Microsoft.ML.OnnxRuntime"
            "NetVips"
            "StbImageSharp"
            "Tomlyn"
        ]
        |> List.map (fun name -> name, Shell.locked name)

    // libvips for the systems that Fae inspects on.
    let natives = NativeImage.systems |> List.map (fun system -> $"NetVips.Native.{system}", Shell.property "VipsVersion")

    let assemblies = [ "Fae"; "Fae.Core"; "Fae.Kernels"; "Fae.Imaging"; "Fae.Detection" ]

    let bin = Shell.inRoot [ "src"; "Fae"; "bin"; "Release"; "net10.0" ]

    // The page of the package on a feed.
    let readme = Path.Combine(folder, "README.md")
    File.Copy(Shell.inRoot [ "docs"; "guide"; "nuget.md" ], readme, true)

    let template =
        [
            "type file"
            "id Fae.Inference"
            $"version {version}"
            "title Fae, inference"
            "authors The Fae engineers"
            "description"
            "    Visual anomaly detection: a model that `fae train` made, at work inside a .NET program. On ONNX Runtime, without torch."
            "licenseExpression MIT"
            "readme README.md"
            "icon icon.png"
            "tags anomaly-detection machine-vision inspection onnx"
            "framework net10.0"
            "files"
        ]
        @ [
            for name in assemblies do
                for ending in [ "dll"; "xml" ] do
                    let file = Path.Combine(bin, $"{name}.{ending}")

                    if File.Exists file then $"    {Path.GetRelativePath(folder, file)} ==> lib/net10.0"
        ]
        @ [
            for file in [ readme; Shell.inRoot [ "docs"; "images"; "icon.png" ] ] -> $"""    {Path.GetRelativePath(folder, file)} ==> ."""
        ]
        @ [ "dependencies" ]
        @ [ for name, version in needed @ natives -> $"    {name} >= {version}" ]

    let path = Path.Combine(folder, "paket.template")
    File.WriteAllLines(path, template)

    for old in Directory.GetFiles(packages, "Fae.Inference.*.nupkg") do
        File.Delete old

    Shell.run "dotnet" [ "paket"; "pack"; packages; "--template"; path ]
    // NuGet never looks again at a version that it has unpacked.
    let unpacked = Path.Combine(Shell.globalPackages (), "fae.inference", version)

    if Directory.Exists unpacked then Directory.Delete(unpacked, true)

    printfn $"""packed {Path.Combine(packages, $"Fae.Inference.{version}.nupkg")}"""
