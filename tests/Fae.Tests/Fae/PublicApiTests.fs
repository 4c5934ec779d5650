/// What programs can call: a change of it is seen in docs/reference/api, and reviewed there.
module Fae.Tests.PublicApiTests

open System
open System.IO
open System.Reflection
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

let tests =
    testList
        "Public API"
        [
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
