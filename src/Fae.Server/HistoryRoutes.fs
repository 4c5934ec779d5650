/// The history behind HTTP: GET /v1/history, /v1/history/{id}, its pictures, and POST /v1/history/{id}/mark.
namespace Fae.Server

open System
open System.Collections.Generic
open System.Globalization
open System.Text.Json
open System.Text.Json.Nodes
open System.Threading.Tasks
open Fae.Detection
open Microsoft.AspNetCore.Builder
open Microsoft.AspNetCore.Http
open FsToolkit.ErrorHandling

[<RequireQualifiedAccess>]
module HistoryRoutes =
    /// Records of one answer, at most.
    let private most = 500

    /// The regions of a record.
    let regions (record: Record) : IReadOnlyList<RegionJson> =
        match JsonSerializer.Deserialize<RegionJson[]>(record.Regions, FaeJson.Compact) with
        | null -> [||]
        | regions -> regions

    let private markName mark = if mark then "anomalous" else "good"

    let private recordJson (record: Record) : RecordJson =
        {
            Id = record.Id
            Time = Http.instant record.Time
            Model = record.Model
            Fingerprint = record.Fingerprint
            Path = record.Name
            Score = record.Score
            PValue = record.PValue
            Anomalous = record.Anomalous
            Width = record.Width
            Height = record.Height
            Regions = regions record
            Mark = record.Mark |> Option.map markName |> Option.toObj
        }

    let private query (context: HttpContext) (name: string) =
        match string context.Request.Query[name] with
        | "" -> None
        | text -> Some text

    /// A time like 2026-11-27T06:00:00+01:00 or 2026-11-27; without an offset it is the server's.
    let private timeOf (name: string) (text: string) =
        match DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeLocal) with
        | true, time -> Ok time
        | _ -> Http.refuse 400 $"?{name}={text}: write a time like 2026-11-27T06:00:00+01:00, or a date"

    let private oneOf (name: string) (known: (string * 'a) list) (text: string) =
        match known |> List.tryFind (fun (word, _) -> word = text) with
        | Some(_, value) -> Ok value
        | None ->
            let words = known |> List.map fst |> String.concat ", "
            Http.refuse 400 $"?{name}={text}: must be one of {words}"

    /// The filter of a query; a part that is not understood is refused, not passed over.
    let private filterOf (context: HttpContext) : Result<HistoryFilter, Refusal> =
        result {
            let given name read = query context name |> Option.map (read name) |> Option.sequenceResult
            let! since = given "since" timeOf
            let! until = given "until" timeOf
            let! anomalous = given "anomalous" (fun name -> oneOf name [ "1", true; "0", false ])
            let! mark = given "mark" (fun name -> oneOf name [ "any", Marked; "none", Unmarked; "wrong", Wrong ])

            return
                {
                    Before = query context "before" |> Option.map (Http.whole Int64.MaxValue)
                    Since = since
                    Until = until
                    Model = query context "model"
                    Name = query context "name"
                    Anomalous = anomalous
                    Mark = mark
                }
        }

    let private list (history: History) (context: HttpContext) : Task =
        let limit =
            int (max 1L (min (int64 most) (query context "limit" |> Option.map (Http.whole 50L) |> Option.defaultValue 50L)))

        match filterOf context with
        | Error refusal -> Http.writeRefusal context refusal
        | Ok filter ->
            let found = history.Latest(filter, limit)
            let struct (matching, _) = history.Counts { filter with Before = None }
            Http.writeJson context 200 { Count = history.Count; Matching = matching; Inspections = List.map recordJson found }

    let private csvHeader = "id,time,model,fingerprint,path,score,p_value,anomalous,width,height,regions,mark"

    /// A field of a CSV file (RFC 4180). A name that a spreadsheet would take for a formula gets a quote before it.
    let private field (text: string) =
        let text = if text <> "" && "=+-@".Contains text[0] then "'" + text else text

        if text.IndexOfAny [| ','; '"'; '\n'; '\r' |] < 0 then
            text
        else
            "\"" + text.Replace("\"", "\"\"") + "\""

    let private csvLine (r: Record) =
        let number (value: float) = value.ToString("R", CultureInfo.InvariantCulture)
        let score = r.Score.ToString("R", CultureInfo.InvariantCulture)
        let verdict = if r.Anomalous then "true" else "false"
        let mark = r.Mark |> Option.map markName |> Option.defaultValue ""
        let time = Http.instant r.Time

        $"{r.Id},{time},{field r.Model},{r.Fingerprint},{field r.Name},{score},{number r.PValue},{verdict},{r.Width},{r.Height},"
        + $"{(regions r).Count},{mark}\r\n"

    /// All that match, page by page: the file may be larger than the memory.
    let private csv (history: History) (context: HttpContext) : Task =
        match filterOf context with
        | Error refusal -> Http.writeRefusal context refusal
        | Ok filter ->
            task {
                context.Response.ContentType <- "text/csv; charset=utf-8"
                context.Response.Headers.ContentDisposition <- "attachment; filename=history.csv"
                do! context.Response.WriteAsync(csvHeader + "\r\n", context.RequestAborted)
                let mutable before = filter.Before
                let mutable go = true

                while go do
                    let page = history.Latest({ filter with Before = before }, most)
                    do! context.Response.WriteAsync(page |> List.map csvLine |> String.concat "", context.RequestAborted)
                    before <- page |> List.tryLast |> Option.map _.Id
                    go <- page.Length = most
            }

    let private identity (context: HttpContext) = Http.whole -1L (string context.Request.RouteValues["id"])

    let private missing (context: HttpContext) : Task =
        Http.writeRefusal context { Status = 404; Reason = "there is no such inspection, or it was too old to be kept" }

    let private one (history: History) (context: HttpContext) : Task =
        match history.TryFind(identity context) with
        | Some record -> Http.writeJson context 200 (recordJson record)
        | None -> missing context

    let private view (history: History) kind (choose: Views -> byte[]) (context: HttpContext) : Task =
        match history.Views(identity context) with
        | Some views -> Http.writeBytes context kind (choose views)
        | None -> missing context

    let private markOf (body: JsonObject) =
        match body["mark"] with
        | null when body.ContainsKey "mark" -> Some None
        | null -> None
        | word when word.GetValueKind() = JsonValueKind.String ->
            match word.GetValue<string>() with
            | "good" -> Some(Some false)
            | "anomalous" -> Some(Some true)
            | _ -> None
        | _ -> None

    /// The body is `{"mark": "good"}`, "anomalous", or null to remove a mark.
    let private mark (history: History) (audit: AuditLog) (context: HttpContext) : Task =
        task {
            match! Http.readJson context with
            | Error refusal -> do! Http.writeRefusal context refusal
            | Ok body ->
                match markOf body with
                | None -> do! Http.writeError context 400 """send {"mark": "good"}, {"mark": "anomalous"} or {"mark": null}"""
                | Some mark ->
                    let id = identity context

                    match history.TryFind id with
                    | Some record when history.Mark(id, mark) ->
                        let word = mark |> Option.map markName |> Option.toObj
                        audit.Add((Access.callerOf context).Name, Mark, string id, record.Fingerprint, {| Mark = word |})
                        do! one history context
                    | _ -> do! missing context
        }

    /// Without a history every path under it answers 404 with a hint.
    let map (app: WebApplication) (kept: (History * AuditLog) option) =
        match kept with
        | None ->
            let none (context: HttpContext) = Http.writeError context 404 "this server keeps no history; start it with --history FILE"

            for path in [ "/v1/history/{**rest}"; "/v1/history.csv" ] do
                app.Map(path, RequestDelegate none) |> ignore
        | Some(history, audit) ->
            let get (path: string) (handle: HttpContext -> Task) = Http.mapRead app ("/v1/history" + path) handle
            get "" (list history)
            get ".csv" (csv history)
            get "/{id}" (one history)
            get "/{id}/picture.jpg" (view history "image/jpeg" _.Picture)
            get "/{id}/reconstruction.jpg" (view history "image/jpeg" _.Reconstruction)
            get "/{id}/heatmap.png" (view history "image/png" _.Heatmap)
            get "/{id}/mask.png" (view history "image/png" _.Mask)
            app.MapPost("/v1/history/{id}/mark", RequestDelegate(mark history audit)) |> ignore
