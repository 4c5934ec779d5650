/// What every route answers with: JSON, a picture, a refusal.
namespace Fae.Server

open System
open System.Text.Json
open System.Threading.Tasks
open Fae.Detection
open Fae.Imaging
open Microsoft.AspNetCore.Builder
open Microsoft.AspNetCore.Http
open Microsoft.Extensions.Primitives

/// Why a request is not answered as it hoped: the status and a line.
type Refusal = { Status: int; Reason: string }

[<RequireQualifiedAccess>]
module Http =
    let refuse status reason = Error { Status = status; Reason = reason }

    /// A route that is read: GET, and HEAD without the body.
    let mapRead (app: WebApplication) (path: string) (handle: HttpContext -> Task) =
        app.MapMethods(path, [ "GET"; "HEAD" ], RequestDelegate handle) |> ignore

    /// Answers with a value as JSON.
    let writeJson (context: HttpContext) status (value: 'a) : Task =
        context.Response.StatusCode <- status
        context.Response.ContentType <- "application/json; charset=utf-8"
        context.Response.WriteAsync(JsonSerializer.Serialize(value, FaeJson.Compact), context.RequestAborted)

    let writeError context status reason : Task = writeJson context status { Error = reason }

    let writeRefusal (context: HttpContext) (refusal: Refusal) : Task =
        if refusal.Status = 429 then context.Response.Headers.RetryAfter <- StringValues "1"

        writeError context refusal.Status refusal.Reason

    /// To a request that Kestrel finds broken, or larger than allowed, as its body is read.
    let writeBroken (context: HttpContext) (e: BadHttpRequestException) : Task = writeError context e.StatusCode e.Message

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
