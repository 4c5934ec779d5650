/// Ctrl-C, a service manager's SIGTERM, or the end of what started this program: what runs is finished in order, and everything saved.
namespace Fae.Cli

open System
open System.Runtime.InteropServices
open System.Threading

[<RequireQualifiedAccess>]
module Interrupts =
    /// Calls when the standard input ends: whoever started the program closed it, or is gone. Works on every system; Windows knows no
    /// SIGTERM.
    let private atEndOfInput (call: unit -> unit) =
        let read () =
            use input = Console.OpenStandardInput()
            let buffer = Array.zeroCreate<byte> 256

            while input.Read(buffer, 0, buffer.Length) > 0 do
                ()

            call ()

        Thread(read, IsBackground = true, Name = "end of input").Start()

    /// Runs the work with a token that such a signal cancels.
    let watch (work: CancellationToken -> 'a) : 'a =
        use stop = new CancellationTokenSource()

        let onSignal (context: PosixSignalContext) =
            context.Cancel <- true
            stop.Cancel()

        use _interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, onSignal)
        use _terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, onSignal)

        if Environment.GetEnvironmentVariable Fae.Studio.Launcher.EndsWithInput = "1" then
            atEndOfInput (fun () ->
                try
                    stop.Cancel()
                with :? ObjectDisposedException ->
                    ())

        work stop.Token
