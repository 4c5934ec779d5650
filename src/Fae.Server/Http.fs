/// What every route answers with: JSON, a picture, a refusal.
namespace Fae.Server

open System
open System.Text.Json.Nodes
open System.Threading.Tasks
open Fae.Data
open Microsoft.AspNetCore.Http
open Microsoft.Extensions.Primitives

/// Why a request is not answered as it hoped: the status and a line.
type Refusal = { Status: int; Reason: string }

[<RequireQualifiedAccess>]
module Http =
    let refuse status reason = Error { Status = status; Reason = reason }

    let writeJson (context: HttpContext) status (json: JsonNode) : Task =
        context.Response.StatusCode <- status
        context.Response.ContentType <- "application/json; charset=utf-8"
        context.Response.WriteAsync(json.ToJsonString(), context.RequestAborted)

    let errorJson (reason: string) =
        let json = JsonObject()
        json["error"] <- JsonValue.Create reason
        json

    let writeRefusal (context: HttpContext) (refusal: Refusal) : Task =
        if refusal.Status = 429 then
            context.Response.Headers.RetryAfter <- StringValues "1"

        writeJson context refusal.Status (errorJson refusal.Reason)

    /// To a request that Kestrel finds broken, or larger than allowed, as its body is read.
    let writeBroken (context: HttpContext) (e: BadHttpRequestException) : Task = writeJson context e.StatusCode (errorJson e.Message)

    let writeBytes (context: HttpContext) (kind: string) (bytes: byte[]) : Task =
        context.Response.ContentType <- kind
        context.Response.Body.WriteAsync(bytes, 0, bytes.Length, context.RequestAborted)

    let text (kind: string) (what: unit -> string) (context: HttpContext) : Task =
        context.Response.ContentType <- kind
        context.Response.WriteAsync(what (), context.RequestAborted)

    /// A text that this assembly carries.
    let resource (name: string) =
        match Files.embedded (Reflection.Assembly.GetExecutingAssembly()) name with
        | Some text -> text
        | None -> invalidOp $"the assembly lacks {name}"
