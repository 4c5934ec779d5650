/// Starts the program fae for something short, and waits for its end.
namespace Fae.Studio

open System.Diagnostics

[<RequireQualifiedAccess>]
module Launcher =
    /// An error is what the program says of it.
    let run (launch: string list -> ProcessStartInfo) (args: string list) : Result<unit, string> =
        use child = new Process(StartInfo = launch args)
        child.Start() |> ignore
        let error = child.StandardError.ReadToEndAsync()
        child.StandardOutput.ReadToEnd() |> ignore
        child.WaitForExit()
        if child.ExitCode = 0 then Ok() else Error(error.Result.Trim())
