/// The detector behind HTTP: POST /v1/inspect, GET /v1/models, /health, /ready, /metrics, /openapi.json, and a page at /.
namespace Fae.Server

open System
open System.Diagnostics
open System.IO
open System.Net
open System.Text.Json.Nodes
open System.Threading
open System.Threading.Tasks
open Fae.Core
open Fae.Data
open Fae.Detection
open Fae.Report
open Microsoft.AspNetCore.Builder
open Microsoft.AspNetCore.Hosting
open Microsoft.AspNetCore.Hosting.Server
open Microsoft.AspNetCore.Hosting.Server.Features
open Microsoft.AspNetCore.Http
open Microsoft.AspNetCore.Http.Features
open Microsoft.Extensions.DependencyInjection
open Microsoft.Extensions.Logging
open Microsoft.Extensions.Primitives

type ServerOptions =
    {
        Address: IPAddress
        /// 0: any free one.
        Port: int
        /// Of a request's body, and of a picture.
        MostBytes: int64
        MostPixels: int64
        /// Pictures that may wait for the network; requests beyond are answered 429.
        Room: int
        /// Pictures that the network gets at once.
        Together: int
        /// Seconds after which a request is given up.
        Patience: float
        Keys: Keys option
    }

/// Why a request gets no finding: the status and a line.
type private Refusal = { Status: int; Reason: string }

/// A picture's answer.
[<NoComparison; NoEquality>]
type private Answer =
    {
        Picture: Picture
        Finding: Finding
        Threshold: float32
    }

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
        }

    let private refuse status reason = Error { Status = status; Reason = reason }

    let private writeJson (context: HttpContext) status (json: JsonNode) : Task =
        context.Response.StatusCode <- status
        context.Response.ContentType <- "application/json; charset=utf-8"
        context.Response.WriteAsync(json.ToJsonString(), context.RequestAborted)

    let private errorJson reason =
        let json = JsonObject()
        json["error"] <- JsonValue.Create(reason: string)
        json

    let private writeRefusal (context: HttpContext) (refusal: Refusal) : Task =
        if refusal.Status = 429 then
            context.Response.Headers.RetryAfter <- StringValues "1"

        writeJson context refusal.Status (errorJson refusal.Reason)

    let private resource (name: string) =
        match Files.embedded (Reflection.Assembly.GetExecutingAssembly()) name with
        | Some text -> text
        | None -> invalidOp $"the assembly lacks {name}"

    /// The pictures in a request's body: the parts named `image` of a form, or the body itself.
    let private pictures (context: HttpContext) (stop: CancellationToken) : Task<Result<(string * byte[]) list, Refusal>> =
        task {
            let request = context.Request

            if request.HasFormContentType then
                let! form = request.ReadFormAsync stop

                match
                    [
                        for file in form.Files do
                            if file.Name = "image" then
                                file
                    ]
                with
                | [] -> return refuse 400 "the form has no part named 'image' with a picture in it"
                | files ->
                    let! read =
                        files
                        |> List.map (fun file ->
                            task {
                                use buffer = new MemoryStream(int file.Length)
                                do! file.CopyToAsync(buffer, stop)
                                return file.FileName, buffer.ToArray()
                            })
                        |> Task.WhenAll

                    return Ok(List.ofArray read)
            else
                use buffer = new MemoryStream()
                do! request.Body.CopyToAsync(buffer, stop)

                if buffer.Length = 0L then
                    return refuse 400 "the body is empty; send a picture, or a form with the part 'image'"
                else
                    return Ok [ "image", buffer.ToArray() ]
        }

    /// Serves until it is asked to stop, then finishes what it took. `started` gets the address; `say` what happens meanwhile.
    let run
        (options: ServerOptions)
        (models: Hosted list)
        (say: string -> unit)
        (started: string -> unit)
        (stop: CancellationToken)
        : Task =
        task {
            let builder = WebApplication.CreateSlimBuilder()
            builder.Logging.ClearProviders() |> ignore

            builder.WebHost.ConfigureKestrel(fun kestrel ->
                kestrel.AddServerHeader <- false
                kestrel.Limits.MaxRequestBodySize <- Nullable options.MostBytes
                kestrel.Listen(options.Address, options.Port))
            |> ignore

            builder.Services.Configure<FormOptions>(fun (form: FormOptions) -> form.MultipartBodyLengthLimit <- options.MostBytes)
            |> ignore

            let telemetry = Telemetry()
            let inspector = Inspector(options.Room, options.Together)
            // A body is read and decoded only while there is room for its pictures; decoding takes a core each.
            use admitted = new SemaphoreSlim(options.Room + options.Together)
            use decoding = new SemaphoreSlim(Environment.ProcessorCount)

            let hosted (context: HttpContext) =
                match string context.Request.Query["model"] with
                | "" -> Ok(List.head models)
                | name ->
                    match models |> List.tryFind (fun m -> m.Name = name) with
                    | Some model -> Ok model
                    | None ->
                        let names = models |> List.map _.Name |> String.concat ", "
                        refuse 404 $"there is no model '{name}'; there are {names}"

            let inspectOne (model: Hosted) (name: string, bytes: byte[]) (stop: CancellationToken) : Task<Result<Answer, Refusal>> =
                task {
                    let clock = Stopwatch.StartNew()
                    let lease = model.Take()
                    let card = lease.Detector.Card
                    let mutable taken = true

                    try
                        do! decoding.WaitAsync stop

                        let prepared =
                            try
                                match ImageFile.pixelsOf name bytes with
                                | Error problem -> refuse 400 $"{name}: {problem.Reason}"
                                | Ok pixels when pixels > options.MostPixels ->
                                    refuse 413 $"{name}: has {pixels} pixels; at most {options.MostPixels} are looked at"
                                | Ok _ ->
                                    match ImageFile.prepareBytes card.Config card.Channels name bytes with
                                    | Error problem -> refuse 400 $"{name}: {problem.Reason}"
                                    | Ok picture ->
                                        match card.Ignore with
                                        | NonNull mask when (mask.Height, mask.Width) <> (picture.Image.Height, picture.Image.Width) ->
                                            refuse 400 $"{name}: is not of the shape of the mask that says what this model ignores"
                                        | _ -> Ok picture
                            finally
                                decoding.Release() |> ignore

                        match prepared with
                        | Error refusal -> return Error refusal
                        | Ok picture ->
                            taken <- false

                            match inspector.TryInspect(lease, picture.Image, stop) with
                            | None -> return refuse 429 "too many pictures wait; try again a little later"
                            | Some finding ->
                                let! finding = finding
                                telemetry.Inspected(model.Name, finding.Verdict, clock.Elapsed.TotalSeconds)

                                return
                                    Ok
                                        {
                                            Picture = picture
                                            Finding = finding
                                            Threshold = lease.Detector.Calibration.PixelThreshold
                                        }
                    finally
                        if taken then
                            lease.GiveBack()
                }

            let answerJson (model: Hosted) withHeatmap name (answer: Answer) =
                let heatmap: string | null =
                    if withHeatmap then
                        "data:image/png;base64,"
                        + Convert.ToBase64String(Findings.heatmap answer.Threshold answer.Picture answer.Finding)
                    else
                        null

                let json = Findings.toJson name answer.Picture answer.Finding heatmap
                json["model"] <- JsonValue.Create model.Name
                json["width"] <- JsonValue.Create answer.Picture.OriginalWidth
                json["height"] <- JsonValue.Create answer.Picture.OriginalHeight
                json

            /// One picture: its finding, or as a heatmap alone.
            let writeOne (context: HttpContext) (model: Hosted) withHeatmap name (answer: Answer) : Task =
                if (string context.Request.Headers.Accept).StartsWith "image/png" then
                    let verdict = answer.Finding.Verdict
                    let png = Findings.heatmap answer.Threshold answer.Picture answer.Finding
                    context.Response.ContentType <- "image/png"
                    context.Response.Headers["Fae-Score"] <- StringValues(string verdict.Score)
                    context.Response.Headers["Fae-P-Value"] <- StringValues(string verdict.PValue)
                    context.Response.Headers["Fae-Anomalous"] <- StringValues(if verdict.Anomalous then "true" else "false")
                    context.Response.Body.WriteAsync(png, 0, png.Length, context.RequestAborted)
                else
                    writeJson context 200 (answerJson model withHeatmap name answer)

            let inspect (context: HttpContext) : Task =
                task {
                    if not (admitted.Wait 0) then
                        do!
                            writeRefusal
                                context
                                {
                                    Status = 429
                                    Reason = "too many requests wait; try again a little later"
                                }
                    else
                        use limit = CancellationTokenSource.CreateLinkedTokenSource context.RequestAborted
                        limit.CancelAfter(TimeSpan.FromSeconds options.Patience)

                        try
                            try
                                let withHeatmap = (string context.Request.Query["heatmap"]) = "1"

                                match hosted context with
                                | Error refusal -> do! writeRefusal context refusal
                                | Ok model ->
                                    match! pictures context limit.Token with
                                    | Error refusal -> do! writeRefusal context refusal
                                    | Ok [ (name, _) as one ] ->
                                        match! inspectOne model one limit.Token with
                                        | Ok answer -> do! writeOne context model withHeatmap name answer
                                        | Error refusal -> do! writeRefusal context refusal
                                    | Ok several ->
                                        let! answers =
                                            several
                                            |> List.map (fun one -> inspectOne model one limit.Token)
                                            |> Task.WhenAll

                                        let results =
                                            Seq.zip several answers
                                            |> Seq.map (fun ((name, _), answer) ->
                                                match answer with
                                                | Ok answer -> answerJson model withHeatmap name answer :> JsonNode | null
                                                | Error refusal ->
                                                    let json = errorJson refusal.Reason
                                                    json["path"] <- JsonValue.Create name
                                                    json["status"] <- JsonValue.Create refusal.Status
                                                    json)

                                        let json = JsonObject()
                                        json["results"] <- JsonArray(Array.ofSeq results)
                                        do! writeJson context 200 json
                            with
                            | :? BadHttpRequestException as e -> do! writeJson context e.StatusCode (errorJson e.Message)
                            | :? InvalidDataException as e when e.Message.Contains "limit" ->
                                do! writeJson context 413 (errorJson e.Message)
                            | :? InvalidDataException
                            | :? IOException when not context.RequestAborted.IsCancellationRequested ->
                                do! writeJson context 400 (errorJson "the body is not what its headers say, or was cut off")
                            | :? OperationCanceledException when not context.RequestAborted.IsCancellationRequested ->
                                do! writeJson context 503 (errorJson $"not done within {options.Patience} seconds")
                            | :? OperationCanceledException
                            | :? IOException -> ()
                        finally
                            admitted.Release() |> ignore
                }

            let modelsJson () =
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

            let metrics () =
                let tally (model: Hosted) = model.Name, model.Current.Calibration.HeldOut, model.Reloads
                telemetry.Write(List.map tally models, inspector.Waiting)

            use app = builder.Build()

            let text (kind: string) (what: unit -> string) (context: HttpContext) : Task =
                context.Response.ContentType <- kind
                context.Response.WriteAsync(what (), context.RequestAborted)

            let page, description = resource "page.html", resource "openapi.json"

            let letIn (context: HttpContext) =
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

            // Whatever the path, an answer is counted; what is under /v1 needs a key where there are keys.
            app.Use(
                Func<HttpContext, RequestDelegate, Task>(fun context next ->
                    task {
                        context.Response.Headers.ContentSecurityPolicy <- StringValues "default-src 'self' 'unsafe-inline' data: blob:"

                        context.Response.Headers["X-Content-Type-Options"] <- StringValues "nosniff"

                        if context.Request.Path.StartsWithSegments(PathString "/v1") && not (letIn context) then
                            context.Response.Headers.WWWAuthenticate <- StringValues "Bearer"
                            do! writeJson context 401 (errorJson "a key is needed: Authorization: Bearer KEY")
                        else
                            do! next.Invoke context

                        telemetry.Answered context.Response.StatusCode
                    })
            )
            |> ignore

            let stopping () =
                app.Lifetime.ApplicationStopping.IsCancellationRequested
                || stop.IsCancellationRequested

            let route (path: string) (handle: HttpContext -> Task) = app.MapGet(path, RequestDelegate handle) |> ignore
            app.MapPost("/v1/inspect", RequestDelegate inspect) |> ignore
            route "/v1/models" (fun context -> writeJson context 200 (modelsJson ()))
            route "/health" (text "text/plain" (fun () -> "alive\n"))

            route "/ready" (fun context ->
                if stopping () then
                    context.Response.StatusCode <- 503

                text "text/plain" (fun () -> if stopping () then "stopping\n" else "ready\n") context)

            route "/metrics" (text "text/plain; version=0.0.4" metrics)
            route "/openapi.json" (text "application/json" (fun () -> description))
            route "/" (text "text/html; charset=utf-8" (fun () -> page))
            do! app.StartAsync CancellationToken.None

            match app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>() with
            | null -> ()
            | addresses -> Seq.iter started addresses.Addresses

            // Until it is asked to stop, files that were replaced are read again.
            while not (stopping ()) do
                for model in models do
                    match model.Refresh() with
                    | Ok true ->
                        telemetry.Replaced model.Name
                        say $"model {model.Name} was replaced"
                    | Ok false -> ()
                    | Error reason -> say $"warning: the new file of model {model.Name} is refused, the old one serves on: {reason}"

                try
                    do! Task.Delay(TimeSpan.FromSeconds 0.5, stop)
                with :? OperationCanceledException ->
                    ()

            say "stopping: what was taken is finished"
            use last = new CancellationTokenSource(TimeSpan.FromSeconds(options.Patience + 5.0))
            do! app.StopAsync last.Token
            do! inspector.Close()
        }
