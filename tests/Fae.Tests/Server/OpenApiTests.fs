/// openapi.json beside what the server answers.
module Fae.Tests.OpenApiTests

open System.Text.Json
open Expecto
open Fae.Server

let private document = JsonDocument.Parse(OpenApi.document ()).RootElement
let private schemas = document.GetProperty("components").GetProperty("schemas")

let private names (schema: JsonElement) = [ for property in schema.GetProperty("properties").EnumerateObject() -> property.Name ]

/// Every "$ref" in an element.
let rec private references (element: JsonElement) =
    [
        match element.ValueKind with
        | JsonValueKind.Object ->
            for property in element.EnumerateObject() do
                if property.Name = "$ref" then
                    nonNull (property.Value.GetString())
                else
                    yield! references property.Value
        | JsonValueKind.Array ->
            for item in element.EnumerateArray() do
                yield! references item
        | _ -> ()
    ]

/// The type of a schema's property; a nullable one has a list of two.
let private typeOf (schema: string) (property: string) =
    schemas.GetProperty(schema).GetProperty("properties").GetProperty(property).GetProperty("type").ToString()

let tests =
    testList
        "OpenAPI"
        [
            test "every reference of a route has a schema, and every schema is used" {
                let used = references document |> List.distinct |> List.sort

                let there = [ for schema in schemas.EnumerateObject() -> "#/components/schemas/" + schema.Name ] |> List.sort
                Expect.equal used there "the same"
            }

            test "the schemas have the names and types of the answers" {
                Expect.equal
                    (names (schemas.GetProperty "Record"))
                    [
                        "id"
                        "time"
                        "model"
                        "fingerprint"
                        "path"
                        "score"
                        "p_value"
                        "anomalous"
                        "width"
                        "height"
                        "regions"
                        "mark"
                    ]
                    "an inspection of the history"

                Expect.equal (typeOf "Inspection" "score") "number" "score"
                Expect.equal (typeOf "Inspection" "anomalous") "boolean" "anomalous"
                Expect.stringContains (typeOf "Inspection" "id") "integer" "id"
                Expect.stringContains (typeOf "Model" "held_out") "array" "held_out"
                Expect.equal (names (schemas.GetProperty "Error")) [ "error" ] "a refusal"
            }
        ]
