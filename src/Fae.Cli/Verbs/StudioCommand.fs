/// fae studio: projects and trainings in the browser.
namespace Fae.Cli

open System
open System.IO
open Argu
open Fae.Data
open Fae.Server
open Fae.Studio
open FsToolkit.ErrorHandling

[<RequireQualifiedAccess>]
module StudioCommand =
    /// This program with other arguments: through dotnet, where dotnet runs it.
    let private launch (args: string list) =
        let own = nonNull Environment.ProcessPath
        let assembly = Path.Combine(AppContext.BaseDirectory, "fae.dll")
        let isHost = Path.GetFileNameWithoutExtension own = "dotnet"

        Launcher.startInfo own (if isHost then assembly :: args else args)

    let run (args: ParseResults<StudioArgs>) : Result<int, Fault> =
        result {
            let! memory = Options.megabytes "--max-memory" (args.TryGetResult StudioArgs.Max_Memory)

            let! port = Options.port "--port" (args.GetResult(StudioArgs.Port, defaultValue = Server.defaults.Port))

            let! server =
                { Server.defaults with Port = port }
                |> Access.options
                    (args.TryGetResult StudioArgs.Bind)
                    (args.TryGetResult StudioArgs.Keys)
                    (args.TryGetResult StudioArgs.People)
                    (args.TryGetResult StudioArgs.Shifts)

            let options =
                {
                    Home = Path.GetFullPath(args.GetResult StudioArgs.Home)
                    Server = server
                    Launch = launch
                    Reader = Models.reader (args.TryGetResult StudioArgs.Device)
                    Watch = Watch.byServed
                    MemoryLimit = memory
                }

            let started _ (url: string) =
                Console.say $"the studio is at {url}/studio (Ctrl-C ends)"
                Service.ready ()

            let events = { Started = started; Say = Console.say; Warn = Console.warn; Fail = Console.fail; Alive = Service.alive }

            do! Service.run (fun stop -> Studio.run options events stop |> Result.mapError (fun reason -> Usage [ $"--home {reason}" ]))

            return 0
        }
