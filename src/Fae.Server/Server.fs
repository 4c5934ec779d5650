/// The detector behind HTTP: POST /v1/inspect, GET /v1/models, /v1/statistics, /v1/history, /health, /ready, /metrics, /openapi.json, and
/// a page at /.
namespace Fae.Server

open System
open System.Net
open System.Threading
open System.Threading.Tasks
open Fae.Detection
open Microsoft.AspNetCore.Builder
open Microsoft.AspNetCore.Hosting
open Microsoft.AspNetCore.Hosting.Server
open Microsoft.AspNetCore.Hosting.Server.Features
open Microsoft.AspNetCore.Http
open Microsoft.AspNetCore.HttpOverrides
open Microsoft.Extensions.DependencyInjection
open Microsoft.Extensions.Logging
open Microsoft.Extensions.Primitives

[<RequireQualifiedAccess>]
module Server =
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
            Web = WebGuard.none
            Certificate = None
            History = None
        }

    let private modelJson (model: ModelSlot) : ModelJson =
        let detector = model.Current
        let card, calibration = detector.Card, detector.Calibration

        {
            Name = model.Name
            Size = card.Config.Image.Size
            Tile = card.Config.Image.Tile
            Channels = card.Channels
            Scoring = ScoringSearch.Describe calibration.Scoring
            ThresholdImage = calibration.ImageThreshold
            ThresholdPixel = calibration.PixelThreshold
            Fingerprint = card.Fingerprint
            FalseAlarm = calibration.FalseAlarm
            HeldOut = Array.sort calibration.HeldOut
        }

    let private heldOut (model: ModelSlot) = model.Current.Calibration.HeldOut

    /// Whose key a request brings; where there are no keys, anybody's.
    let private caller (options: ServerOptions) (context: HttpContext) =
        match options.Keys with
        | None -> Some { Name = "anybody"; Role = Engineer }
        | Some keys ->
            let bearer = string context.Request.Headers.Authorization

            keys.Find(
                if bearer.StartsWith("Bearer ", StringComparison.Ordinal) then
                    bearer.Substring 7
                else
                    string context.Request.Headers["X-Api-Key"]
            )

    /// What operators may reach.
    let private operatorPaths = [ "/v1/inspect"; "/v1/models"; "/v1/statistics" ] |> List.map PathString

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

    /// Whatever the path, an answer is counted; what is under /v1 needs a key where there are keys.
    let private guard (app: WebApplication) options (telemetry: Telemetry) events =
        app.Use(
            Func<HttpContext, RequestDelegate, Task>(fun context next ->
                task {
                    context.Response.Headers.ContentSecurityPolicy <- StringValues "default-src 'self' 'unsafe-inline' data: blob:"
                    context.Response.Headers["X-Content-Type-Options"] <- StringValues "nosniff"

                    let request = context.Request
                    let isGuarded = request.Path.StartsWithSegments(PathString "/v1")
                    let isOpen = Option.isNone options.Keys && IPAddress.IsLoopback options.Address
                    let problem = if isGuarded then WebGuard.problem options.Web isOpen request else None

                    match problem, (if isGuarded then caller options context else Some { Name = ""; Role = Engineer }) with
                    | Some problem, _ -> do! Http.writeError context 403 problem
                    | None, None ->
                        context.Response.Headers.WWWAuthenticate <- StringValues "Bearer"
                        do! Http.writeError context 401 "a key is needed: Authorization: Bearer KEY"
                    | None, Some caller when
                        caller.Role = Operator
                        && not (operatorPaths |> List.exists (fun path -> request.Path.StartsWithSegments path))
                        ->
                        do! Http.writeError context 403 $"the key of {caller.Name} is for inspecting alone"
                    | None, Some _ -> do! catchAll events context next

                    telemetry.Answered context.Response.StatusCode
                })
        )
        |> ignore

    /// Files that were replaced are read again.
    let private refresh (models: ModelSlot list) (telemetry: Telemetry) (events: ServerEvents) =
        for model in models do
            match model.Refresh() with
            | Ok true ->
                telemetry.Replaced(model.Name, model.Current.Card.Fingerprint)
                events.Say $"model {model.Name} was replaced"
            | Ok false -> ()
            | Error reason -> events.Warn $"the new file of model {model.Name} is refused, the old one serves on: {reason}"

    /// The routes that only read.
    let private map
        (app: WebApplication)
        (options: ServerOptions)
        (models: ModelSlot list)
        (telemetry: Telemetry)
        (inspector: Inspector)
        stopping
        =
        let page, description = Http.resource "page.html", OpenApi.document ()

        let metrics (context: HttpContext) =
            context.Response.ContentType <- "text/plain; version=0.0.4; charset=utf-8"
            let scored = [ for model in models -> model.Name, heldOut model ]
            telemetry.Write(scored, inspector.Waiting, context.Response.Body)

        let route = Http.mapRead app
        route "/v1/models" (fun context -> Http.writeJson context 200 (List.map modelJson models))

        route "/v1/statistics" (fun context ->
            Http.writeJson context 200 [ for model in models -> telemetry.Statistics(model.Name, heldOut model) ])

        route "/health" (Http.text "text/plain" (fun () -> "alive\n"))

        route "/ready" (fun context ->
            let state =
                if stopping () then
                    "stopping\n"
                else
                    match inspector.StuckFor with
                    | stuck when stuck > options.Timeout -> $"no picture was finished for {stuck:F0} seconds\n"
                    | _ -> "ready\n"

            if state <> "ready\n" then context.Response.StatusCode <- 503
            Http.text "text/plain" (fun () -> state) context)

        route "/metrics" metrics
        route "/openapi.json" (Http.text "application/json" (fun () -> description))
        route "/" (Http.text "text/html; charset=utf-8" (fun () -> page))

    let private serve
        (options: ServerOptions)
        (models: ModelSlot list)
        (history: History option)
        (events: ServerEvents)
        (stop: CancellationToken)
        : Task =
        task {
            let telemetry = Telemetry()

            for model in models do
                telemetry.Serves(model.Name, model.Current.Card.Fingerprint)

            let inspector = Inspector(options.QueueCapacity, options.MaxBatch)
            use endpoint = new InspectEndpoint(options, models, telemetry, inspector, history, events.Warn)
            use app = build options
            guard app options telemetry events

            let stopping () = app.Lifetime.ApplicationStopping.IsCancellationRequested || stop.IsCancellationRequested

            map app options models telemetry inspector stopping
            app.MapPost("/v1/inspect", RequestDelegate endpoint.Inspect) |> ignore
            HistoryRoutes.map app history
            do! app.StartAsync CancellationToken.None

            match app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>() with
            | null -> ()
            | addresses -> Seq.iter events.Started addresses.Addresses

            while not (stopping ()) do
                refresh models telemetry events

                if inspector.StuckFor <= options.Timeout then events.Alive()

                try
                    do! Task.Delay(TimeSpan.FromSeconds 0.5, stop)
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

    /// Serves until it is asked to stop, then finishes what it took. An error
    /// is a history that cannot be opened.
    let run options models events stop : Result<unit, string> =
        let opened =
            match options.History with
            | None -> Ok None
            | Some(path, keep) -> History.Open(path, keep) |> Result.map Some

        opened
        |> Result.map (fun history ->
            try
                (serve options models history events stop).GetAwaiter().GetResult()
            finally
                history |> Option.iter (fun history -> history.Close().GetAwaiter().GetResult()))
