module Fae.Tests.Main

open System
open System.Threading
open Expecto
open Fae.Spec
open Fae.Tests

/// The cases a law gets in an ordinary run.
let private ordinaryCases = 200

/// Takes `--cases N` and `--replay SEED,GAMMA` out of the arguments.
let rec private effortOf effort (args: string list) =
    match args with
    | "--cases" :: count :: rest -> effortOf { effort with Cases = int count } rest
    | "--replay" :: seeds :: rest ->
        match seeds.Split ',' with
        | [| seed; gamma |] -> effortOf (Effort.replaying effort.Cases (uint64 seed, uint64 gamma)) rest
        | _ -> failwith $"--replay {seeds}: two numbers, as the failure printed them"
    | other :: rest ->
        let struct (effort, others) = effortOf effort rest
        struct (effort, other :: others)
    | [] -> struct (effort, [])

/// `--fuzz N`: every reader gets N bent inputs; rows of a table, and what went wrong.
let private fuzz (count: int) =
    let hand (target: Mutation.Target) =
        let counters = Mutation.run target 0 count
        let defects = counters.Defects.Length
        let words = if defects = 0 then "none" else $"{defects} or more"

        let refused = counters.Inputs - counters.Taken
        Console.Out.WriteLine $"| {counters.Target} | {counters.Inputs} | {counters.Taken} | {refused} | {words} | {counters.Seconds:F0} |"

        Console.Out.Flush()

        for number, what in counters.Defects do
            Console.Error.WriteLine $"{counters.Target}, input {number}: {what}"

        defects

    let found = List.map hand FileTargets.targets
    let mutable behindTheServer = 0
    Fuzz.withServer (fun target -> behindTheServer <- hand target)
    if List.sum found + behindTheServer = 0 then 0 else 1

/// All tests, with `--spec` the specification alone, with `--devices` what runs on every device, with `--in-process` all but those of the
/// command line; the last line says how many passed and failed, alone on a line.
let private test (argv: string[]) =
    let struct (effort, args) = effortOf (Effort.exploring ordinaryCases) (List.ofArray argv)
    let specification = [ SpecificationTests.laws effort; SpecificationTests.mutants ]

    let others =
        if List.contains "--spec" args then
            []
        elif List.contains "--devices" args then
            [ DeviceTests.tests ]
        else
            [
                CoreTests.tests
                SymmetryTests.tests
                ConfigTests.tests
                DocumentTests.tests
                PlatformTests.tests
                ContainerTests.tests
                NativeFixTests.tests
                KernelTests.tests
                TrainingTests.tests
                TrainingMemoryTests.tests
                SyntheticDefectTests.tests
                ModelFileTests.tests
                DataTests.tests
                GroupTests.tests
                SurveyTests.tests
                FolderTests.tests
                ImageFileTests.tests
                ValueTests.tests
                MaskTests.tests
                AnnotationTests.tests
                StripTests.tests
                LargeTrainingTests.tests
                ExportTests.tests
                LibraryTests.tests
                LibraryStreamTests.tests
                StripInspectionTests.tests
                PixelFormatTests.tests
                ImageLibraryTests.tests
                ServiceCollectionTests.tests
                PublicApiTests.tests
                LearningCurveTests.tests
                OutlierTests.tests
                FeatureTests.tests
                BankTests.tests
                Int8Tests.tests
                CombinedTests.tests
                CombinedScoringTests.tests
                OpenApiTests.tests
                TelemetryTests.tests
                HistoryStoreTests.tests
                CorpusTests.tests
                FuzzTests.tests
                DeviceTests.tests
                GpuTests.tests
                ReproduceTests.tests
                // Processes of their own: their lines cannot be counted.
                if not (List.contains "--in-process" args) then
                    CliTests.tests
                    EndToEndTests.tests
                    HeldOutBankTests.tests
                    ExportCommandTests.commandLine
                    SamplesTests.tests
                    DataChecksTests.tests
                    CrashTests.tests
                    SweepTests.tests
                    WatchTests.tests
                    WatchTroubleTests.tests
                    WatchBrokerTests.tests
                    ServiceTests.tests
                    ServerTests.tests
                    ModelMemoryTests.tests
                    ServerWebTests.tests
                    ServerAnswerTests.tests
                    ServerLimitTests.tests
                    HistoryTests.tests
                    AccessTests.tests
                    LiveTests.tests
                    CorpusTests.commandLine
                    FuzzTests.server
                    LibtorchTests.commandLine
                    BrowserTests.tests
                    LivePageTests.tests
                    StudioTests.tests
                    StudioPageTests.tests
                    StudioFolderTests.tests
            ]

    let mutable passed = 0
    let mutable failures = []

    let count (summary: Impl.TestRunSummary) =
        passed <- summary.passed.Length
        failures <- summary.failed @ summary.errored

    let args = args |> List.except [ "--spec"; "--devices"; "--in-process" ] |> Array.ofList

    CrashReports.enable ()

    let code =
        runTestsWithCLIArgs [ CLIArguments.Append_Summary_Handler(SummaryHandler count) ] args (testList "Fae" (specification @ others))

    CrashReports.print ()
    Console.Out.Flush()
    Console.WriteLine()

    // Once more at the end: a log's last lines are what is kept and read.
    for test, outcome in failures do
        let lines = (string outcome.result).Split '\n' |> Array.truncate 12 |> Array.map (fun line -> "    " + line)
        Console.WriteLine(String.Join("\n", Array.append [| $"""FAILED {String.Join(" / ", test.name)}""" |] lines))

    Console.WriteLine $"{passed} passed, {failures.Length} failed"
    code

[<EntryPoint>]
let main argv =
    Fae.Training.TorchRuntime.SetEnvironment()
    // Tests block the threads that they run on; servers and brokers in this process need some too, at once.
    ThreadPool.SetMinThreads(256, 256) |> ignore
    Fae.Imaging.Vips.routeWarnings ignore

    match argv with
    | argv when argv.Length > 1 && argv[0] = "--onnx" -> OnnxRun.run argv[1] (List.map int (List.ofArray argv[2..]))
    | [| "--fuzz"; count |] -> fuzz (int count)
    | [| "--fuzz-one"; name; number |] ->
        let again target =
            Console.OpenStandardOutput().Write(Mutation.input target (int number))

            (Mutation.run target (int number) 1).Defects |> List.iter (fun (_, what) -> Console.Error.WriteLine what)

        match FileTargets.targets |> List.tryFind (fun target -> target.Name = name) with
        | Some target -> again target
        | None -> Fuzz.withServer again

        0
    | _ -> test argv
