/// docs/develop/coverage.md: which lines of Fae.Core the tests run, and which they do not.
module Fae.Dev.Coverage

open System.IO
open System.Text.Json

let private folder = Shell.inArtifacts [ "coverage" ]

/// Runs the tests on an unoptimised build (the compiler would inline what is to be counted) in a folder of its own: coverlet overwrites
/// what it instruments.
let private instrumentAndRun () =
    let project = Shell.inRoot [ "tests"; "Fae.Tests" ]

    let settings = [ "--nologo"; "-verbosity:quiet"; "-maxcpucount:1"; "-p:Configuration=Debug"; $"-p:OutDir={folder}/bin/" ]

    Shell.run "dotnet" ([ "build"; project ] @ settings)
    let output = [ $"-p:CoverletOutput={folder}/coverage.json"; "-p:CoverletOutputFormat=json" ]
    Shell.run "dotnet" ([ "msbuild"; project ] @ settings @ [ "-t:Coverage"; "-p:Include=[Fae.Core]*" ] @ output)

/// File, line and hits. A line of several closures counts once, and is covered if one of them was run.
let private hits () =
    use json = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "coverage.json")))

    [
        for modul in json.RootElement.EnumerateObject() do
            for file in modul.Value.EnumerateObject() do
                for kind in file.Value.EnumerateObject() do
                    for method in kind.Value.EnumerateObject() do
                        for line in method.Value.GetProperty("Lines").EnumerateObject() ->
                            (string (Path.GetFileName file.Name), int line.Name), line.Value.GetInt32()
    ]
    |> List.groupBy fst
    |> List.map (fun (at, hits) -> at, List.sumBy snd hits)

let private percent (lines: (_ * int) list) =
    let covered = lines |> List.filter (fun (_, hits) -> hits > 0) |> List.length
    Shell.format "0.0" (100.0 * float covered / float lines.Length)

let private row (file, lines) =
    let missed = lines |> List.filter (fun (_, hits) -> hits = 0) |> List.map (fun ((_, line), _) -> string line)
    [ file; string (List.length lines); percent lines; String.concat ", " missed ]

let write () =
    instrumentAndRun ()
    let lines = hits ()
    let rows = lines |> List.groupBy (fun ((file, _), _) -> file) |> List.sortBy fst |> List.map row

    Pages.write
        (Shell.inRoot [ "docs"; "develop"; "coverage.md" ])
        ([
            "# Coverage of Fae.Core"
            ""
            "Lines that the tests run. Written by `dotnet fsi build.fsx Coverage` (coverlet, an unoptimised build)."
            ""
            $"**{percent lines}%%** of {lines.Length} lines."
            ""
         ]
         @ Pages.table [ "file"; "lines"; "covered, %"; "not covered" ] rows)
