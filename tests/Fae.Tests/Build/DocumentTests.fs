/// The documents are compared with what they describe.
module Fae.Tests.DocumentTests

open System
open System.IO
open System.Text.RegularExpressions
open Expecto
open Fae.Tests.Helpers

let private inRepository (path: string) = Path.Combine(repository, path)

let private documents () =
    let top = Directory.GetFiles(repository, "*.md")

    let inner =
        [| "docs"; "samples" |]
        |> Array.collect (fun folder -> Directory.GetFiles(inRepository folder, "*.md", SearchOption.AllDirectories))

    Array.append top inner

/// The targets of a page's links to files of the repository.
let private links (page: string) =
    [
        for found in Regex.Matches(File.ReadAllText page, @"\]\(([^)#\s]+)(#[^)]*)?\)") do
            let target = found.Groups[1].Value

            if not (target.Contains "://") then target
    ]

/// The files of Fae.Core in compile order, by folder.
let private readingOrder () =
    let project = File.ReadAllText(inRepository "src/Fae.Core/Fae.Core.fsproj")

    [
        for found in Regex.Matches(project, "Compile Include=\"(\\w+)/(\\w+)\\.fs\"") -> found.Groups[1].Value, found.Groups[2].Value
    ]
    |> List.fold
        (fun runs (folder, file) ->
            match runs with
            | (current, files) :: rest when current = folder -> (current, files @ [ file ]) :: rest
            | _ -> (folder, [ file ]) :: runs)
        []
    |> List.rev
    |> List.map (fun (folder, files) ->
        // Lines end at 140 characters.
        files
        |> List.chunkBySize 9
        |> List.map (String.concat ", ")
        |> String.concat ",\n  "
        |> fun names -> $"- `{folder}/`: {names}")
    |> String.concat "\n"

let tests =
    testList
        "Documents"
        [
            test "every link to a file exists" {
                let broken =
                    [
                        for page in documents () do
                            for target in links page do
                                let path = Path.Combine(string (Path.GetDirectoryName page), target)

                                if not (Path.Exists path) then $"{Path.GetRelativePath(repository, page)}: {target}"
                    ]

                Expect.isEmpty broken "links"
            }

            test "reliability.md names tests that exist" {
                let page = Regex.Replace(File.ReadAllText(inRepository "docs/develop/reliability.md"), @"\s+", " ")

                let sources =
                    Directory.GetFiles(inRepository "tests", "*.fs", SearchOption.AllDirectories)
                    |> Array.map File.ReadAllText
                    |> String.concat "\n"

                let named = [ for found in Regex.Matches(page, "\"([a-z][^\"]{8,})\"") -> found.Groups[1].Value.TrimEnd('…', ',', ' ') ]
                Expect.isGreaterThan named.Length 10 "named tests"
                Expect.isEmpty (named |> List.filter (fun name -> not (sources.Contains $"\"{name}"))) "tests"
            }

            test "architecture.md names every project" {
                let page = File.ReadAllText(inRepository "docs/develop/architecture.md")

                for folder in [ "src"; "tests"; "tools" ] do
                    for project in Directory.GetDirectories(inRepository folder) do
                        if Directory.GetFiles(project, "*.*proj").Length > 0 then
                            Expect.stringContains page $"`{folder}/{Path.GetFileName project}`" "project"
            }

            test "the reading order of architecture.md is that of the project file (FAE_WRITE_DOCS=1 writes it)" {
                let path = inRepository "docs/develop/architecture.md"
                let opening, closing = "<!-- reading order -->", "<!-- end of reading order -->"
                let between = Regex(opening + "[\\s\\S]*" + closing)
                let text = File.ReadAllText path
                let expected = between.Replace(text, $"{opening}\n{readingOrder ()}\n{closing}")

                if Environment.GetEnvironmentVariable "FAE_WRITE_DOCS" = "1" then
                    File.WriteAllText(path, expected)

                Expect.equal (File.ReadAllText path) expected "the page"
            }

            test "cli.md names every verb and build target" {
                let page = File.ReadAllText(inRepository "docs/reference/cli.md")
                let arguments = File.ReadAllText(inRepository "src/Fae.Cli/Arguments.fs")

                for found in Regex.Matches(arguments, @"CliPrefix\.None\)>\] (\w+) of") do
                    let verb = found.Groups[1].Value.ToLowerInvariant().Replace('_', '-')
                    Expect.stringContains page $"`fae {verb}" "verb"

                let build = File.ReadAllText(inRepository "build.fsx")

                for found in Regex.Matches(build, @"^        ""(\w+)"", ", RegexOptions.Multiline) do
                    Expect.stringContains page found.Groups[1].Value "target"
            }
        ]
