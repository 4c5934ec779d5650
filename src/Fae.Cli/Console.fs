/// What the user sees while something runs: a bar on a terminal, plain lines elsewhere.
namespace Fae.Cli

open System
open System.Globalization
open Fae.Core
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
    let private bars (clock: TrainingClock option) (run: ProgressContext -> 'a) : 'a =
        let columns: ProgressColumn list = [ TaskDescriptionColumn(); ProgressBarColumn(); PercentageColumn() ]
        // The clock knows of what follows too.
        let remaining: ProgressColumn list = if clock.IsSome then [] else [ RemainingTimeColumn() ]
        terminal.Value.Progress().Columns(List.toArray (columns @ remaining)).Start run

    let private timeLeft (left: TimeSpan) = $"{int left.TotalHours:D2}:{left.Minutes:D2}:{left.Seconds:D2} left"

    /// The time until the model is written, two spaces before it; nothing without a clock.
    let private untilWritten (clock: TrainingClock option) stage share =
        clock |> Option.map (fun clock -> "  " + timeLeft (clock.Left(stage, share))) |> Option.defaultValue ""

    /// Says that a part of a stage begins, of which so much is done.
    let part clock (stage: TrainingStage) (share: float) (name: string) = say $"{name} …{untilWritten clock stage share}"

    /// Runs a training with a progress display. `run` gets the function to call after every step, and the one that
    /// says something meanwhile. With a clock the time left is that until the model is written, else that of the steps.
    let training (clock: TrainingClock option) (steps: int) (run: (TrainProgress -> unit) -> (string -> unit) -> 'a) : 'a =
        let left (p: TrainProgress) =
            match clock with
            | Some clock -> clock.Left(TrainingStage.Steps, float p.Step / float p.Steps, p.Left)
            | None -> p.Left
            |> timeLeft

        if System.Console.IsErrorRedirected then
            let every = max 1 (steps / 50)

            let show (p: TrainProgress) =
                if p.SyntheticAuroc.HasValue || p.Step % every = 0 then
                    say $"step {p.Step}/{p.Steps}  {describe p}  {left p}"

            run show say
        else
            bars clock (fun context ->
                let task = context.AddTask("training", true, float steps)

                let show (p: TrainProgress) =
                    task.Value <- float p.Step
                    task.Description <- Markup.Escape $"{describe p}  {left p}"

                    if p.SyntheticAuroc.HasValue then terminal.Value.WriteLine $"step {p.Step}: {describe p}"

                run show (fun text -> terminal.Value.WriteLine text))

    /// Runs a stage of a training with a progress display. `share` says how much of the stage is done.
    let fitting (clock: TrainingClock option) (stage: TrainingStage) (share: FitProgress -> float) (run: (FitProgress -> unit) -> 'a) : 'a =
        let left (p: FitProgress) = untilWritten clock stage (share p)

        if System.Console.IsErrorRedirected then
            let mutable said = ""

            run (fun p ->
                let left = left p

                if p.Part <> said then
                    said <- p.Part
                    say $"{p.Part} …{left}")
        else
            bars clock (fun context ->
                let mutable part, task = "", null

                run (fun p ->
                    if p.Part <> part then
                        part <- p.Part
                        task <- context.AddTask(p.Part, true, 1.0)

                    match task with
                    | null -> ()
                    | task ->
                        task.Value <- p.Done
                        task.Description <- Markup.Escape(p.Part + left p)))

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
