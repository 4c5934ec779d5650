/// The history behind HTTP: GET /v1/history, /v1/history/{id}, its pictures, and POST /v1/history/{id}/mark.
namespace Fae.Server

open System
open System.Globalization
open System.IO
open System.Text.Json
open System.Text.Json.Nodes
open System.Threading.Tasks
open Microsoft.AspNetCore.Builder
open Microsoft.AspNetCore.Http
open Microsoft.AspNetCore.Http.Features

[<RequireQualifiedAccess>]
module HistoryRoutes =
    /// Records of one answer, at most.
    let private most = 500

    /// Bytes of a mark's JSON, at most.
    let private longestMark = Nullable 4096L

    let private recordJson (record: Record) =
        let json = JsonObject()
        json["id"] <- JsonValue.Create record.Id
        json["time"] <- JsonValue.Create(record.Time.ToString("O", CultureInfo.InvariantCulture))
        json["model"] <- JsonValue.Create record.Model
        json["fingerprint"] <- JsonValue.Create record.Fingerprint
        json["path"] <- JsonValue.Create record.Name
        json["score"] <- JsonValue.Create record.Score
        json["p_value"] <- JsonValue.Create record.PValue
        json["anomalous"] <- JsonValue.Create record.Anomalous
        json["width"] <- JsonValue.Create record.Width
        json["height"] <- JsonValue.Create record.Height
        json["regions"] <- JsonNode.Parse record.Regions

        json["mark"] <-
            (match record.Mark with
             | None -> null
             | Some anomalous -> JsonValue.Create(if anomalous then "anomalous" else "good"))

        json

    let private whole (text: string) preset =
        match Int64.TryParse(text, CultureInfo.InvariantCulture) with
        | true, value -> value
        | _ -> preset

    let private list (history: History) (context: HttpContext) : Task =
        let asked (name: string) = string context.Request.Query[name]
        let limit = int (max 1L (min (int64 most) (whole (asked "limit") 50L)))

        let model =
            match asked "model" with
            | "" -> None
            | name -> Some name

        let found = history.Latest(whole (asked "before") Int64.MaxValue, limit, model, asked "anomalous" = "1")
        let json = JsonObject()
        json["count"] <- JsonValue.Create history.Count
        json["inspections"] <- JsonArray([| for record in found -> recordJson record :> JsonNode | null |])
        Http.writeJson context 200 json

    let private identity (context: HttpContext) = whole (string context.Request.RouteValues["id"]) -1L

    let private missing (context: HttpContext) : Task =
        Http.writeRefusal
            context
            {
                Status = 404
                Reason = "there is no such inspection, or it was too old to be kept"
            }

    let private one (history: History) (context: HttpContext) : Task =
        match history.TryFind(identity context) with
        | Some record -> Http.writeJson context 200 (recordJson record)
        | None -> missing context

    let private view (history: History) kind (choose: Views -> byte[]) (context: HttpContext) : Task =
        match history.Views(identity context) with
        | Some views -> Http.writeBytes context kind (choose views)
        | None -> missing context

    /// The body is `{"mark": "good"}`, "anomalous", or null to take a mark back.
    let private mark (history: History) (context: HttpContext) : Task =
        task {
            match context.Features.Get<IHttpMaxRequestBodySizeFeature>() with
            | null -> ()
            | limit -> limit.MaxRequestBodySize <- longestMark

            use reader = new StreamReader(context.Request.Body)
            let! body = reader.ReadToEndAsync context.RequestAborted

            let asked =
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

            match asked with
            | None -> do! Http.writeJson context 400 (Http.errorJson """send {"mark": "good"}, {"mark": "anomalous"} or {"mark": null}""")
            | Some mark ->
                if history.Mark(identity context, mark) then
                    do! one history context
                else
                    do! missing context
        }

    /// Where there is no history, every path under it says how to get one.
    let map (app: WebApplication) (history: History option) =
        match history with
        | None ->
            let none (context: HttpContext) =
                Http.writeJson context 404 (Http.errorJson "this server keeps no history; start it with --history FILE")

            app.Map("/v1/history/{**rest}", RequestDelegate none) |> ignore
        | Some history ->
            let get (path: string) (handle: HttpContext -> Task) = app.MapGet("/v1/history" + path, RequestDelegate handle) |> ignore
            get "" (list history)
            get "/{id}" (one history)
            get "/{id}/picture.jpg" (view history "image/jpeg" _.Picture)
            get "/{id}/reconstruction.jpg" (view history "image/jpeg" _.Reconstruction)
            get "/{id}/heatmap.png" (view history "image/png" _.Heatmap)
            get "/{id}/mask.png" (view history "image/png" _.Mask)
            app.MapPost("/v1/history/{id}/mark", RequestDelegate(mark history)) |> ignore
