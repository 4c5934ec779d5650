/// docs/develop/fuzzing.md: every reader of outside data gets many damaged inputs.
module Fae.Dev.Fuzz

let write (count: string) =
    let rows = Shell.capture "dotnet" [ Shell.inArtifacts [ "tests"; "Fae.Tests.dll" ]; "--fuzz"; count ]

    Pages.write
        (Shell.inRoot [ "docs"; "develop"; "fuzzing.md" ])
        [
            "# Fuzzing"
            ""
            "Written by `dotnet fsi build.fsx Fuzz` (a million inputs for each reader; `Fuzz 10000` for fewer)."
            "Each input is a valid one with up to eight mutations. A generator makes input n again from n alone."
            "An input is accepted, or refused in the declared way: a line that says why, a documented exception, a 4xx."
            "Anything else is a defect. A few thousand inputs of each run with the tests."
            ""
            Shell.measuredHere ()
            ""
            "| reader | inputs | accepted | refused | defects | seconds |"
            "| --- | --- | --- | --- | --- | --- |"
            rows.Trim()
        ]

    if rows.Contains "or more" then exit 1
