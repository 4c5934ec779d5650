/// Projects behind HTTP: which there are, what they hold, and the folder that is watched.
namespace Fae.Studio

open System
open System.IO
open System.Text.Json.Nodes
open System.Threading.Tasks
open Fae.Server
open Microsoft.AspNetCore.Builder
open Microsoft.AspNetCore.Http

/// A version in the answers.
[<NoComparison; NoEquality>]
type VersionJson =
    {
        Number: int
        /// "waiting", "training", "stopped", "ready" or "failed".
        Status: string
        Budget: string
        Seed: int
        Who: string
        Created: string
        Problem: string | null
        IsPublished: bool
        HasModel: bool
        HasReport: bool
        /// There is a page of good pictures that differ from the others.
        HasOutliers: bool
        /// eval.json, where there were bad pictures to evaluate on.
        Evaluation: JsonNode | null
        /// What more good pictures would bring.
        Learning: string | null
    }

/// GET /v1/projects/{project}.
[<NoComparison; NoEquality>]
type ProjectJson =
    {
        Name: string
        Good: int
        Bad: int
        HasIgnore: bool
        Published: Nullable<int>
        Previous: Nullable<int>
        /// The folder whose new pictures are inspected.
        WatchedFolder: string | null
        /// Why it is not watched now.
        WatchProblem: string | null
        Versions: VersionJson list
    }

[<RequireQualifiedAccess>]
module internal ProjectRoutes =
    let private evaluation version : JsonNode | null =
        try
            JsonNode.Parse(File.ReadAllText(DetectorVersion.evaluation version))
        with
        | :? IOException
        | :? Text.Json.JsonException -> null

    let private versionJson published (version: DetectorVersion, state: VersionState) : VersionJson =
        {
            Number = version.Number
            Status = state.Status
            Budget = state.Budget
            Seed = state.Seed
            Who = state.Who
            Created = Http.instant state.Created
            Problem = state.Problem
            IsPublished = (published = Some version.Number)
            HasModel = File.Exists(DetectorVersion.model version)
            HasReport = File.Exists(DetectorVersion.report version)
            HasOutliers = File.Exists(DetectorVersion.outliers version)
            Evaluation = evaluation version
            Learning = DetectorVersion.learning version
        }

    let json parts (project: Project) : ProjectJson =
        let published = Publishing.current project
        let source = parts.Sources.State project

        {
            Name = project.Name
            Good = (PictureStore.list project Good).Length
            Bad = (PictureStore.list project Bad).Length
            HasIgnore = File.Exists(Project.ignoreMask project)
            Published = Option.toNullable published
            Previous = Option.toNullable (Publishing.previous project)
            WatchedFolder = source |> Option.map _.Folder |> Option.toObj
            WatchProblem = source |> Option.bind _.Problem |> Option.toObj
            Versions = DetectorVersion.all project |> List.map (versionJson published)
        }

    let private create parts (context: HttpContext) : Task =
        task {
            match! Http.readJson context with
            | Error refusal -> do! Http.writeRefusal context refusal
            | Ok body ->
                let made =
                    Project.create parts.Home (StudioRequests.textOf body "name" |> Option.defaultValue "")
                    |> StudioRequests.badRequest

                do! StudioRequests.answer context made (json parts >> Http.writeJson context 201)
        }

    let private note parts context (project: Project) folder =
        parts.Server.Audit
        |> Option.iter (fun audit -> audit.Add(StudioRequests.who context, Watched, project.Name, "", {| Folder = folder |}))

    let private watch parts (context: HttpContext) : Task =
        task {
            match! Http.readJson context with
            | Error refusal -> do! Http.writeRefusal context refusal
            | Ok body ->
                let folder = StudioRequests.textOf body "folder" |> Option.defaultValue ""

                let watched =
                    StudioRequests.project parts context
                    |> Result.bind (fun project ->
                        parts.Sources.Set(project, folder)
                        |> StudioRequests.badRequest
                        |> Result.map (fun () ->
                            note parts context project folder
                            project))

                do! StudioRequests.answer context watched (json parts >> Http.writeJson context 200)
        }

    let private unwatch parts (context: HttpContext) : Task =
        StudioRequests.answer context (StudioRequests.project parts context) (fun project ->
            parts.Sources.Clear project
            note parts context project ""
            Http.writeJson context 200 (json parts project))

    let map (app: WebApplication) parts =
        let post (path: string) (handle: HttpContext -> Task) = app.MapPost("/v1/projects" + path, RequestDelegate handle) |> ignore
        Http.mapRead app "/v1/projects" (fun context -> Project.all parts.Home |> List.map (json parts) |> Http.writeJson context 200)
        post "" (create parts)

        Http.mapRead app "/v1/projects/{project}" (fun context ->
            StudioRequests.answer context (StudioRequests.project parts context) (json parts >> Http.writeJson context 200))

        post "/{project}/watch" (watch parts)
        app.MapDelete("/v1/projects/{project}/watch", RequestDelegate(unwatch parts)) |> ignore
