/// fae serve: detectors behind HTTP.
namespace Fae.Cli

open System
open System.IO
open System.Security.Cryptography
open System.Security.Cryptography.X509Certificates
open Argu
open Fae.Data
open Fae.Server
open FsToolkit.ErrorHandling

[<RequireQualifiedAccess>]
module Serve =
    let private hosted device withNetwork (run: string) : Result<ModelSlot, Fault> =
        let name, path = Models.named run

        ModelSlot.Open(name, path, Models.reader device, withNetwork)
        |> Result.mapError (fun reason -> Model(path, reason))

    let private serve options memory (models: ModelSlot list) =
        try
            Service.run (fun stop ->
                let started _ (url: string) =
                    let names = models |> List.map _.Name |> String.concat ", "
                    Console.say $"serving {names} at {url} (a page to try it; Ctrl-C ends)"
                    Service.ready ()

                let events = { Started = started; Say = Console.say; Warn = Console.warn; Fail = Console.fail; Alive = Service.alive }

                Server.run options (new ModelSet(models, memory)) events stop
                |> Result.mapError (fun reason -> Usage [ $"--history {reason}" ]))
        finally
            for model in models do
                (model :> IDisposable).Dispose()

    let private models (args: ParseResults<ServeArgs>) =
        let runs = Options.words (args.GetResult ServeArgs.Model)
        let names = runs |> List.map (Models.named >> fst)

        if runs.IsEmpty then
            Error(Usage [ "--model: name at least one" ])
        elif List.distinct names <> names then
            Error(Usage [ "--model: two of them have the same name" ])
        else
            Ok runs

    let private certificate (args: ParseResults<ServeArgs>) : Result<X509Certificate2 option, Fault> =
        match args.TryGetResult ServeArgs.Certificate, args.TryGetResult ServeArgs.Certificate_Key with
        | None, None -> Ok None
        | None, Some _ -> Error(Usage [ "--certificate-key: name the certificate too (--certificate)" ])
        | Some file, key ->
            try
                use read = X509Certificate2.CreateFromPemFile(file, Option.toObj key)
                // A key that was read from PEM is not always usable for TLS; through PKCS #12 it is.
                Ok(Some(X509CertificateLoader.LoadPkcs12(read.Export X509ContentType.Pkcs12, null)))
            with
            | :? IOException
            | :? UnauthorizedAccessException
            | :? CryptographicException as e -> Error(Usage [ $"--certificate {file}: {e.Message}" ])

    /// An origin as browsers write it: no path, no slash at the end.
    let private origins (args: ParseResults<ServeArgs>) =
        args.TryGetResult ServeArgs.Cors
        |> Option.map Options.words
        |> Option.defaultValue []
        |> List.traverseResultM (fun text ->
            match Uri.TryCreate(text, UriKind.Absolute) with
            | true, NonNull uri when uri.GetLeftPart UriPartial.Authority = text.TrimEnd '/' && uri.Scheme.StartsWith "http" ->
                Ok(text.TrimEnd '/')
            | _ -> Error(Usage [ $"--cors {text}: write an origin like https://line.example" ]))

    let private web (args: ParseResults<ServeArgs>) : Result<WebOptions, Fault> =
        result {
            let! origins = origins args
            let drain = args.GetResult(ServeArgs.Drain, defaultValue = 0)
            let pathBase = (args.GetResult(ServeArgs.Path_Base, defaultValue = "")).TrimEnd '/'

            do! Options.seconds "--drain" (float drain)

            do!
                if pathBase = "" || pathBase.StartsWith '/' then
                    Ok()
                else
                    Error(Usage [ $"--path-base {pathBase}: write a path like /fae" ])

            return
                {
                    AllowedHosts = args.TryGetResult ServeArgs.Allow_Host |> Option.map Options.words |> Option.defaultValue []
                    AllowedOrigins = origins
                    PathBase = pathBase
                    IsBehindProxy = args.Contains ServeArgs.Behind_Proxy
                    Drain = float drain
                }
        }

    /// Of a history: a hundred years. Calendars end.
    let private mostDays = 36_500

    let run (args: ParseResults<ServeArgs>) : Result<int, Fault> =
        result {
            let! runs = models args
            let! web = web args
            let! certificate = certificate args

            let whole argument name preset =
                result {
                    let value = defaultArg argument preset
                    do! Options.positive name value
                    return value
                }

            let defaults = Server.defaults
            let! room = whole (args.TryGetResult ServeArgs.Queue) "--queue" defaults.QueueCapacity
            let! together = whole (args.TryGetResult ServeArgs.Batch) "--batch" defaults.MaxBatch

            let! megabytes = whole (args.TryGetResult ServeArgs.Max_Megabytes) "--max-megabytes" (int (defaults.MaxBytes >>> 20))

            let! megapixels =
                whole (args.TryGetResult ServeArgs.Max_Megapixels) "--max-megapixels" (int (defaults.MaxPixels / 1_000_000L))

            let! seconds = whole (args.TryGetResult ServeArgs.Timeout) "--timeout" (int defaults.Timeout)
            let! port = Options.port "--port" (args.GetResult(ServeArgs.Port, defaultValue = defaults.Port))
            let! keep = whole (args.TryGetResult ServeArgs.Keep) "--keep" Server.retention.Count
            let days = args.GetResult(ServeArgs.Keep_Days, defaultValue = int Server.retention.Days)
            do! Options.between 1 mostDays "--keep-days" days
            let! memory = Options.megabytes "--max-memory" (args.TryGetResult ServeArgs.Max_Memory)
            let! models = List.traverseResultM (hosted (args.TryGetResult ServeArgs.Device) memory.IsNone) runs

            let! options =
                { defaults with
                    Port = port
                    MaxBytes = int64 megabytes <<< 20
                    MaxPixels = int64 megapixels * 1_000_000L
                    QueueCapacity = room
                    MaxBatch = together
                    Timeout = float seconds
                    Web = web
                    Certificate = certificate
                    History = args.TryGetResult ServeArgs.History |> Option.map (fun path -> path, { Count = keep; Days = float days })
                }
                |> Access.options
                    (args.TryGetResult ServeArgs.Bind)
                    (args.TryGetResult ServeArgs.Keys)
                    (args.TryGetResult ServeArgs.People)
                    (args.TryGetResult ServeArgs.Shifts)

            do! serve options memory models
            return 0
        }
