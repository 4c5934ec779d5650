/// The history behind HTTP: GET /v1/history, /v1/history/{id}, its pictures, and POST /v1/history/{id}/mark.
namespace Fae.Server

open System
open System.Globalization
open System.IO
open System.Text.Json
open System.Text.Json.Nodes
open System.Threading.Tasks
open Fae.Detection
open Microsoft.AspNetCore.Builder
open Microsoft.AspNetCore.Http
open Microsoft.AspNetCore.Http.Features

[<RequireQualifiedAccess>]
module HistoryRoutes =
    /// Records of one answer, at most.
    let private most = 500

    /// Bytes of a mark's JSON, at most.
    let private longestMark = Nullable 4096L

    let private recordJson (record: Record) : RecordJson =
        {
            Id = record.Id
            Time = record.Time.ToString("O", CultureInfo.InvariantCulture)
            Model = record.Model
            Fingerprint = record.Fingerprint
            Path = record.Name
            Score = record.Score
            PValue = record.PValue
            Anomalous = record.Anomalous
            Width = record.Width
            Height = record.Height
            Regions =
                match JsonSerializer.Deserialize<RegionJson[]>(record.Regions, FaeJson.Compact) with
                | null -> [||]
                | regions -> regions
            Mark =
                match record.Mark with
                | None -> null
                | Some anomalous -> if anomalous then "anomalous" else "good"
        }

    let private whole (text: string) preset =
        match Int64.TryParse(text, CultureInfo.InvariantCulture) with
        | true, value -> value
        | _ -> preset

    let private list (history: History) (context: HttpContext) : Task =
        let query (name: string) = string context.Request.Query[name]
        let limit = int (max 1L (min (int64 most) (whole (query "limit") 50L)))

        let model =
            match query "model" with
            | "" -> None
            | name -> Some name

        let found = history.Latest(whole (query "before") Int64.MaxValue, limit, model, query "anomalous" = "1")
        Http.writeJson context 200 { Count = history.Count; Inspections = List.map recordJson found }

    let private identity (context: HttpContext) = whole (string context.Request.RouteValues["id"]) -1L

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

    /// The body is `{"mark": "good"}`, "anomalous", or null to remove a mark.
    let private mark (history: History) (context: HttpContext) : Task =
        task {
            if not (context.Request.HasJsonContentType()) then
                // Other types can be sent by a page of any site without asking.
                do! Http.writeError context 415 "send JSON: Content-Type: application/json"
            else

                match context.Features.Get<IHttpMaxRequestBodySizeFeature>() with
                | null -> ()
                | limit -> limit.MaxRequestBodySize <- longestMark

                use reader = new StreamReader(context.Request.Body)
                let! body = reader.ReadToEndAsync context.RequestAborted

                let mark =
                    try
                        match JsonNode.Parse body with
                        | :? JsonObject as json when json.ContainsKey "mark" ->
                            match json["mark"] with
                            | null -> Some None
                            | word when word.GetValueKind() = JsonValueKind.String ->
                                match word.GetValue<string>() with
                                | "good" -> Some(Some false)
                                | "anomalous" -> Some(Some true)
                                | _ -> None
                            | _ -> None
                        | _ -> None
                    with :? JsonException ->
                        None

                match mark with
                | None -> do! Http.writeError context 400 """send {"mark": "good"}, {"mark": "anomalous"} or {"mark": null}"""
                | Some mark ->
                    if history.Mark(identity context, mark) then
                        do! one history context
                    else
                        do! missing context
        }

    /// Without a history every path under it answers 404 with a hint.
    let map (app: WebApplication) (history: History option) =
        match history with
        | None ->
            let none (context: HttpContext) = Http.writeError context 404 "this server keeps no history; start it with --history FILE"

            app.Map("/v1/history/{**rest}", RequestDelegate none) |> ignore
        | Some history ->
            let get (path: string) (handle: HttpContext -> Task) = Http.mapRead app ("/v1/history" + path) handle
            get "" (list history)
            get "/{id}" (one history)
            get "/{id}/picture.jpg" (view history "image/jpeg" _.Picture)
            get "/{id}/reconstruction.jpg" (view history "image/jpeg" _.Reconstruction)
            get "/{id}/heatmap.png" (view history "image/png" _.Heatmap)
            get "/{id}/mask.png" (view history "image/png" _.Mask)
            app.MapPost("/v1/history/{id}/mark", RequestDelegate(mark history)) |> ignore
