/// POST /v1/inspect: pictures out of a request, through the queue, into an answer and the history.
namespace Fae.Server

open System
open System.Diagnostics
open System.IO
open System.Net
open System.Runtime.CompilerServices
open System.Text.Json.Nodes
open System.Threading
open System.Threading.Tasks
open Fae.Core
open Fae.Data
open Fae.Detection
open Fae.Report
open Microsoft.AspNetCore.Http
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
        /// Where inspections are kept, and how many of them.
        History: (string * Retention) option
    }

/// A picture's answer.
[<NoComparison; NoEquality>]
type private Answer =
    {
        Picture: Picture
        Finding: Finding
        Threshold: float32
        /// Made when they are first asked for, by the history or by the answer.
        Views: Lazy<Views>
        /// In the history, where there is one.
        Id: int64 option
    }

[<RequireQualifiedAccess>]
module private Body =
    /// The pictures in a request's body: the parts named `image` of a form, or the body itself.
    let pictures (context: HttpContext) (stop: CancellationToken) : Task<Result<(string * byte[]) list, Refusal>> =
        task {
            let request = context.Request

            // `curl --data-binary` calls any body an urlencoded form; a picture is none.
            let isForm =
                (string request.ContentType).StartsWith("multipart/form-data", StringComparison.OrdinalIgnoreCase)

            if isForm && not request.HasFormContentType then
                return Http.refuse 400 "the form's Content-Type cannot be read"
            elif isForm then
                let! form = request.ReadFormAsync stop

                match
                    [
                        for file in form.Files do
                            if file.Name = "image" then
                                file
                    ]
                with
                | [] -> return Http.refuse 400 "the form has no part named 'image' with a picture in it"
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
                    return Http.refuse 400 "the body is empty; send a picture, or a form with the part 'image'"
                else
                    return Ok [ "image", buffer.ToArray() ]
        }

[<RequireQualifiedAccess>]
module private Seen =
    /// What there is to see of a finding, at the size that the network saw.
    let views (threshold: float32) (picture: Picture) (finding: Finding) =
        {
            Picture = ImageFile.toJpeg picture.Image
            Reconstruction = ImageFile.toJpeg finding.Reconstruction
            Heatmap = ImageFile.toPng (Colour.heatmap threshold finding.Heatmap)
            Mask = ImageFile.toPng (Image.map (fun v -> if v >= threshold then 1.0f else 0.0f) finding.Heatmap)
        }

    let private dataUrl kind (bytes: byte[]) = $"data:{kind};base64,{Convert.ToBase64String bytes}"

    let heatmapUrl threshold picture finding = dataUrl "image/png" (Findings.heatmap threshold picture finding)

    /// The views as data URLs.
    let toJson (views: Views) =
        let json = JsonObject()
        json["picture"] <- JsonValue.Create(dataUrl "image/jpeg" views.Picture)
        json["reconstruction"] <- JsonValue.Create(dataUrl "image/jpeg" views.Reconstruction)
        json["heatmap"] <- JsonValue.Create(dataUrl "image/png" views.Heatmap)
        json["mask"] <- JsonValue.Create(dataUrl "image/png" views.Mask)
        json

/// Where pictures are handed in. `say` gets what a person should know.
type private Desk
    (options: ServerOptions, models: Hosted list, telemetry: Telemetry, inspector: Inspector, history: History option, say: string -> unit)
    =
    // A body is read and decoded only while there is room for its pictures; decoding takes a core each.
    let admitted = new SemaphoreSlim(options.Room + options.Together)
    let decoding = new SemaphoreSlim(Environment.ProcessorCount)
    // As long as the detector that they are of.
    let lookouts = ConditionalWeakTable<Detector, Lookout>()

    let lookout (model: Hosted) (detector: Detector) =
        lookouts.GetValue(
            detector,
            fun detector ->
                Lookout(detector.Card, detector.Calibration.HeldOut, (fun remark -> say $"warning: model {model.Name}: {remark}"))
        )

    let hosted (context: HttpContext) =
        match string context.Request.Query["model"] with
        | "" -> Ok(List.head models)
        | name ->
            match models |> List.tryFind (fun m -> m.Name = name) with
            | Some model -> Ok model
            | None ->
                let names = models |> List.map _.Name |> String.concat ", "
                Http.refuse 404 $"there is no model '{name}'; there are {names}"

    /// Into the history; an inspection that cannot be kept is answered all the same.
    let record (model: Hosted) (card: ModelCard) name (picture: Picture) (finding: Finding) (views: Lazy<Views>) : Task<int64 option> =
        task {
            match history with
            | None -> return None
            | Some history ->
                try
                    let record =
                        {
                            Id = 0L
                            Time = DateTimeOffset.UtcNow
                            Model = model.Name
                            Fingerprint = card.Fingerprint
                            Name = name
                            Score = finding.Verdict.Score
                            PValue = finding.Verdict.PValue
                            Anomalous = finding.Verdict.Anomalous
                            Width = picture.OriginalWidth
                            Height = picture.OriginalHeight
                            Regions = (Findings.regionsJson picture finding).ToJsonString()
                            Mark = None
                        }

                    let! id = history.Add(record, views.Value)
                    return Some id
                with :? Microsoft.Data.Sqlite.SqliteException as e ->
                    say $"warning: an inspection is not in the history: {e.Message}"
                    return None
        }

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
                        | Error problem -> Http.refuse 400 $"{name}: {problem.Reason}"
                        | Ok pixels when pixels > options.MostPixels ->
                            Http.refuse 413 $"{name}: has {pixels} pixels; at most {options.MostPixels} are looked at"
                        | Ok _ ->
                            match
                                ImageFile.prepareBytes card.Config card.Channels name bytes
                                |> Result.bind (ImageFile.fits card.Ignore name)
                            with
                            | Error problem -> Http.refuse 400 $"{name}: {problem.Reason}"
                            | Ok picture -> Ok picture
                    finally
                        decoding.Release() |> ignore

                match prepared with
                | Error refusal -> return Error refusal
                | Ok picture ->
                    taken <- false

                    match inspector.TryInspect(lease, picture.Image, stop) with
                    | None -> return Http.refuse 429 "too many pictures wait; try again a little later"
                    | Some finding ->
                        let! finding = finding
                        telemetry.Inspected(model.Name, finding.Verdict, clock.Elapsed.TotalSeconds)
                        (lookout model lease.Detector).Saw(finding.Verdict.Score, (fun () -> ImageFile.bytesHaveColour name bytes))
                        let threshold = lease.Detector.Calibration.PixelThreshold
                        let views = lazy Seen.views threshold picture finding
                        let! id = record model card name picture finding views

                        return
                            Ok
                                {
                                    Picture = picture
                                    Finding = finding
                                    Threshold = threshold
                                    Views = views
                                    Id = id
                                }
            finally
                if taken then
                    lease.GiveBack()
        }

    let answerJson (model: Hosted) (context: HttpContext) name (answer: Answer) =
        let asked (name: string) = string context.Request.Query[name] = "1"
        let threshold, picture, finding = answer.Threshold, answer.Picture, answer.Finding

        let heatmap: string | null =
            if asked "heatmap" then
                Seen.heatmapUrl threshold picture finding
            else
                null

        let json = Findings.toJson name picture finding heatmap
        json["model"] <- JsonValue.Create model.Name
        json["width"] <- JsonValue.Create picture.OriginalWidth
        json["height"] <- JsonValue.Create picture.OriginalHeight
        answer.Id |> Option.iter (fun id -> json["id"] <- JsonValue.Create id)

        if asked "views" then
            json["views"] <- Seen.toJson answer.Views.Value

        json

    /// One picture: its finding, or as a heatmap alone.
    let writeOne (context: HttpContext) (model: Hosted) name (answer: Answer) : Task =
        if (string context.Request.Headers.Accept).StartsWith "image/png" then
            let verdict = answer.Finding.Verdict
            let png = Findings.heatmap answer.Threshold answer.Picture answer.Finding
            context.Response.Headers["Fae-Score"] <- StringValues(string verdict.Score)
            context.Response.Headers["Fae-P-Value"] <- StringValues(string verdict.PValue)
            context.Response.Headers["Fae-Anomalous"] <- StringValues(if verdict.Anomalous then "true" else "false")
            Http.writeBytes context "image/png" png
        else
            Http.writeJson context 200 (answerJson model context name answer)

    let inspect (context: HttpContext) : Task =
        task {
            if not (admitted.Wait 0) then
                do!
                    Http.writeRefusal
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
                        match hosted context with
                        | Error refusal -> do! Http.writeRefusal context refusal
                        | Ok model ->
                            match! Body.pictures context limit.Token with
                            | Error refusal -> do! Http.writeRefusal context refusal
                            | Ok [ (name, _) as one ] ->
                                match! inspectOne model one limit.Token with
                                | Ok answer -> do! writeOne context model name answer
                                | Error refusal -> do! Http.writeRefusal context refusal
                            | Ok several ->
                                let! answers =
                                    several
                                    |> List.map (fun one -> inspectOne model one limit.Token)
                                    |> Task.WhenAll

                                let results =
                                    Seq.zip several answers
                                    |> Seq.map (fun ((name, _), answer) ->
                                        match answer with
                                        | Ok answer -> answerJson model context name answer :> JsonNode | null
                                        | Error refusal ->
                                            let json = Http.errorJson refusal.Reason
                                            json["path"] <- JsonValue.Create name
                                            json["status"] <- JsonValue.Create refusal.Status
                                            json)

                                let json = JsonObject()
                                json["results"] <- JsonArray(Array.ofSeq results)
                                do! Http.writeJson context 200 json
                    with
                    | :? BadHttpRequestException as e -> do! Http.writeBroken context e
                    | :? InvalidDataException as e when e.Message.Contains "limit" ->
                        do! Http.writeJson context 413 (Http.errorJson e.Message)
                    | :? InvalidDataException
                    | :? IOException when not context.RequestAborted.IsCancellationRequested ->
                        do! Http.writeJson context 400 (Http.errorJson "the body is not what its headers say, or was cut off")
                    | :? OperationCanceledException when not context.RequestAborted.IsCancellationRequested ->
                        do! Http.writeJson context 503 (Http.errorJson $"not done within {options.Patience} seconds")
                    | :? OperationCanceledException
                    | :? IOException -> ()
                finally
                    admitted.Release() |> ignore
        }

    member _.Inspect(context: HttpContext) : Task = inspect context

    interface IDisposable with
        member _.Dispose() =
            admitted.Dispose()
            decoding.Dispose()
