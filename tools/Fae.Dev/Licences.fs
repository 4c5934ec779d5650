/// docs/develop/licences.md: the licences of everything that paket.lock pins, as the packages themselves say.
module Fae.Dev.Licences

open System.IO
open System.Xml.Linq

let private nuspec (name: string) (version: string) =
    let folder = Path.Combine(Shell.globalPackages (), name.ToLowerInvariant())

    // Paket writes 8.18 where NuGet's folder is called 8.18.0.
    [ version; version + ".0"; version + ".0.0" ]
    |> List.map (fun version -> Path.Combine(folder, version))
    |> List.tryFind Directory.Exists
    |> Option.bind (fun folder -> Directory.GetFiles(folder, "*.nuspec") |> Array.tryHead)

let private row (name, version) =
    match nuspec name version with
    | None -> [ name; version; "not unpacked here"; "" ]
    | Some path ->
        let document = XDocument.Load path

        let value (element: string) =
            document.Descendants() |> Seq.tryFind (fun node -> node.Name.LocalName = element) |> Option.map _.Value.Trim()

        let licence =
            match value "license", value "licenseUrl" with
            | Some text, _ -> text.Replace('\n', ' ')
            | None, Some _ -> "see its page"
            | None, None -> "not said"

        // Only projects' own pages; no address of a registry.
        [ name; version; licence; value "projectUrl" |> Option.defaultValue "" ]

let write () =
    // Of the system at hand; those of other systems are the same.
    let natives =
        [
            "NetVips.Native.linux-x64", "VipsVersion"
            "libtorch-cpu-linux-x64", "LibtorchVersion"
            "Microsoft.Extensions.Hosting.Systemd", "ExtensionsVersion"
            "Microsoft.Extensions.Hosting.WindowsServices", "ExtensionsVersion"
            "Microsoft.Extensions.Diagnostics.HealthChecks", "ExtensionsVersion"
        ]
        |> List.map (fun (name, version) -> name, Shell.property version)

    let packages = Shell.lockedPackages () @ natives |> List.distinct |> List.sortBy (fun (name, _) -> name.ToLowerInvariant())

    Pages.write
        (Shell.inRoot [ "docs"; "develop"; "licences.md" ])
        ([
            "# Licences of the dependencies"
            ""
            "Of the packages in `paket.lock` and `Directory.Build.targets`."
            "As they say themselves. Written by `dotnet fsi build.fsx Licenses`."
            "The name of a file (LICENSE.txt) is a licence that the package carries."
            ""
         ]
         @ Pages.table [ "package"; "version"; "licence"; "project" ] (List.map row packages))
