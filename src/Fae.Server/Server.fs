/// The detector behind HTTP: POST /v1/inspect, GET /v1/models, /v1/statistics, /v1/history, /health, /ready, /metrics, /openapi.json, and a page at /.
namespace Fae.Server

open System
open System.Net
open System.Text.Json.Nodes
open System.Threading
open System.Threading.Tasks
open Fae.Core
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
            MostBytes = 32L * 1024L * 1024L
            MostPixels = 100_000_000L
            Room = 64
            Together = 8
            Patience = 30.0
            Keys = None
            History = None
        }

    let private modelsJson (models: Hosted list) =
        JsonArray(
            [|
                for model in models do
                    // What is known of a detector outlives it.
                    let detector = model.Current
                    let card, calibration = detector.Card, detector.Calibration
                    let json = JsonObject()
                    json["name"] <- JsonValue.Create model.Name
                    json["size"] <- JsonValue.Create card.Config.Image.Size
                    json["tile"] <- JsonValue.Create card.Config.Image.Tile
                    json["channels"] <- JsonValue.Create card.Channels
                    json["scoring"] <- JsonValue.Create(Calibrator.Describe calibration.Scoring)
                    json["threshold_image"] <- JsonValue.Create calibration.ImageThreshold
                    json["threshold_pixel"] <- JsonValue.Create calibration.PixelThreshold
                    json["fingerprint"] <- JsonValue.Create card.Fingerprint
                    json["false_alarm"] <- JsonValue.Create calibration.FalseAlarm

                    json["held_out"] <-
                        JsonArray(
                            [|
                                for s in Array.sort calibration.HeldOut -> JsonValue.Create s :> JsonNode | null
                            |]
                        )

                    json :> JsonNode | null
            |]
        )

    /// What came in since the start, model by model: how many, how many anomalous, the latest scores, and whether they look like the held-out ones.
    let private statisticsJson (models: Hosted list) (telemetry: Telemetry) =
        JsonArray(
            [|
                for model in models do
                    let struct (inspected, anomalous, latest) = telemetry.Counted model.Name
                    let json = JsonObject()
                    json["name"] <- JsonValue.Create model.Name
                    json["inspected"] <- JsonValue.Create inspected
                    json["anomalous"] <- JsonValue.Create anomalous
                    json["latest"] <- JsonArray([| for score in latest -> JsonValue.Create score :> JsonNode | null |])

                    match telemetry.Drift(model.Name, model.Current.Calibration.HeldOut) with
                    | Some drift ->
                        json["drift_significance"] <- JsonValue.Create drift.Significance
                        json["drift_alarm"] <- JsonValue.Create(drift.Significance < Drift.alarm)
                    | None -> ()

                    json :> JsonNode | null
            |]
        )

    let private letIn (options: ServerOptions) (context: HttpContext) =
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
            kestrel.Limits.MaxRequestBodySize <- Nullable options.MostBytes
            kestrel.Listen(options.Address, options.Port))
        |> ignore

        builder.Services.Configure<FormOptions>(fun (form: FormOptions) -> form.MultipartBodyLengthLimit <- options.MostBytes)
        |> ignore

        builder.Build()

    /// A request that Kestrel finds broken as it is read gets its 4xx. What nobody foresaw is a defect of ours: it is said, and the client gets an answer.
    let private foresee (say: string -> unit) (context: HttpContext) (next: RequestDelegate) : Task =
        task {
            try
                do! next.Invoke context
            with
            | :? BadHttpRequestException as e when not context.Response.HasStarted -> do! Http.writeBroken context e
            | e when not context.RequestAborted.IsCancellationRequested ->
                say $"an error that Fae did not foresee; please report it with these lines:\n{e}"

                if not context.Response.HasStarted then
                    do! Http.writeJson context 500 (Http.errorJson "an error that Fae did not foresee; the server's log says more")
        }

    /// Whatever the path, an answer is counted; what is under /v1 needs a key where there are keys.
    let private guard (app: WebApplication) options (telemetry: Telemetry) say =
        app.Use(
            Func<HttpContext, RequestDelegate, Task>(fun context next ->
                task {
                    context.Response.Headers.ContentSecurityPolicy <- StringValues "default-src 'self' 'unsafe-inline' data: blob:"
                    context.Response.Headers["X-Content-Type-Options"] <- StringValues "nosniff"

                    if
                        context.Request.Path.StartsWithSegments(PathString "/v1")
                        && not (letIn options context)
                    then
                        context.Response.Headers.WWWAuthenticate <- StringValues "Bearer"
                        do! Http.writeJson context 401 (Http.errorJson "a key is needed: Authorization: Bearer KEY")
                    else
                        do! foresee say context next

                    telemetry.Answered context.Response.StatusCode
                })
        )
        |> ignore

    /// Files that were replaced are read again.
    let private refresh (models: Hosted list) (telemetry: Telemetry) say =
        for model in models do
            match model.Refresh() with
            | Ok true ->
                telemetry.Replaced model.Name
                say $"model {model.Name} was replaced"
            | Ok false -> ()
            | Error reason -> say $"warning: the new file of model {model.Name} is refused, the old one serves on: {reason}"

    let private serve
        (options: ServerOptions)
        (models: Hosted list)
        (history: History option)
        (say: string -> unit)
        (started: string -> unit)
        (stop: CancellationToken)
        : Task =
        task {
            let telemetry = Telemetry()
            let inspector = Inspector(options.Room, options.Together)
            use desk = new Desk(options, models, telemetry, inspector, history, say)
            use app = build options
            let page, description = Http.resource "page.html", Http.resource "openapi.json"
            guard app options telemetry say

            let stopping () =
                app.Lifetime.ApplicationStopping.IsCancellationRequested
                || stop.IsCancellationRequested

            let metrics () =
                let tally (model: Hosted) = model.Name, model.Current.Calibration.HeldOut, model.Reloads
                telemetry.Write(List.map tally models, inspector.Waiting)

            let route (path: string) (handle: HttpContext -> Task) = app.MapGet(path, RequestDelegate handle) |> ignore
            app.MapPost("/v1/inspect", RequestDelegate desk.Inspect) |> ignore
            HistoryRoutes.map app history
            route "/v1/models" (fun context -> Http.writeJson context 200 (modelsJson models))
            route "/v1/statistics" (fun context -> Http.writeJson context 200 (statisticsJson models telemetry))
            route "/health" (Http.text "text/plain" (fun () -> "alive\n"))

            route "/ready" (fun context ->
                if stopping () then
                    context.Response.StatusCode <- 503

                Http.text "text/plain" (fun () -> if stopping () then "stopping\n" else "ready\n") context)

            route "/metrics" (Http.text "text/plain; version=0.0.4" metrics)
            route "/openapi.json" (Http.text "application/json" (fun () -> description))
            route "/" (Http.text "text/html; charset=utf-8" (fun () -> page))
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
            use last = new CancellationTokenSource(TimeSpan.FromSeconds(options.Patience + 5.0))
            do! app.StopAsync last.Token
            do! inspector.Close()
        }

    /// Serves until it is asked to stop, then finishes what it took. `started` gets the address; `say` what happens meanwhile. An error is a history that cannot be opened.
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
