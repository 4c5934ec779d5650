/// What programs can call: a change of it is seen in docs/reference/api, and reviewed there.
module Fae.Tests.PublicApiTests

open System
open System.IO
open System.Reflection
open System.Reflection.Metadata
open System.Reflection.PortableExecutable
open Expecto
open Fae.Tests.Helpers
open PublicApiGenerator

/// The packages' own assemblies. Those below them (Fae.Core, Fae.Detection) may change without notice.
let private assemblies: Assembly list =
    [
        typeof<Fae.Detector>.Assembly
        typeof<Fae.ImageSharpImages>.Assembly
        typeof<Fae.SkiaSharpImages>.Assembly
        typeof<Fae.OpenCvImages>.Assembly
        typeof<Microsoft.Extensions.DependencyInjection.FaeServiceCollectionExtensions>.Assembly
    ]

let private options =
    ApiGeneratorOptions(
        IncludeAssemblyAttributes = false,
        DenyNamespacePrefixes = [||],
        // It names a class that the compiler numbers.
        ExcludeAttributes = [| "System.Runtime.CompilerServices.AsyncIteratorStateMachineAttribute" |]
    )

/// The Portable PDB specification's "Embedded Source".
let private embeddedSource = Guid "0E8A571B-6926-466E-B4AD-8AB04611F5FE"

/// The source files that an assembly's symbols name, and whether each one's text is in the assembly.
let private sourcesOf (assembly: Assembly) =
    use file = File.OpenRead assembly.Location
    use image = new PEReader(file)

    let symbols = image.ReadDebugDirectory() |> Seq.find (fun entry -> entry.Type = DebugDirectoryEntryType.EmbeddedPortablePdb)

    use provider = image.ReadEmbeddedPortablePdbDebugDirectoryData symbols
    let reader = provider.GetMetadataReader()

    [
        for document in reader.Documents ->
            let isInside =
                reader.GetCustomDebugInformation(DocumentHandle.op_Implicit document: EntityHandle)
                |> Seq.exists (fun (one: CustomDebugInformationHandle) ->
                    reader.GetGuid(reader.GetCustomDebugInformation(one).Kind) = embeddedSource)

            reader.GetString(reader.GetDocument(document).Name), isInside
    ]

let tests =
    testList
        "Public API"
        [
            test "the packages' assemblies hold their symbols and sources: a debugger steps into them" {
                let below = [ typeof<Fae.Core.Image>.Assembly; typeof<Fae.Detection.ImageRegion>.Assembly ]

                for assembly in assemblies @ below do
                    let sources = sourcesOf assembly
                    Expect.isNonEmpty sources (string assembly)
                    // F# also names a file "unknown", for code that comes from none.
                    let own =
                        sources
                        |> List.filter (fun (name, _) -> name.StartsWith "/fae/" && (name.EndsWith ".cs" || name.EndsWith ".fs"))

                    Expect.isNonEmpty own $"{assembly}: paths that are the same on every machine, {sources}"
                    Expect.equal (own |> List.filter (snd >> not)) [] $"{assembly}: sources that are not inside"
            }

            test "the packages' public API is as docs/reference/api says (FAE_WRITE_DOCS=1 writes it)" {
                for assembly in assemblies do
                    let name = string (assembly.GetName().Name)
                    let path = Path.Combine(repository, "docs", "reference", "api", name + ".txt")
                    let found = assembly.GeneratePublicApi(options).Replace("\r\n", "\n").TrimEnd() + "\n"

                    if Environment.GetEnvironmentVariable "FAE_WRITE_DOCS" = "1" then
                        Directory.CreateDirectory(string (Path.GetDirectoryName path)) |> ignore
                        File.WriteAllText(path, found)

                    Expect.equal found (File.ReadAllText path) $"{name}: FAE_WRITE_DOCS=1 writes it; say in CHANGELOG.md what changed"
                    Expect.stringContains found "public static" $"{name}: there is something to call"
            }
        ]
