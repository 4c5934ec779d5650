/// The façade: parse, run a verb, turn its result into lines and an exit code.
module Fae.Cli.Program

open System
open System.IO
open System.Text.RegularExpressions
open Argu
open Fae.Cli
open Fae.Data
open Fae.Imaging
open Fae.Training

let private demoData (args: ParseResults<DemoDataArgs>) =
    let out = args.GetResult DemoDataArgs.Out
    Demo.make out (uint64 (args.GetResult(DemoDataArgs.Seed, defaultValue = 0))) 120 40 16
    Console.say $"wrote the demo data set to {out}"
    Ok 0

let private version () =
    match Devices.libtorch () with
    | Ok() -> ()
    | Error fault -> Fault.lines fault |> List.iter Console.warn

    for line in Versions.lines () do
        System.Console.Out.WriteLine line

    Ok 0

/// The verb, or --version, which stands alone.
let private verb (arguments: ParseResults<Arguments>) = if arguments.Contains Version then Version else arguments.GetSubCommand()

let private dispatch (arguments: ParseResults<Arguments>) =
    match verb arguments with
    | Version -> version ()
    | Train args -> Train.run args
    | Eval args -> Eval.run args
    | Inspect args -> Inspect.run args
    | Watch args -> Watch.run args
    | Serve args -> Serve.run args
    | Calibrate args -> Calibrate.run args
    | Export args -> Export.run args
    | Corrupt args -> Corrupt.run args
    | Probe args -> Probe.run args
    | Reproduce args -> Reproduce.run args
    | Doctor args -> Doctor.run args
    | Studio args -> StudioCommand.run args
    | Password args -> Password.run args
    | Health args -> Health.run args
    | Demo_Data args -> demoData args

let private report fault =
    for line in Fault.lines fault do
        Console.fail $"fae: {line}"

    Fault.exitCode fault

/// The message for an exception that no verb handles.
let private unforeseen (e: exn) =
    let full = "out of memory; try a smaller train.batch or image.size"

    match e with
    | :? IOException
    | :? UnauthorizedAccessException -> e.Message
    // .NET's memory, libtorch's or the GPU's.
    | :? OutOfMemoryException -> full
    | :? System.Runtime.InteropServices.ExternalException when e.Message.Contains "memory" -> full
    | :? System.Runtime.InteropServices.ExternalException -> $"libtorch failed: {e.Message.Split('\n')[0]}"
    // A defect of ours keeps its stack trace, for the report.
    | _ -> $"an error that Fae did not foresee; please report it with these lines:\n{e}"

/// A number with a decimal comma as the value of an option, which would be read without its comma; and how to write it.
let private decimalComma (argv: string[]) =
    let comma = Regex @"^[-+]?\d*,\d+$"

    let pairs =
        Seq.append
            (Seq.pairwise argv)
            (argv
             |> Seq.map _.Split('=', 2)
             |> Seq.filter (fun parts -> parts.Length = 2)
             |> Seq.map (fun parts -> parts[0], parts[1]))

    pairs
    |> Seq.tryFind (fun (option, value) -> List.contains option Arguments.reals && comma.IsMatch value)
    |> Option.map (fun (option, value) -> Usage [ $"{option} {value}: write it with a point, {value.Replace(',', '.')}" ])

/// The command line's parser. It checks its declarations only for --help: the check is slow.
let private parser (argv: string[]) = ArgumentParser.Create<Arguments>(programName = "fae", checkStructure = Array.contains "--help" argv)

/// The format of the messages, where a verb can be a service.
let private logFormat (arguments: ParseResults<Arguments>) =
    match verb arguments with
    | Serve args -> args.TryGetResult ServeArgs.Log
    | Watch args -> args.TryGetResult WatchArgs.Log
    | Studio args -> args.TryGetResult StudioArgs.Log
    | _ -> None
    |> Option.map Log.parse
    |> Option.defaultValue (Ok LogFormat.Plain)

/// Runs the verb; what goes wrong is a message and an exit code.
let private answer (arguments: ParseResults<Arguments>) =
    try
        match dispatch arguments with
        | Ok code -> code
        | Error fault -> report fault
    with
    // What went wrong on several threads went wrong on the first.
    | :? AggregateException as e -> report (Machine(unforeseen (e.Flatten().InnerExceptions[0])))
    | e -> report (Machine(unforeseen e))

let private run argv =
    TorchRuntime.SetEnvironment()
    TorchRuntime.KeepFreedMemory()
    Vips.routeWarnings (fun _ -> ())
    let parser = parser argv

    try
        if CompatibilityTrial.IsOn then
            CompatibilityTrial.Play()
        else
            match decimalComma argv with
            | Some fault -> report fault
            | None ->
                let arguments = parser.ParseCommandLine(argv, raiseOnUsage = true)

                match logFormat arguments with
                | Error problem -> report (Usage [ problem ])
                | Ok format -> Log.using format (fun () -> answer arguments)
    with
    | :? ArguParseException as e when e.ErrorCode = ErrorCode.HelpText ->
        System.Console.Out.WriteLine e.Message
        0
    | :? ArguParseException as e -> report (Usage [ e.Message.Split('\n')[0]; "see fae --help" ])
    | e -> report (Machine(unforeseen e))

[<EntryPoint>]
let main argv =
    // Before anything native is loaded.
    match Platform.problem () with
    | Some problem -> report (Machine problem)
    | None -> run argv
