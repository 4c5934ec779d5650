/// `fae` as a .NET tool: one package for each system, and one that names them (`dotnet tool install fae` takes the right one).
module Fae.Dev.Tool

open System.IO
open System.Security

/// Without libtorch: inspection, serving, export, memory banks. With it: training too.
type private Edition = { Id: string; Libtorch: bool; Systems: string list; Description: string }

let private editions =
    [
        {
            Id = "fae"
            Libtorch = false
            Systems = NativeImage.systems
            Description =
                "Visual anomaly detection: inspects, serves and exports. Training needs fae-training, or a libtorch in FAE_LIBTORCH."
        }
        {
            Id = "fae-training"
            Libtorch = true
            Systems = NativeImage.training
            Description =
                "Visual anomaly detection: trains on folders of good pictures, inspects, serves and exports. With libtorch for the CPU."
        }
    ]

let private nuspec id version packageType description folder =
    let readme = Shell.inRoot [ "docs"; "guide"; "install.md" ]
    let icon = Shell.inRoot [ "docs"; "images"; "icon.png" ]

    $"""<?xml version="1.0" encoding="utf-8"?>
<package xmlns="http://schemas.microsoft.com/packaging/2012/06/nuspec.xsd">
  <metadata>
    <id>{id}</id>
    <version>{version}</version>
    <authors>The Fae engineers</authors>
    <license type="expression">MIT</license>
    <readme>README.md</readme>
    <icon>icon.png</icon>
    <tags>anomaly-detection machine-vision inspection onnx</tags>
    <description>{SecurityElement.Escape description}</description>
    <packageTypes>
      <packageType name="{packageType}" />
    </packageTypes>
  </metadata>
  <files>
    <file src="{folder}/**" target="tools" />
    <file src="{readme}" target="README.md" />
    <file src="{icon}" target="icon.png" />
  </files>
</package>
"""

let private settings (commands: string) (packages: string list) =
    let list =
        if packages.IsEmpty then
            ""
        else
            "  <RuntimeIdentifierPackages>\n"
            + (packages |> List.map (fun line -> $"    {line}\n") |> String.concat "")
            + "  </RuntimeIdentifierPackages>\n"

    "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
    + $"<DotNetCliTool Version=\"2\">\n  <Commands>\n    {commands}\n  </Commands>\n{list}</DotNetCliTool>\n"

let private pack id packageType description (folder: string) : string =
    let version = Shell.property "Version"
    let path = folder + ".nuspec"
    File.WriteAllText(path, nuspec id version packageType description folder)
    Shell.run "dotnet" [ "pack"; path; "--output"; Shell.inArtifacts [ "packages" ]; "--nologo"; "--verbosity"; "quiet" ]
    Shell.inArtifacts [ "packages"; $"{id}.{version}.nupkg" ]

/// The package of one system.
let private forSystem (edition: Edition) (listed: bool) (system: string) =
    let folder = Shell.emptied (Shell.inArtifacts [ "tool"; $"{edition.Id}.{system}" ])
    let files = Publish.into (Path.Combine(folder, "net10.0", system)) system edition.Libtorch Publish.Installed

    File.WriteAllText(
        Path.Combine(files, "DotnetToolSettings.xml"),
        settings "<Command Name=\"fae\" EntryPoint=\"fae.dll\" Runner=\"dotnet\" />" []
    )

    let package = pack $"{edition.Id}.{system}" "DotnetToolRidPackage" edition.Description folder

    if listed then Sbom.write "Fae.Cli/Fae.Cli.fsproj" package

/// Writes the packages of these systems, with `listed` bills of materials too; the one that names them names all that there are.
let write (id: string) (listed: bool) (systems: string list) =
    let edition = editions |> List.find (fun edition -> edition.Id = id)
    let wanted = edition.Systems |> List.filter (fun system -> systems.IsEmpty || List.contains system systems)
    let folder = Shell.emptied (Shell.inArtifacts [ "tool"; id ])
    let any = Directory.CreateDirectory(Path.Combine(folder, "net10.0", "any"))

    File.WriteAllText(
        Path.Combine(any.FullName, "DotnetToolSettings.xml"),
        settings
            "<Command Name=\"fae\" />"
            [
                for system in edition.Systems -> $"<RuntimeIdentifierPackage RuntimeIdentifier=\"{system}\" Id=\"{id}.{system}\" />"
            ]
    )

    pack id "DotnetTool" edition.Description folder |> ignore

    for system in wanted do
        forSystem edition listed system

    printfn $"""packed {id} for {String.concat ", " wanted}"""
