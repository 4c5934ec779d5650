/// Where native code ended a process that a test had started: .NET writes a report of its stacks, and the run prints it.
module Fae.Tests.CrashReports

open System
open System.Collections.Generic
open System.IO
open System.Text.Json

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

let private text (element: JsonElement) (name: string) =
    match element.TryGetProperty name with
    | true, value -> value.ToString()
    | _ -> ""

/// A frame's method, or its library with the offset there.
let private frame element =
    match text element "method_name", text element "unmanaged_name" with
    | "", "" -> $"""{text element "native_module"}+{text element "native_image_offset"}"""
    | "", name -> $"""{text element "native_module"} {name}"""
    | name, _ -> name

/// The stack of the thread that crashed, innermost frame first.
let private stack (report: string) =
    use report = JsonDocument.Parse report

    [
        for thread in report.RootElement.GetProperty("payload").GetProperty("threads").EnumerateArray() do
            if text thread "crashed" = "true" then
                for element in thread.GetProperty("stack_frames").EnumerateArray() do
                    frame element
    ]

/// Prints the reports there are and deletes them.
let print () =
    for path in Directory.GetFiles(folder, "*.crashreport.json") do
        Console.WriteLine $"{Path.GetFileName path}: native code ended a process here:"

        try
            for line in stack (File.ReadAllText path) do
                Console.WriteLine $"    {line}"
        with
        | :? JsonException
        | :? KeyNotFoundException as e -> Console.WriteLine $"    the report cannot be read: {e.Message}"

    Directory.Delete(folder, true)
