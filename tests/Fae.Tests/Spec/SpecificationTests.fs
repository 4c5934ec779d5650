/// The specification on every implementation, and its mutants.
module Fae.Tests.SpecificationTests

open System.IO
open Expecto
open Fae.Tests.Helpers
open Fae.Spec

let private keeps attempt effort law =
    match attempt effort law with
    | Ok() -> ()
    | Error(found: string) -> failtest $"{law}\n{found}"

/// Every law on every implementation.
let laws effort =
    [
        for suite in Specification.suites ->
            testList
                suite.Subject
                [
                    for name, attempt in suite.Implementations ->
                        testList name [ for law in suite.Laws -> testCase law (fun () -> keeps attempt effort law) ]
                ]
    ]
    |> testList "Specification"

/// No law without a mutant that it rejects; and the page that says so is up to date.
let mutants =
    testList
        "Mutants"
        [
            for suite in Specification.suites do
                test $"{suite.Subject}: every law has a mutant and every mutant a law" {
                    let meant = suite.Mutants |> List.map (fun (_, law, _) -> law) |> List.distinct
                    Expect.equal (List.sort meant) (List.sort suite.Laws) "laws"
                }

                for mutant, law, attempt in suite.Mutants do
                    testCase $"{suite.Subject}: “{mutant}” is caught" (fun () ->
                        Expect.isError (attempt (Effort.repeatable Specification.mutantCases) law) law)

            test "docs/specification.md is the table of the code (FAE_WRITE_DOCS=1 writes it)" {
                let path = Path.Combine(repository, "docs", "method", "specification.md")
                let text = Specification.toMarkdown ()

                if System.Environment.GetEnvironmentVariable "FAE_WRITE_DOCS" = "1" then
                    File.WriteAllText(path, text)

                Expect.equal (File.ReadAllText path) text "the file"
            }
            test "a failure shrinks to a picture small enough to read, and says how it is found again" {
                let pinned =
                    Law.forAll "no pixel is brighter than 0.6" (fun () (Generators.Grey image) ->
                        Array.forall (fun v -> v <= 0.6f) image.Pixels)

                match pinned.Try (Effort.exploring 1000) () with
                | Ok() -> failtest "nothing was found"
                | Error found ->
                    Expect.stringContains found "1×1×1:" "one pixel is left"
                    let replay = System.Text.RegularExpressions.Regex.Match(found, @"--cases (\d+) --replay (\d+),(\d+)")
                    let number (i: int) = uint64 replay.Groups[i].Value
                    let again = pinned.Try (Effort.replaying (int (number 1)) (number 2, number 3)) ()
                    Expect.equal again (Error found) "the same counterexample"
            }
        ]
