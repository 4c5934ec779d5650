/// The routes that only read, and what viewers of the live feed are told every few seconds.
namespace Fae.Server

open System
open Fae.Detection
open Microsoft.AspNetCore.Builder
open Microsoft.AspNetCore.Http

[<RequireQualifiedAccess>]
module internal ReadRoutes =
    let private modelJson (model: ModelSlot) : ModelJson =
        let card, calibration = model.Version.Card, model.Version.Calibration

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
            Loaded = model.IsLoaded
        }

    let private heldOut (model: ModelSlot) = model.Version.Calibration.HeldOut

    let map (app: WebApplication) (options: ServerOptions) (models: ModelSet) (telemetry: Telemetry) (inspector: Inspector) stopping =
        let description = OpenApi.document ()

        let metrics (context: HttpContext) =
            context.Response.ContentType <- "text/plain; version=0.0.4; charset=utf-8"
            let scored = [ for model in models.All -> model.Name, heldOut model ]
            let loaded = models.All |> List.filter _.IsLoaded |> List.length
            telemetry.Write(scored, loaded, inspector.Waiting, context.Response.Body)

        let route = Http.mapRead app
        route "/v1/models" (fun context -> Http.writeJson context 200 (List.map modelJson models.All))

        route "/v1/statistics" (fun context ->
            Http.writeJson context 200 [ for model in models.All -> telemetry.Statistics(model.Name, heldOut model) ])

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
        WebPages.map app options.HasStudio

    /// What viewers are shown besides inspections.
    let liveState (models: ModelSet) (telemetry: Telemetry) (feed: LiveFeed) (inspector: Inspector) () : LiveStateJson =
        let counts = feed.Counts

        {
            Time = Http.instant DateTimeOffset.UtcNow
            Since = Http.instant counts.Since
            Inspected = counts.Inspected
            Anomalous = counts.Anomalous
            Models =
                [
                    for model in models.All ->
                        {
                            Name = model.Name
                            Fingerprint = model.Version.Card.Fingerprint
                            Threshold = model.Version.Calibration.ImageThreshold
                            DriftAlarm = telemetry.DriftAlarm(model.Name, heldOut model)
                        }
                ]
            Waiting = inspector.Waiting
        }
