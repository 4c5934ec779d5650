/// Where native code ended a process that a test had started: .NET writes a report of its stacks, and the run prints it.
module Fae.Tests.CrashReports

open System
open System.IO
open System.Text.Json.Nodes

let private folder = Path.Combine(Path.GetTempPath(), $"fae-crashes-{Environment.ProcessId}")

/// Processes that are started from now on write a report where they crash. Symbols are not loaded: it takes a second or two.
let enable () =
    Directory.CreateDirectory folder |> ignore

    for name, value in
        [
            "DOTNET_DbgEnableMiniDump", "1"
            "DOTNET_EnableCrashReportOnly", "1"
            "DOTNET_DbgMiniDumpName", Path.Combine(folder, "crash.%p")
        ] do
        Environment.SetEnvironmentVariable(name, value)

let private text (node: JsonNode | null) (key: string) =
    match node with
    | null -> ""
    | node -> string node[key]

let private items (node: JsonNode | null) (key: string) =
    match node with
    | null -> []
    | node ->
        match node[key] with
        | :? JsonArray as array -> List.ofSeq array
        | _ -> []

/// A frame's method, or its library with the offset there.
let private frame node =
    match text node "method_name", text node "unmanaged_name" with
    | "", "" -> $"""{text node "native_module"}+{text node "native_image_offset"}"""
    | "", name -> $"""{text node "native_module"} {name}"""
    | name, _ -> name

/// The stack of the thread that crashed, innermost frame first.
let private stack (report: JsonNode | null) =
    match report with
    | null -> []
    | report ->
        items report["payload"] "threads"
        |> List.filter (fun thread -> text thread "crashed" = "true")
        |> List.collect (fun thread -> items thread "stack_frames" |> List.map frame)

/// Prints the reports there are and deletes them.
let print () =
    for path in Directory.GetFiles(folder, "*.crashreport.json") do
        Console.WriteLine $"{Path.GetFileName path}: native code ended a process here:"

        try
            for line in stack (JsonNode.Parse(File.ReadAllText path)) do
                Console.WriteLine $"    {line}"
        with :? Text.Json.JsonException as e ->
            Console.WriteLine $"    the report cannot be read: {e.Message}"

    Directory.Delete(folder, true)
