/// The description of the HTTP interface: routes from openapi.json, the schemas of the answers from their own types.
namespace Fae.Server

open System.Text.Json.Nodes
open System.Text.Json.Schema
open Fae.Detection

[<RequireQualifiedAccess>]
module OpenApi =
    /// The answers that openapi.json refers to, by their names there.
    let private answers =
        [
            "Inspection", typeof<InspectionJson>
            "Refused", typeof<RefusedJson>
            "Model", typeof<ModelJson>
            "Statistics", typeof<StatisticsJson>
            "Record", typeof<RecordJson>
            "History", typeof<HistoryJson>
            "LiveInspection", typeof<LiveInspectionJson>
            "LiveState", typeof<LiveStateJson>
            "LiveChange", typeof<LiveChangeJson>
            "Threshold", typeof<ThresholdJson>
            "AuditEntry", typeof<AuditJson>
            "Session", typeof<SessionJson>
            "Error", typeof<ErrorJson>
        ]

    /// GET /openapi.json (OpenAPI 3.1).
    let document () =
        let root = nonNull (JsonNode.Parse(Http.resource "openapi.json"))
        let components = nonNull root["components"]
        let schemas = (nonNull components["schemas"]).AsObject()

        for name, answer in answers do
            schemas.Add(name, FaeJson.Compact.GetJsonSchemaAsNode answer)

        root.ToJsonString FaeJson.Indented
