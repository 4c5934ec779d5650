/// The live feed behind HTTP: GET /v1/live as server-sent events, and the pictures of what it tells.
namespace Fae.Server

open System
open System.Collections.Generic
open System.IO
open System.Text.Json
open System.Threading
open System.Threading.Tasks
open Fae.Detection
open Microsoft.AspNetCore.Builder
open Microsoft.AspNetCore.Http
open Microsoft.AspNetCore.Http.Features

/// The event "inspection".
[<NoComparison>]
type LiveInspectionJson =
    {
        Number: int64
        /// Of the history; left out where there is none.
        Id: Nullable<int64>
        Time: string
        Model: string
        Fingerprint: string
        Path: string
        Score: float32
        Threshold: float32
        PValue: float
        Anomalous: bool
        Width: int
        Height: int
        Regions: IReadOnlyList<RegionJson>
    }

/// The event "change".
[<NoComparison>]
type LiveChangeJson = { Model: string; Fingerprint: string; Who: string | null }

/// A model in the event "state".
[<NoComparison>]
type LiveModelJson = { Name: string; Fingerprint: string; Threshold: float32; DriftAlarm: bool }

/// The event "state", every two seconds.
[<NoComparison>]
type LiveStateJson =
    {
        Time: string
        /// When the shift began.
        Since: string
        Inspected: int64
        Anomalous: int64
        Models: LiveModelJson list
        /// Pictures that wait for the network.
        Waiting: int
    }

[<RequireQualifiedAccess>]
module internal LiveRoutes =
    /// Milliseconds after which a browser asks again when the connection is lost.
    let private retry = 1000

    let private inspectionJson (one: LiveInspection) : LiveInspectionJson =
        let record = one.Record

        {
            Number = one.Number
            Id = Option.toNullable one.Id
            Time = Http.instant record.Time
            Model = record.Model
            Fingerprint = record.Fingerprint
            Path = record.Name
            Score = record.Score
            Threshold = one.Threshold
            PValue = record.PValue
            Anomalous = record.Anomalous
            Width = record.Width
            Height = record.Height
            Regions = HistoryRoutes.regions record
        }

    /// One event as the standard writes it: JSON holds no line break.
    let private write (context: HttpContext) (name: string) (value: 'a) : Task =
        context.Response.WriteAsync($"event: {name}\ndata: {JsonSerializer.Serialize(value, FaeJson.Compact)}\n\n", context.RequestAborted)

    let private writeEvent context (state: unit -> LiveStateJson) event : Task =
        match event with
        | Clock -> write context "state" (state ())
        | Inspected one -> write context "inspection" (inspectionJson one)
        | Changed(model, fingerprint, who) ->
            let json: LiveChangeJson = { Model = model; Fingerprint = fingerprint; Who = Option.toObj who }
            write context "change" json

    let private follow (feed: LiveFeed) (state: unit -> LiveStateJson) (stopping: CancellationToken) (context: HttpContext) : Task =
        task {
            context.Response.ContentType <- "text/event-stream"
            context.Response.Headers.CacheControl <- "no-store"
            // nginx would collect events before it sends them.
            context.Response.Headers["X-Accel-Buffering"] <- "no"

            match context.Features.Get<IHttpResponseBodyFeature>() with
            | null -> ()
            | body -> body.DisableBuffering()

            use ended = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, stopping)
            let stop = ended.Token
            let struct (kept, events, leave) = feed.Subscribe()
            use _ = leave

            try
                do! context.Response.WriteAsync($"retry: {retry}\n\n", stop)
                do! write context "recent" (List.map inspectionJson kept)
                do! write context "state" (state ())
                let mutable go = true

                while go do
                    let! more = events.WaitToReadAsync stop
                    go <- more
                    let mutable event = Unchecked.defaultof<LiveEvent>

                    while events.TryRead &event do
                        do! writeEvent context state event
            with
            | :? OperationCanceledException
            | :? IOException -> ()
        }

    let private view (feed: LiveFeed) kind (choose: Views -> byte[]) (context: HttpContext) : Task =
        match feed.TryFind(Http.whole -1L (string context.Request.RouteValues["number"])) with
        | Some one -> Http.writeBytes context kind (choose one.Views.Value)
        | None -> Http.writeRefusal context { Status = 404; Reason = "the pictures of this inspection are not kept any more" }

    let map (app: WebApplication) (feed: LiveFeed) state =
        let route (path: string) handle = Http.mapRead app ("/v1/live" + path) handle
        route "" (follow feed state app.Lifetime.ApplicationStopping)
        route "/{number}/picture.jpg" (view feed "image/jpeg" _.Picture)
        route "/{number}/heatmap.png" (view feed "image/png" _.Heatmap)
        route "/{number}/mask.png" (view feed "image/png" _.Mask)
