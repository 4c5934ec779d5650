/// POST /v1/models/{name}/threshold and GET /v1/audit.
namespace Fae.Server

open System
open System.Text.Json.Nodes
open System.Threading.Tasks
open Fae.Core
open Microsoft.AspNetCore.Builder
open Microsoft.AspNetCore.Http

/// An entry of GET /v1/audit.
[<NoComparison; NoEquality>]
type AuditJson =
    {
        Id: int64
        Time: string
        Who: string
        /// "mark", "threshold", "replaced" or "published".
        Action: string
        Subject: string
        Fingerprint: string
        Detail: JsonNode | null
    }

/// The answer about a new threshold.
type ThresholdJson = { FalseAlarm: float; Threshold: float32 }

[<RequireQualifiedAccess>]
module internal ThresholdRoutes =
    let private rateOf (body: JsonObject) =
        match body["false_alarm"] with
        | null -> None
        | node when node.GetValueKind() = Text.Json.JsonValueKind.Number -> Some(node.GetValue<float>())
        | _ -> None

    let problem (rate: float) =
        function
        | TooFewImages(held, smallest) -> $"{held} held-out good pictures can promise no less than {smallest:F4}, not {rate}"
        | RateOutOfRange _ -> $"the rate must lie between 0 and 1, not at {rate}"

    let private set (models: ModelSet) (audit: AuditLog) (feed: LiveFeed) (context: HttpContext) : Task =
        task {
            let name = string context.Request.RouteValues["name"]

            match! Http.readJson context with
            | Error refusal -> do! Http.writeRefusal context refusal
            | Ok body ->
                match models.TryFind name, rateOf body with
                | None, _ -> do! Http.writeError context 404 $"there is no model '{name}'"
                | _, None -> do! Http.writeError context 400 """send {"false_alarm": RATE} with a rate between 0 and 1"""
                | Some model, Some rate ->
                    let before = model.Version.Calibration.FalseAlarm

                    match model.Version.SetFalseAlarm rate with
                    | Error reason -> do! Http.writeError context 400 (problem rate reason)
                    | Ok calibration ->
                        let who, print = Access.callerOf context, model.Version.Card.Fingerprint
                        let change = { FalseAlarm = rate; Threshold = calibration.ImageThreshold; Before = before }
                        audit.Add(who.Name, Threshold, name, print, change)
                        feed.Change(name, print, Some who.Name)
                        do! Http.writeJson context 200 { FalseAlarm = rate; Threshold = calibration.ImageThreshold }
        }

    let private entryJson (entry: AuditEntry) : AuditJson =
        {
            Id = entry.Id
            Time = Http.instant entry.Time
            Who = entry.Who
            Action = AuditLog.Name entry.Action
            Subject = entry.Subject
            Fingerprint = entry.Fingerprint
            Detail = JsonNode.Parse entry.Detail
        }

    let private list (audit: AuditLog) (context: HttpContext) : Task =
        let query (name: string) preset = Http.whole preset (string context.Request.Query[name])
        let limit = int (max 1L (min 500L (query "limit" 100L)))
        Http.writeJson context 200 (audit.Latest(query "before" Int64.MaxValue, limit) |> List.map entryJson)

    let map (app: WebApplication) (models: ModelSet) (audit: AuditLog option) feed =
        match audit with
        | Some audit ->
            app.MapPost("/v1/models/{name}/threshold", RequestDelegate(set models audit feed)) |> ignore
            Http.mapRead app "/v1/audit" (list audit)
        | None ->
            let none (context: HttpContext) =
                Http.writeError context 404 "this server keeps no history, so it cannot keep who changed what; start it with --history FILE"

            app.MapPost("/v1/models/{name}/threshold", RequestDelegate none) |> ignore
            Http.mapRead app "/v1/audit" none
