/// POST /v1/inspect: pictures out of a request, through the queue, into an answer and the history.
namespace Fae.Server

open System
open System.Diagnostics
open System.IO
open System.Runtime.CompilerServices
open System.Threading
open System.Threading.Tasks
open Fae.Core
open Fae.Detection
open Fae.Imaging
open Microsoft.AspNetCore.Http
open Microsoft.Extensions.Primitives

/// A picture's answer.
[<NoComparison; NoEquality>]
type private Answer =
    {
        Picture: Picture
        Finding: Finding
        Calibration: Calibration
        Fingerprint: string
        /// Made on first use, by the history or the answer.
        Views: Lazy<Views>
        /// In the history, where there is one.
        Id: int64 option
    }

/// Handles POST /v1/inspect.
type private InspectEndpoint(options: ServerOptions, models: ModelSet, inspector: Inspector, log: InspectionLog, warn: string -> unit) =
    // A body is read and decoded only while there is room for its pictures; decoding takes a core each.
    let admitted = new SemaphoreSlim(options.QueueCapacity + options.MaxBatch)
    let decoding = new SemaphoreSlim(Environment.ProcessorCount)
    let budget = PixelBudget options.MaxPixels
    // As long as the version of the model that they are of.
    let monitors = ConditionalWeakTable<ModelVersion, DriftMonitor>()

    let monitor (model: ModelSlot) (version: ModelVersion) =
        monitors.GetValue(
            version,
            fun version -> DriftMonitor(version.Card, version.Calibration.HeldOut, (fun warning -> warn $"model {model.Name}: {warning}"))
        )

    /// A network that is not in memory is read on another thread than the request's.
    let take (model: ModelSlot) : Task<Result<ModelLease, string>> =
        match model.TryTake() with
        | Some lease -> Task.FromResult(Ok lease)
        | None -> Task.Run<Result<ModelLease, string>>(fun () -> models.Take model)

    let hosted (context: HttpContext) =
        match string context.Request.Query["model"] with
        | "" ->
            match models.All with
            | first :: _ -> Ok first
            | [] -> Http.refuse 404 "there is no model yet; publish one"
        | name ->
            match models.TryFind name with
            | Some model -> Ok model
            | None ->
                let names = models.All |> List.map _.Name |> String.concat ", "
                Http.refuse 404 $"there is no model '{name}'; there are {names}"

    /// By this lease, which is released; `clock` since the picture came.
    let inspectBy (lease: ModelLease) (clock: Stopwatch) (model: ModelSlot) (name: string, bytes: byte[]) (stop: CancellationToken) =
        task {
            // Its threshold may be set anew at any time: this picture has the one of now.
            let detector = lease.Detector
            let card = detector.Card
            let mutable taken = true

            try
                do! decoding.WaitAsync stop

                let decode () : Result<Picture, Refusal> =
                    use _ = inspector.Work()

                    try
                        match ImageDecoder.pixelCount name bytes with
                        | Error problem -> Http.refuse 400 $"{name}: {problem.Reason}"
                        | Ok pixels when pixels > options.MaxPixels ->
                            Http.refuse 413 $"{name}: has {pixels} pixels; the limit is {options.MaxPixels}"
                        | Ok pixels ->
                            use _ = budget.Take pixels

                            match ImagePreparation.ofBytes card.Config card.Channels card.Ignore name bytes with
                            | Error problem -> Http.refuse 400 $"{name}: {problem.Reason}"
                            | Ok picture -> Ok picture
                    finally
                        decoding.Release() |> ignore

                // A request that is given up is answered at once; what it decodes ends by itself and then lets the next one in.
                let! prepared = Task.Run<Result<Picture, Refusal>>(decode).WaitAsync stop

                match prepared with
                | Error refusal -> return Error refusal
                | Ok picture ->
                    taken <- false

                    match inspector.TryInspect(lease, detector, picture.Image, stop) with
                    | None -> return Http.refuse 429 "too many pictures wait; try again a little later"
                    | Some finding ->
                        let! finding = finding

                        (monitor model lease.Version)
                            .Observe(
                                finding.Prediction.Score,
                                picture,
                                (fun () -> ImageDecoder.bytesHaveColour card.Config.Image.Values name bytes)
                            )

                        let calibration = detector.Calibration

                        let! struct (id, views) =
                            log.Add
                                {
                                    Model = model.Name
                                    Card = card
                                    Calibration = calibration
                                    Name = name
                                    Picture = picture
                                    Finding = finding
                                    Seconds = clock.Elapsed.TotalSeconds
                                }

                        return
                            Ok
                                {
                                    Picture = picture
                                    Finding = finding
                                    Calibration = calibration
                                    Fingerprint = card.Fingerprint
                                    Views = views
                                    Id = id
                                }
            finally
                if taken then lease.Release()
        }

    let inspectOne (model: ModelSlot) named (stop: CancellationToken) : Task<Result<Answer, Refusal>> =
        task {
            let clock = Stopwatch.StartNew()
            use _ = inspector.Work()

            match! take model with
            | Ok lease -> return! inspectBy lease clock model named stop
            | Error reason -> return Http.refuse 503 $"model {model.Name} cannot be read: {reason}"
        }

    let answerJson (model: ModelSlot) (context: HttpContext) name (answer: Answer) =
        let query (name: string) = string context.Request.Query[name] = "1"
        let threshold, picture, finding = answer.Calibration.PixelThreshold, answer.Picture, answer.Finding

        let heatmap: string | null = if query "heatmap" then InspectionViews.heatmapUrl threshold picture finding else null

        let views: Collections.Generic.IReadOnlyDictionary<string, string> | null =
            if query "views" then InspectionViews.urls answer.Views.Value else null

        InspectionJson(
            name,
            picture,
            finding,
            answer.Calibration,
            answer.Fingerprint,
            Heatmap = heatmap,
            Model = model.Name,
            Width = Nullable picture.OriginalWidth,
            Height = Nullable picture.OriginalHeight,
            Id = Option.toNullable answer.Id,
            Views = views
        )

    /// One picture: its finding, or as a heatmap alone.
    let writeOne (context: HttpContext) (model: ModelSlot) name (answer: Answer) : Task =
        let prediction = answer.Finding.Prediction

        for name, value in
            [
                "Fae-Score", string prediction.Score
                "Fae-P-Value", string prediction.PValue
                "Fae-Anomalous", (if prediction.Anomalous then "true" else "false")
                "Fae-Threshold", string answer.Calibration.ImageThreshold
                "Fae-Model", Uri.EscapeDataString model.Name
                "Fae-Fingerprint", answer.Fingerprint
            ] do
            context.Response.Headers[name] <- StringValues value

        if (string context.Request.Headers.Accept).StartsWith "image/png" then
            let png = Findings.HeatmapPng(answer.Calibration.PixelThreshold, answer.Picture, answer.Finding)
            Http.writeBytes context "image/png" png
        else
            Http.writeJson context 200 (answerJson model context name answer)

    let inspect (context: HttpContext) : Task =
        task {
            if not (admitted.Wait 0) then
                do! Http.writeRefusal context { Status = 429; Reason = "too many requests wait; try again a little later" }
            else
                use limit = CancellationTokenSource.CreateLinkedTokenSource context.RequestAborted
                limit.CancelAfter(TimeSpan.FromSeconds options.Timeout)

                try
                    try
                        match hosted context with
                        | Error refusal -> do! Http.writeRefusal context refusal
                        | Ok model ->
                            match! RequestImages.read context limit.Token with
                            | Error refusal -> do! Http.writeRefusal context refusal
                            | Ok [ (name, _) as one ] ->
                                match! inspectOne model one limit.Token with
                                | Ok answer -> do! writeOne context model name answer
                                | Error refusal -> do! Http.writeRefusal context refusal
                            | Ok several ->
                                let! answers = several |> List.map (fun one -> inspectOne model one limit.Token) |> Task.WhenAll

                                let result (name: string, _) (answer: Result<Answer, Refusal>) : obj =
                                    match answer with
                                    | Ok answer -> answerJson model context name answer
                                    | Error refusal ->
                                        let json: RefusedJson = { Error = refusal.Reason; Path = name; Status = refusal.Status }
                                        json

                                do! Http.writeJson context 200 { Results = Array.map2 result (Array.ofList several) answers }
                    with
                    | :? BadHttpRequestException as e -> do! Http.writeBroken context e
                    | :? InvalidDataException as e when e.Message.Contains "limit" -> do! Http.writeError context 413 e.Message
                    | :? InvalidDataException
                    | :? IOException when not context.RequestAborted.IsCancellationRequested ->
                        do! Http.writeError context 400 "the body is not what its headers say, or was cut off"
                    | :? OperationCanceledException when not context.RequestAborted.IsCancellationRequested ->
                        do! Http.writeError context 503 $"not done within {options.Timeout} seconds"
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
