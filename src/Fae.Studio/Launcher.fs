/// Starts the program fae: for something short whose end is waited for, or for a training that ends in order when its input is closed.
namespace Fae.Studio

open System.Diagnostics

[<RequireQualifiedAccess>]
module Launcher =
    /// The environment variable that, set to 1, lets `fae train` end in order, with a checkpoint, when its standard input ends: also when
    /// the studio is killed.
    [<Literal>]
    let EndsWithInput = "FAE_ENDS_WITH_INPUT"

    /// The program with its messages and its input redirected.
    let startInfo (program: string) (args: string list) =
        let start =
            ProcessStartInfo(
                program,
                args,
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
                UseShellExecute = false
            )

        start.Environment[EndsWithInput] <- "1"
        start

    /// Asks a program that was started like this to end in order.
    let stop (child: Process) = child.StandardInput.Close()

    /// An error is what the program says of it.
    let run (launch: string list -> ProcessStartInfo) (args: string list) : Result<unit, string> =
        use child = new Process(StartInfo = launch args)
        child.Start() |> ignore
        let error = child.StandardError.ReadToEndAsync()
        child.StandardOutput.ReadToEnd() |> ignore
        child.WaitForExit()
        if child.ExitCode = 0 then Ok() else Error(error.Result.Trim())
