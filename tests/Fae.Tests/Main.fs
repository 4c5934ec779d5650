module Fae.Tests.Main

open System
open Expecto
open Fae.Tests

/// All tests; the last line says how many passed and failed, alone on a line.
[<EntryPoint>]
let main argv =
    Fae.Engine.TorchRuntime.KeepQuiet()
    Fae.Data.ImageFile.routeWarnings ignore

    let all =
        testList
            "Fae"
            [
                RandomTests.tests
                CorruptionTests.tests
                FilterTests.tests
                DifferenceTests.tests
                MetricsTests.tests
                SymmetryTests.tests
                ConfigTests.tests
                NativeFixTests.tests
                EngineTests.tests
                DataTests.tests
                CliTests.tests
            ]

    let mutable passed = 0
    let mutable failed = 0

    let count (summary: Impl.TestRunSummary) =
        passed <- summary.passed.Length
        failed <- summary.failed.Length + summary.errored.Length

    let code = runTestsWithCLIArgs [ CLIArguments.Append_Summary_Handler(SummaryHandler count) ] argv all
    Console.Out.Flush()
    Console.WriteLine()
    Console.WriteLine $"{passed} passed, {failed} failed"
    code
