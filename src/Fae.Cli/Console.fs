/// What the user sees while something runs: a bar on a terminal, plain lines elsewhere.
namespace Fae.Cli

open System.Globalization
open Fae.Detection
open Fae.Training
open Microsoft.Extensions.Logging
open Spectre.Console

[<RequireQualifiedAccess>]
module Console =
    let private digits (count: int) (value: float) = value.ToString("F" + string count, CultureInfo.InvariantCulture)

    let private write level (prefix: string) (text: string) =
        if not (Log.write level text) then System.Console.Error.WriteLine(prefix + text)

    /// Messages go to standard error. Standard output is for results.
    let say = write LogLevel.Information ""

    let warn = write LogLevel.Warning "warning: "

    /// A failure that the program goes on after, or its last words.
    let fail = write LogLevel.Error ""

    let private terminal = lazy (AnsiConsole.Create(AnsiConsoleSettings(Out = AnsiConsoleOutput System.Console.Error)))

    let private describe (p: TrainProgress) =
        let validation =
            match Option.ofNullable p.CleanError, Option.ofNullable p.SyntheticAuroc with
            | Some error, Some auroc -> $"  clean error {digits 6 error}  synthetic AUROC {digits 4 auroc}"
            | _ -> ""

        $"loss {digits 5 p.Loss}{validation}  {digits 1 p.ImagesPerSecond} images/s"

    /// Runs something that shows progress bars on the terminal.
    let private bars (run: ProgressContext -> 'a) : 'a =
        let columns: ProgressColumn[] =
            [| TaskDescriptionColumn(); ProgressBarColumn(); PercentageColumn(); RemainingTimeColumn() |]

        terminal.Value.Progress().Columns(columns).Start run

    /// Runs a training with a progress display. `run` gets the function to call after every step, and the one that
    /// says something meanwhile.
    let training (steps: int) (run: (TrainProgress -> unit) -> (string -> unit) -> 'a) : 'a =
        if System.Console.IsErrorRedirected then
            let every = max 1 (steps / 50)

            let show (p: TrainProgress) =
                if p.SyntheticAuroc.HasValue || p.Step % every = 0 then
                    let left = p.Left.ToString(@"hh\:mm\:ss", CultureInfo.InvariantCulture)
                    say $"step {p.Step}/{p.Steps}  {describe p}  {left} left"

            run show say
        else
            bars (fun context ->
                let task = context.AddTask("training", true, float steps)

                let show (p: TrainProgress) =
                    task.Value <- float p.Step
                    task.Description <- Markup.Escape(describe p)

                    if p.SyntheticAuroc.HasValue then terminal.Value.WriteLine $"step {p.Step}: {describe p}"

                run show (fun text -> terminal.Value.WriteLine text))

    /// Runs a fit in one pass with a progress display.
    let fitting (run: (FitProgress -> unit) -> 'a) : 'a =
        if System.Console.IsErrorRedirected then
            let mutable said = ""

            run (fun p ->
                if p.Part <> said then
                    said <- p.Part
                    say $"{p.Part} …")
        else
            bars (fun context ->
                let mutable part, task = "", null

                run (fun p ->
                    if p.Part <> part then
                        part <- p.Part
                        task <- context.AddTask(p.Part, true, 1.0)

                    match task with
                    | null -> ()
                    | task -> task.Value <- p.Done))

    /// A table on standard output.
    let table (headings: string list) (rows: string list list) =
        let table = Table().Border(TableBorder.Simple)

        for heading in headings do
            table.AddColumn(TableColumn(Markup.Escape heading)) |> ignore

        for row in rows do
            table.AddRow(row |> List.map Markup.Escape |> Array.ofList) |> ignore

        AnsiConsole.Write table

    /// The machine's interface: to a file, whole or not at all, or to standard output for "-".
    let writeJson (target: string) (json: string) =
        if target = "-" then
            System.Console.Out.WriteLine json
        else
            AtomicFile.WriteText(target, json + "\n")
