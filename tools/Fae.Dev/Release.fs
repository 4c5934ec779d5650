/// Everything that a version is published with, in artifacts/release.
module Fae.Dev.Release

open System
open System.IO
open System.Security.Cryptography

/// Names and SHA-256 of the artifacts, as `sha256sum --check` reads them.
let private checksums (folder: string) =
    Directory.GetFiles folder
    |> Array.filter (fun file -> Path.GetFileName file <> "SHA256SUMS")
    |> Array.sort
    |> Array.map (fun file ->
        use stream = File.OpenRead file
        $"{Convert.ToHexStringLower(SHA256.HashData stream)}  {Path.GetFileName file}")

/// Archives and tools of these systems (all of them if none is named), the packages, their bills of materials and checksums.
let write (systems: string list) =
    let systems = if systems.IsEmpty then NativeImage.systems else systems
    let packed = Shell.emptied (Shell.inArtifacts [ "packages" ])
    Package.write true

    for id in [ "fae"; "fae-training" ] do
        Tool.write id true systems

    for system in systems do
        Publish.write system

    if OperatingSystem.IsLinux() then Container.write true

    let release = Shell.emptied (Shell.inArtifacts [ "release" ])
    let container = Shell.inArtifacts [ "container" ]
    let made = [| packed; Shell.inArtifacts [ "publish" ]; container |] |> Array.filter Directory.Exists

    for file in made |> Array.collect Directory.GetFiles do
        File.Copy(file, Path.Combine(release, string (Path.GetFileName file)))

    File.Copy(Shell.inRoot [ "CHANGELOG.md" ], Path.Combine(release, "CHANGELOG.md"))
    File.WriteAllLines(Path.Combine(release, "SHA256SUMS"), checksums release)
    printfn $"wrote {release}, {Directory.GetFiles(release).Length} files"
