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
open Microsoft.AspNetCore.Http.Features
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

    let private hasKey (options: ServerOptions) (context: HttpContext) =
        match options.Keys with
        | None -> true
        | Some keys ->
            let bearer = string context.Request.Headers.Authorization

            keys.LetsIn(
                if bearer.StartsWith("Bearer ", StringComparison.Ordinal) then
                    bearer.Substring 7
                else
                    string context.Request.Headers["X-Api-Key"]
            )

    let private build (options: ServerOptions) =
        let builder = WebApplication.CreateSlimBuilder()
        builder.Logging.ClearProviders() |> ignore

        builder.WebHost.ConfigureKestrel(fun kestrel ->
            kestrel.AddServerHeader <- false
            kestrel.Limits.MaxRequestBodySize <- Nullable options.MaxBytes
            kestrel.Listen(options.Address, options.Port))
        |> ignore

        builder.Services.Configure<FormOptions>(fun (form: FormOptions) -> form.MultipartBodyLengthLimit <- options.MaxBytes)
        |> ignore

        builder.Build()

    /// A request that Kestrel finds broken as it is read gets its 4xx. An unexpected exception is logged, and the client gets a 500.
    let private catchAll (say: string -> unit) (context: HttpContext) (next: RequestDelegate) : Task =
        task {
            try
                do! next.Invoke context
            with
            | :? BadHttpRequestException as e when not context.Response.HasStarted -> do! Http.writeBroken context e
            | e when not context.RequestAborted.IsCancellationRequested ->
                say $"an unexpected error; please report it with these lines:\n{e}"

                if not context.Response.HasStarted then
                    do! Http.writeError context 500 "an unexpected error; the server's log has the details"
        }

    /// Whatever the path, an answer is counted; what is under /v1 needs a key where there are keys.
    let private guard (app: WebApplication) options (telemetry: Telemetry) say =
        app.Use(
            Func<HttpContext, RequestDelegate, Task>(fun context next ->
                task {
                    context.Response.Headers.ContentSecurityPolicy <- StringValues "default-src 'self' 'unsafe-inline' data: blob:"
                    context.Response.Headers["X-Content-Type-Options"] <- StringValues "nosniff"

                    if context.Request.Path.StartsWithSegments(PathString "/v1") && not (hasKey options context) then
                        context.Response.Headers.WWWAuthenticate <- StringValues "Bearer"
                        do! Http.writeError context 401 "a key is needed: Authorization: Bearer KEY"
                    else
                        do! catchAll say context next

                    telemetry.Answered context.Response.StatusCode
                })
        )
        |> ignore

    /// Files that were replaced are read again.
    let private refresh (models: ModelSlot list) (telemetry: Telemetry) say =
        for model in models do
            match model.Refresh() with
            | Ok true ->
                telemetry.Replaced model.Name
                say $"model {model.Name} was replaced"
            | Ok false -> ()
            | Error reason -> say $"warning: the new file of model {model.Name} is refused, the old one serves on: {reason}"

    /// The routes that only read.
    let private map (app: WebApplication) (models: ModelSlot list) (telemetry: Telemetry) (inspector: Inspector) stopping =
        let page, description = Http.resource "page.html", OpenApi.document ()

        let metrics (context: HttpContext) =
            context.Response.ContentType <- "text/plain; version=0.0.4; charset=utf-8"
            let scored = [ for model in models -> model.Name, heldOut model ]
            telemetry.Write(scored, inspector.Waiting, context.Response.Body)

        let route (path: string) (handle: HttpContext -> Task) = app.MapGet(path, RequestDelegate handle) |> ignore
        route "/v1/models" (fun context -> Http.writeJson context 200 (List.map modelJson models))

        route "/v1/statistics" (fun context ->
            Http.writeJson context 200 [ for model in models -> telemetry.Statistics(model.Name, heldOut model) ])

        route "/health" (Http.text "text/plain" (fun () -> "alive\n"))

        route "/ready" (fun context ->
            if stopping () then context.Response.StatusCode <- 503

            Http.text "text/plain" (fun () -> if stopping () then "stopping\n" else "ready\n") context)

        route "/metrics" metrics
        route "/openapi.json" (Http.text "application/json" (fun () -> description))
        route "/" (Http.text "text/html; charset=utf-8" (fun () -> page))

    let private serve
        (options: ServerOptions)
        (models: ModelSlot list)
        (history: History option)
        (say: string -> unit)
        (started: string -> unit)
        (stop: CancellationToken)
        : Task =
        task {
            let telemetry = Telemetry()
            let inspector = Inspector(options.QueueCapacity, options.MaxBatch)
            use endpoint = new InspectEndpoint(options, models, telemetry, inspector, history, say)
            use app = build options
            guard app options telemetry say

            let stopping () = app.Lifetime.ApplicationStopping.IsCancellationRequested || stop.IsCancellationRequested

            map app models telemetry inspector stopping
            app.MapPost("/v1/inspect", RequestDelegate endpoint.Inspect) |> ignore
            HistoryRoutes.map app history
            do! app.StartAsync CancellationToken.None

            match app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>() with
            | null -> ()
            | addresses -> Seq.iter started addresses.Addresses

            while not (stopping ()) do
                refresh models telemetry say

                try
                    do! Task.Delay(TimeSpan.FromSeconds 0.5, stop)
                with :? OperationCanceledException ->
                    ()

            say "stopping: what was taken is finished"
            use last = new CancellationTokenSource(TimeSpan.FromSeconds(options.Timeout + 5.0))
            do! app.StopAsync last.Token
            do! inspector.Close()
        }

    /// Serves until it is asked to stop, then finishes what it took. `started` gets the address; `say` what happens meanwhile. An error
    /// is a history that cannot be opened.
    let run options models say started stop : Result<unit, string> =
        let opened =
            match options.History with
            | None -> Ok None
            | Some(path, keep) -> History.Open(path, keep) |> Result.map Some

        opened
        |> Result.map (fun history ->
            try
                (serve options models history say started stop).GetAwaiter().GetResult()
            finally
                history |> Option.iter (fun history -> history.Close().GetAwaiter().GetResult()))
