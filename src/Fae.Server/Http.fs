/// What every route answers with: JSON, a picture, a refusal.
namespace Fae.Server

open System
open System.Globalization
open System.IO
open System.Text.Json
open System.Text.Json.Nodes
open System.Threading.Tasks
open Fae.Detection
open Fae.Imaging
open Microsoft.AspNetCore.Builder
open Microsoft.AspNetCore.Http
open Microsoft.AspNetCore.Http.Features
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

    /// Bytes of a small JSON body, at most.
    let private longestBody = Nullable 4096L

    /// A small JSON object from the body. Other types can be sent by a page of any site without asking.
    let readJson (context: HttpContext) : Task<Result<JsonObject, Refusal>> =
        task {
            if not (context.Request.HasJsonContentType()) then
                return refuse 415 "send JSON: Content-Type: application/json"
            else
                match context.Features.Get<IHttpMaxRequestBodySizeFeature>() with
                | null -> ()
                | limit -> limit.MaxRequestBodySize <- longestBody

                use reader = new StreamReader(context.Request.Body)
                let! body = reader.ReadToEndAsync context.RequestAborted

                return
                    try
                        match JsonNode.Parse body with
                        | :? JsonObject as json -> Ok json
                        | _ -> refuse 400 "send a JSON object"
                    with :? JsonException ->
                        refuse 400 "the body is not JSON"
        }

    /// A time as answers write it.
    let instant (time: DateTimeOffset) = time.ToString("O", CultureInfo.InvariantCulture)

    /// A number of the query, or the preset.
    let whole (preset: int64) (text: string) =
        match Int64.TryParse(text, CultureInfo.InvariantCulture) with
        | true, value -> value
        | _ -> preset

    let text (kind: string) (what: unit -> string) (context: HttpContext) : Task =
        context.Response.ContentType <- kind
        context.Response.WriteAsync(what (), context.RequestAborted)

    /// A text that this assembly carries.
    let resource (name: string) =
        match Files.embedded (Reflection.Assembly.GetExecutingAssembly()) name with
        | Some text -> text
        | None -> invalidOp $"the assembly lacks {name}"
