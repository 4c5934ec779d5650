/// fae studio: projects, pictures, trainings and the served models of one home folder, behind HTTP.
namespace Fae.Studio

open System
open System.Diagnostics
open System.IO
open Fae.Server

[<NoComparison; NoEquality>]
type StudioOptions =
    {
        Home: string
        Server: ServerOptions
        /// Starts the program fae with these arguments (`Launcher.startInfo`).
        Launch: string list -> ProcessStartInfo
        Reader: ModelReader
        /// Inspects what comes into a folder.
        Watch: FolderWatcher
        /// Memory of the process, in bytes, beyond which networks of models are let go.
        MemoryLimit: int64 option
    }

[<RequireQualifiedAccess>]
module Studio =
    let private historyOf home = Path.Combine(home, "history.db")

    /// The published models. One that cannot be read is warned of.
    let private published (options: StudioOptions) (events: ServerEvents) =
        Project.all options.Home
        |> List.filter (fun project -> File.Exists(Publishing.model options.Home project))
        |> List.choose (fun project ->
            match ModelSlot.Open(project.Name, Publishing.model options.Home project, options.Reader, options.MemoryLimit.IsNone) with
            | Ok slot -> Some slot
            | Error reason ->
                events.Warn $"project {project.Name}: {reason}"
                None)

    /// Serves until it is asked to stop; a training that runs then goes on at the next start. An error is one line.
    let run (options: StudioOptions) events stop : Result<unit, string> =
        Directory.CreateDirectory options.Home |> ignore
        use trainer = new Trainer(options.Home, options.Launch, Trainer.ExitTimeout)
        use models = new ModelSet(published options events, options.MemoryLimit)

        let extend (server: ServerParts) =
            let sources = new FolderSources(options.Home, models, server.Log, options.Watch, events.Warn)
            let parts = { Home = options.Home; Server = server; Trainer = trainer; Sources = sources; Reader = options.Reader }
            PictureRoutes.map server.App parts
            ProjectRoutes.map server.App parts
            VersionRoutes.map server.App parts
            let lifetime = server.App.Lifetime
            lifetime.ApplicationStarted.Register(fun () -> Project.all options.Home |> List.iter sources.Start) |> ignore
            // Before the history is closed.
            lifetime.ApplicationStopping.Register(fun () -> (sources :> IDisposable).Dispose()) |> ignore

        let server =
            { options.Server with
                HasStudio = true
                History = options.Server.History |> Option.orElse (Some(historyOf options.Home, Server.retention))
            }

        Server.runWith extend server models events stop
