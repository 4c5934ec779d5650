/// Ctrl-C and a service manager's SIGTERM: what runs is finished in order, and everything saved.
namespace Fae.Cli

open System.Runtime.InteropServices
open System.Threading

[<RequireQualifiedAccess>]
module Interrupts =
    /// Runs the work with a token that such a signal cancels.
    let watch (work: CancellationToken -> 'a) : 'a =
        use stop = new CancellationTokenSource()

        let onSignal (context: PosixSignalContext) =
            context.Cancel <- true
            stop.Cancel()

        use _interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, onSignal)
        use _terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, onSignal)
        work stop.Token
