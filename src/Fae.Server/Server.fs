/// The detector behind HTTP: POST /v1/inspect, GET /v1/models, /v1/statistics, /v1/history, /v1/live, /health, /ready, /metrics,
/// /openapi.json, and the pages / and /live.
namespace Fae.Server

open System
open System.Net
open System.Threading
open System.Threading.Tasks
open FsToolkit.ErrorHandling
open Microsoft.AspNetCore.Builder
open Microsoft.AspNetCore.Hosting
open Microsoft.AspNetCore.Hosting.Server
open Microsoft.AspNetCore.Hosting.Server.Features
open Microsoft.AspNetCore.Http
open Microsoft.AspNetCore.HttpOverrides
open Microsoft.Extensions.DependencyInjection
open Microsoft.Extensions.Logging
open Microsoft.Extensions.Primitives

/// What more routes are made with.
[<NoComparison; NoEquality>]
type ServerParts =
    {
        App: WebApplication
        /// From now on this model is served too.
        Serve: ModelSlot -> unit
        Audit: AuditLog option
        Log: InspectionLog
    }

[<RequireQualifiedAccess>]
module Server =
    /// What a history keeps that nobody asked otherwise for.
    let retention = { Count = 10_000; Days = 90.0 }

    let defaults =
        {
            Address = IPAddress.Loopback
            Port = 8080
            MaxBytes = 32L * 1024L * 1024L
            MaxPixels = 100_000_000L
            QueueCapacity = 64
            MaxBatch = 8
            Timeout = 30.0
            Keys = None
            People = None
            Web = WebGuard.none
            Certificate = None
            History = None
            FalseAlarm = None
            HasStudio = false
            Shifts = []
        }

    /// How often model files are looked at, and how many of these times between two states that viewers are told.
    let private tick, ticksOfState = TimeSpan.FromSeconds 0.5, 4

    /// Inspections whose pictures viewers may see when they come.
    let private liveKept = 24

    let private build (options: ServerOptions) =
        let builder = WebApplication.CreateSlimBuilder()
        builder.Logging.ClearProviders() |> ignore

        if Option.isSome options.Certificate then
            builder.WebHost.UseKestrelHttpsConfiguration() |> ignore

        builder.WebHost.ConfigureKestrel(fun kestrel ->
            kestrel.AddServerHeader <- false
            kestrel.Limits.MaxRequestBodySize <- Nullable options.MaxBytes

            kestrel.Listen(
                options.Address,
                options.Port,
                fun listen -> options.Certificate |> Option.iter (fun certificate -> listen.UseHttps certificate |> ignore)
            ))
        |> ignore

        builder.Services.AddCors(fun cors ->
            cors.AddDefaultPolicy(fun policy ->
                policy
                    .WithOrigins(Array.ofList options.Web.AllowedOrigins)
                    .WithMethods("GET", "POST")
                    .WithHeaders("Authorization", "Content-Type", "X-Api-Key")
                    .WithExposedHeaders(
                        [| "Fae-Score"; "Fae-P-Value"; "Fae-Anomalous"; "Fae-Threshold"; "Fae-Model"; "Fae-Fingerprint" |]
                    )
                |> ignore))
        |> ignore

        let app = builder.Build()

        if options.Web.IsBehindProxy then
            // Only proxies on this machine are believed.
            app.UseForwardedHeaders(
                ForwardedHeadersOptions(
                    ForwardedHeaders =
                        (ForwardedHeaders.XForwardedFor ||| ForwardedHeaders.XForwardedProto ||| ForwardedHeaders.XForwardedHost)
                )
            )
            |> ignore

        if options.Web.PathBase <> "" then
            app.UsePathBase(PathString options.Web.PathBase) |> ignore

        app.UseRouting() |> ignore
        app.UseCors() |> ignore
        app

    /// A request that Kestrel finds broken as it is read gets its 4xx. An unexpected exception is logged, and the client gets a 500.
    let private catchAll (events: ServerEvents) (context: HttpContext) (next: RequestDelegate) : Task =
        task {
            try
                do! next.Invoke context
            with
            | :? BadHttpRequestException as e when not context.Response.HasStarted -> do! Http.writeBroken context e
            | e when not context.RequestAborted.IsCancellationRequested ->
                events.Fail $"an unexpected error; please report it with these lines:\n{e}"

                if not context.Response.HasStarted then
                    do! Http.writeError context 500 "an unexpected error; the server's log has the details"
        }

    /// Whatever the path, an answer is counted; what is under /v1 is for those who may.
    let private guard (app: WebApplication) options access (telemetry: Telemetry) events =
        app.Use(
            Func<HttpContext, RequestDelegate, Task>(fun context next ->
                task {
                    let headers = context.Response.Headers
                    headers.ContentSecurityPolicy <- StringValues WebPages.contentPolicy
                    headers["X-Content-Type-Options"] <- StringValues "nosniff"
                    headers["Referrer-Policy"] <- StringValues "same-origin"

                    match Access.check access options.Address options.Web context.Request with
                    | Error refusal ->
                        if refusal.Status = 401 then headers.WWWAuthenticate <- StringValues "Bearer"
                        do! Http.writeRefusal context refusal
                    | Ok caller ->
                        Access.remember context caller
                        do! catchAll events context next

                    telemetry.Answered context.Response.StatusCode
                })
        )
        |> ignore

    /// Sets the threshold that somebody chose for this model on the page, also after a restart, else the one of the command line.
    let private restore (options: ServerOptions) (audit: AuditLog option) (events: ServerEvents) (model: ModelSlot) =
        let chosen = audit |> Option.bind (fun audit -> audit.FalseAlarmOf model.Version.Card.Fingerprint)

        match chosen |> Option.orElse options.FalseAlarm with
        | None -> ()
        | Some rate ->
            match model.Version.SetFalseAlarm rate with
            | Ok _ -> events.Say $"model {model.Name}: false-alarm rate {rate}"
            | Error reason -> events.Warn $"model {model.Name}: {ThresholdRoutes.problem rate reason}"

    /// Files that were replaced are read again.
    let private refresh options (models: ModelSet) (telemetry: Telemetry) audit (feed: LiveFeed) (events: ServerEvents) =
        for model in models.All do
            match model.Refresh() with
            | Ok true ->
                let print = model.Version.Card.Fingerprint
                restore options audit events model
                telemetry.Replaced(model.Name, print)
                audit |> Option.iter (fun audit -> audit.Add("", Replaced, model.Name, print, {| |}))
                feed.Change(model.Name, print, None)
                events.Say $"model {model.Name} was replaced"
            | Ok false -> ()
            | Error reason -> events.Warn $"the new file of model {model.Name} is refused, the old one serves on: {reason}"

        models.Trim()

    /// What a server keeps of what people do.
    [<NoComparison; NoEquality>]
    type private Kept = { History: History option; Audit: AuditLog option; Sessions: Sessions }

    let private serve
        (options: ServerOptions)
        (models: ModelSet)
        (kept: Kept)
        (extend: ServerParts -> unit)
        (events: ServerEvents)
        (stop: CancellationToken)
        : Task =
        task {
            let telemetry = Telemetry()

            for model in models.All do
                telemetry.Serves(model.Name, model.Version.Card.Fingerprint)
                restore options kept.Audit events model

            let before since =
                match kept.History with
                | Some history -> history.Counts { HistoryFilter.all with Since = Some since }
                | None -> struct (0L, 0L)

            let feed = LiveFeed(liveKept, options.Shifts, before)
            let log = InspectionLog(telemetry, kept.History, feed, events.Warn)
            let inspector = Inspector(options.QueueCapacity, options.MaxBatch)
            use endpoint = new InspectEndpoint(options, models, inspector, log, events.Warn)
            use app = build options
            let access = { Keys = options.Keys; People = options.People; Sessions = kept.Sessions; HasStudio = options.HasStudio }
            guard app options access telemetry events

            let stopping () = app.Lifetime.ApplicationStopping.IsCancellationRequested || stop.IsCancellationRequested

            ReadRoutes.map app options models telemetry inspector stopping
            app.MapPost("/v1/inspect", RequestDelegate endpoint.Inspect) |> ignore
            HistoryRoutes.map app (Option.zip kept.History kept.Audit)
            SessionRoutes.map app access
            ThresholdRoutes.map app models kept.Audit feed
            LiveRoutes.map app feed (ReadRoutes.liveState models telemetry feed inspector)

            let serve (model: ModelSlot) =
                if models.Add model then
                    telemetry.Serves(model.Name, model.Version.Card.Fingerprint)
                else
                    // One of its name serves, and reads the replaced file by itself.
                    (model :> IDisposable).Dispose()

            extend { App = app; Serve = serve; Audit = kept.Audit; Log = log }
            do! app.StartAsync CancellationToken.None

            match app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>() with
            | null -> ()
            | addresses -> Seq.iter (events.Started log) addresses.Addresses

            let mutable ticks = 0

            while not (stopping ()) do
                refresh options models telemetry kept.Audit feed events
                ticks <- ticks + 1
                if ticks % ticksOfState = 0 then feed.Tick()

                if inspector.StuckFor <= options.Timeout then events.Alive()

                try
                    do! Task.Delay(tick, stop)
                with :? OperationCanceledException ->
                    ()

            if options.Web.Drain > 0.0 then
                // Who sends pictures here looks at /ready and goes elsewhere before the port closes.
                events.Say $"stopping in {options.Web.Drain} seconds"
                do! Task.Delay(TimeSpan.FromSeconds options.Web.Drain)

            events.Say "stopping: what was taken is finished"
            use last = new CancellationTokenSource(TimeSpan.FromSeconds(options.Timeout + 5.0))
            do! app.StopAsync last.Token
            do! inspector.Close()
        }

    /// Opens what is kept; what was opened before a failure is closed.
    let private opened (options: ServerOptions) : Result<Kept, string> =
        let path = options.History |> Option.map fst

        result {
            let! sessions = Sessions.Open path
            let! audit = path |> Option.map AuditLog.Open |> Option.sequenceResult
            let! history = options.History |> Option.map History.Open |> Option.sequenceResult
            return { History = history; Audit = audit; Sessions = sessions }
        }

    /// Serves until it is asked to stop, then finishes what it took. `extend` may add routes before the first request. An error is a
    /// history that cannot be opened.
    let runWith extend options (models: ModelSet) events stop : Result<unit, string> =
        opened options
        |> Result.map (fun kept ->
            try
                (serve options models kept extend events stop).GetAwaiter().GetResult()
            finally
                kept.History |> Option.iter (fun history -> history.Close().GetAwaiter().GetResult())
                kept.Audit |> Option.iter (fun audit -> (audit :> IDisposable).Dispose())
                (kept.Sessions :> IDisposable).Dispose()
                Sqlite.closeAll ())

    /// The same without anything besides.
    let run options models events stop = runWith ignore options models events stop
