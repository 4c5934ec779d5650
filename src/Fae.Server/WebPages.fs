/// The pages for people, their scripts and their style: resources of this assembly, compiled from Web/.
namespace Fae.Server

open System
open System.IO
open System.Reflection
open System.Security.Cryptography
open System.Threading.Tasks
open Microsoft.AspNetCore.Builder
open Microsoft.AspNetCore.Http
open Microsoft.Extensions.Primitives

[<NoComparison; NoEquality>]
type private WebFile = { Kind: string; Bytes: byte[]; Tag: string }

[<RequireQualifiedAccess>]
module internal WebPages =
    /// Nothing from elsewhere, no script or style inside of a page.
    let contentPolicy =
        "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; frame-ancestors 'self'; form-action 'self'"

    let private folder = "web/"

    let private kindOf (name: string) =
        match Path.GetExtension name with
        | ".html" -> Some "text/html; charset=utf-8"
        | ".js" -> Some "text/javascript; charset=utf-8"
        | ".css" -> Some "text/css; charset=utf-8"
        | ".svg" -> Some "image/svg+xml"
        | _ -> None

    let private read (name: string) =
        let assembly = Assembly.GetExecutingAssembly()

        match kindOf name, assembly.GetManifestResourceStream name with
        | None, _
        | _, null -> None
        | Some kind, stream ->
            use stream = stream
            use memory = new MemoryStream()
            stream.CopyTo memory
            let bytes = memory.ToArray()
            Some { Kind = kind; Bytes = bytes; Tag = $"\"{Convert.ToHexStringLower(SHA256.HashData(bytes).AsSpan(0, 8))}\"" }

    let private files =
        lazy
            (Assembly.GetExecutingAssembly().GetManifestResourceNames()
             |> Seq.filter (fun name -> name.StartsWith(folder, StringComparison.Ordinal))
             |> Seq.choose (fun name -> read name |> Option.map (fun file -> name.Substring folder.Length, file))
             |> dict)

    /// A browser asks each time whether its copy is still the one of this program.
    let private write (name: string) (context: HttpContext) : Task =
        match files.Value.TryGetValue name with
        | true, file ->
            context.Response.Headers.ETag <- StringValues file.Tag
            context.Response.Headers.CacheControl <- StringValues "no-cache"

            if string context.Request.Headers.IfNoneMatch = file.Tag then
                context.Response.StatusCode <- 304
                Task.CompletedTask
            else
                Http.writeBytes context file.Kind file.Bytes
        | _ -> Http.writeError context 404 $"there is no {name}"

    let map (app: WebApplication) hasStudio =
        let route = Http.mapRead app
        route "/" (write "inspect.html")
        route "/live" (write "live.html")
        if hasStudio then route "/studio" (write "studio.html")
        route "/web/{file}" (fun context -> write (string context.Request.RouteValues["file"]) context)
