/// What the studio's routes have in common: the project, version or picture that an address names.
namespace Fae.Studio

open System
open System.IO
open System.Text.Json.Nodes
open System.Threading.Tasks
open Fae.Server
open Microsoft.AspNetCore.Http

/// What every route needs.
[<NoComparison; NoEquality>]
type StudioParts =
    {
        Home: string
        Server: ServerParts
        Trainer: Trainer
        Sources: FolderSources
        Reader: Fae.Server.ModelReader
    }

[<RequireQualifiedAccess>]
module internal StudioRequests =
    let private word (context: HttpContext) (name: string) = string context.Request.RouteValues[name]

    let private missing what = Http.refuse 404 $"there is no such {what}"

    let project parts (context: HttpContext) : Result<Project, Refusal> =
        match Project.tryFind parts.Home (word context "project") with
        | Some project -> Ok project
        | None -> missing "project"

    let version parts (context: HttpContext) : Result<DetectorVersion * VersionState, Refusal> =
        project parts context
        |> Result.bind (fun project ->
            match DetectorVersion.tryFind project (int (Http.whole -1L (word context "version"))) with
            | Some found -> Ok found
            | None -> missing "version")

    let kind (context: HttpContext) : Result<PictureKind, Refusal> =
        match PictureKind.tryParse (word context "kind") with
        | Some kind -> Ok kind
        | None -> missing "kind of pictures; there are good and bad ones"

    let picture parts (context: HttpContext) : Result<Project * StoredPicture, Refusal> =
        match project parts context, kind context with
        | Ok project, Ok kind ->
            match PictureStore.tryFind project kind (word context "name") with
            | Some picture -> Ok(project, picture)
            | None -> missing "picture"
        | Error refusal, _
        | _, Error refusal -> Error refusal

    /// Answers with what was found, or why there is nothing.
    let answer (context: HttpContext) (found: Result<'a, Refusal>) (write: 'a -> Task) : Task =
        match found with
        | Ok value -> write value
        | Error refusal -> Http.writeRefusal context refusal

    let badRequest (result: Result<'a, string>) : Result<'a, Refusal> =
        result |> Result.mapError (fun reason -> { Status = 400; Reason = reason })

    /// Sends a file under a name.
    let file (context: HttpContext) (kind: string) (saveAs: string option) (path: string) : Task =
        if File.Exists path then
            context.Response.ContentType <- kind

            saveAs
            |> Option.iter (fun name ->
                context.Response.Headers.ContentDisposition <- Microsoft.Extensions.Primitives.StringValues $"attachment; filename={name}")

            context.Response.SendFileAsync(path, context.RequestAborted)
        else
            Http.writeRefusal context { Status = 404; Reason = "there is no such file yet" }

    /// A member of a JSON body; numbers as they are written.
    let textOf (body: JsonObject) (name: string) =
        match body[name] with
        | null -> None
        | node when node.GetValueKind() = Text.Json.JsonValueKind.String -> Some(node.GetValue<string>())
        | node -> Some(node.ToJsonString())

    /// Who asks.
    let who (context: HttpContext) = (Access.callerOf context).Name

    let now () = DateTimeOffset.UtcNow
