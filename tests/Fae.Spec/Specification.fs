/// All suites, and the table that shows which law catches which wrong implementation: docs/specification.md is this text.
module Fae.Spec.Specification


let suites =
    RandomLaws.suites
    @ [ NoiseLaws.suite; ResampleLaws.suite; ViewLaws.suite; TileLaws.suite; PieceLaws.suite ]
    @ StripLaws.suites
    @ [ StripScoreLaws.suite ]
    @ SurveyLaws.suites
    @ ValueRangeLaws.suites
    @ IgnoreMaskLaws.suites
    @ [ NearDuplicateLaws.suite; PolygonLaws.suite ]
    @ RawPixelLaws.suites
    @ CorruptionLaws.suites
    @ [ FilterLaws.suite; DifferenceLaws.suite ]
    @ ScoringLaws.suites
    @ [ MetricLaws.suite; RankLaws.suite; QuantileLaws.suite; TheoryLaws.suite ]
    @ MethodLaws.suites
    @ [
        DriftLaws.suite
        OutlierLaws.suite
        OutlierLaws.outsideSuite
        OutlierLaws.distanceSuite
        CombinationLaws.suite
        CombinationLaws.spreadSuite
    ]
    @ FeatureLaws.suites
    @ FileLaws.suites

/// Cases a mutant gets until the law must have caught it; always the same ones.
let mutantCases = 100

/// The laws that reject each mutant: (mutant, the law that is meant to, all that do).
let verdicts (suite: Suite) =
    let effort = Effort.repeatable mutantCases

    suite.Mutants
    |> Array.ofList
    |> Array.map (fun (mutant, meant, attempt) -> mutant, meant, suite.Laws |> List.filter (fun law -> Result.isError (attempt effort law)))
    |> List.ofArray

let private section (suite: Suite) =
    let found = verdicts suite
    let number = List.mapi (fun i (mutant, _, _) -> mutant, i + 1) found |> Map.ofList

    let row law =
        let meant, others =
            found
            |> List.filter (fun (_, _, caughtBy) -> List.contains law caughtBy)
            |> List.partition (fun (_, meant, _) -> meant = law)

        let names = List.map (fun (mutant: string, _, _) -> string number[mutant]) >> String.concat ", "

        $"| {law} | {names meant} | {names others} |"

    [
        $"## {suite.Subject}"
        ""
        suite.About
        ""
        "Implementations: " + String.concat ", " (List.map fst suite.Implementations) + "."
        ""
        "| law | catches, as it must | catches as well |"
        "| --- | --- | --- |"
    ]
    @ List.map row suite.Laws
    @ [ ""; "Mutants:"; "" ]
    @ [ for mutant, _, _ in found -> $"{number[mutant]}. {mutant}" ]
    @ [ "" ]

let toMarkdown () =
    [
        "# The specification"
        ""
        "Laws that every implementation must keep, and for each law the wrong implementations (mutants) that it rejects."
        "Printed from `tests/Fae.Spec`; a test compares them. Each run of the tests tries every implementation on new cases;"
        $"mutants get the same {mutantCases} cases every time, emulated implementations a tenth of the cases."
        "The long run: `dotnet fsi build.fsx Spec --cases 10000`."
        ""
    ]
    @ List.collect section suites
    |> String.concat "\n"
