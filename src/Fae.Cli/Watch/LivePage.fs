/// The operator's page of fae watch: a server in the same program that shows what is inspected in the folder.
namespace Fae.Cli

open System
open System.Threading
open System.Threading.Tasks
open Fae.Data
open Fae.Server

/// Serves while it exists.
type LivePage private (model: LiveModel, slot: ModelSlot, stop: CancellationTokenSource, serving: Task<Result<unit, string>>) =
    /// Serves the model at this path under this name. It answers when this returns.
    static member Start(options: ServerOptions, name: string, path: string, reader: ModelReader) =
        match ModelSlot.Open(name, path, reader, true) with
        | Error reason -> Error(Model(path, reason))
        | Ok slot ->
            let stop = new CancellationTokenSource()
            let started = TaskCompletionSource<InspectionLog>()

            let events =
                {
                    Started =
                        fun log url ->
                            Console.say $"the page for operators: {url}/live"
                            started.TrySetResult log |> ignore
                    Say = Console.say
                    Warn = Console.warn
                    Fail = Console.fail
                    Alive = ignore
                }

            let models = new ModelSet([ slot ])
            let serving = Task.Run<Result<unit, string>>(fun () -> Server.run options models events stop.Token)

            match Task.WhenAny(started.Task, serving).GetAwaiter().GetResult() with
            | first when obj.ReferenceEquals(first, started.Task) ->
                Ok(new LivePage(LiveModel(models, slot, started.Task.Result), slot, stop, serving))
            | _ ->
                (slot :> IDisposable).Dispose()
                stop.Dispose()

                match serving.GetAwaiter().GetResult() with
                | Error reason -> Error(Usage [ $"--history {reason}" ])
                | Ok() -> Error(Machine "the page for operators ended before it began")

    /// The served model.
    member _.Model = model

    interface IDisposable with
        member _.Dispose() =
            stop.Cancel()
            serving.GetAwaiter().GetResult() |> ignore
            (slot :> IDisposable).Dispose()
            stop.Dispose()
