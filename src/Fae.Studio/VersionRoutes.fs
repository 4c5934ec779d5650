/// Trainings, versions and publishing behind HTTP.
namespace Fae.Studio

open System
open System.IO
open System.Text.Json.Nodes
open System.Text.RegularExpressions
open System.Threading.Tasks
open Fae.Server
open Microsoft.AspNetCore.Builder
open Microsoft.AspNetCore.Http
open Microsoft.Extensions.Primitives

[<RequireQualifiedAccess>]
module internal VersionRoutes =
    let private note parts who action (version: DetectorVersion) detail =
        parts.Server.Audit |> Option.iter (fun audit -> audit.Add(who, action, version.Project.Name, "", detail))

    let private noteTraining parts who version what = note parts who Trained version {| Version = version.Number; Change = what |}

    /// Good pictures without which there is no training: one to hold out at least, and some to learn from.
    let private fewest = 5

    let private budgetPattern = Regex @"^\d{1,4}(\.\d)?[mh]$"

    let private begin' parts (context: HttpContext) (body: JsonObject) project : Result<DetectorVersion, string> =
        let good = (PictureStore.list project Good).Length
        let budget = StudioRequests.textOf body "budget" |> Option.defaultValue "30m"
        let seed = StudioRequests.textOf body "seed" |> Option.map (Http.whole 0L) |> Option.defaultValue 0L

        if good < fewest then
            Error $"add at least {fewest} good pictures; there are {good}"
        elif not (budgetPattern.IsMatch budget) then
            Error $"budget {budget}: write a time like 10m or 2h"
        elif seed < 0L || seed > int64 Int32.MaxValue then
            Error $"seed {seed}: must be a number from 0"
        else
            let who = StudioRequests.who context
            let version = DetectorVersion.create project who budget (int seed) (StudioRequests.now ())
            parts.Trainer.Add version
            noteTraining parts who version "begun"
            Ok version

    let private train parts (context: HttpContext) : Task =
        task {
            match! Http.readJson context with
            | Error refusal -> do! Http.writeRefusal context refusal
            | Ok body ->
                let version = StudioRequests.project parts context |> Result.bind (begin' parts context body >> StudioRequests.badRequest)

                do! StudioRequests.answer context version (fun version -> Http.writeJson context 201 {| Version = version.Number |})
        }

    let private change parts (work: DetectorVersion -> VersionState -> Result<unit, string>) (context: HttpContext) : Task =
        let done' =
            StudioRequests.version parts context
            |> Result.bind (fun (version, state) -> work version state |> StudioRequests.badRequest |> Result.map (fun () -> version))

        StudioRequests.answer context done' (fun version -> Http.writeJson context 200 (ProjectRoutes.json parts version.Project))

    let private stop parts who version state =
        match DetectorVersion.status state with
        | Waiting
        | Training ->
            parts.Trainer.Stop version
            Ok(noteTraining parts who version "stopped")
        | _ -> Error "this version is not in training"

    let private resume parts who version state =
        match DetectorVersion.status state with
        | Stopped
        | Failed ->
            parts.Trainer.Resume version
            Ok(noteTraining parts who version "resumed")
        | _ -> Error "only a training that was stopped or has failed can go on"

    /// Serves the project's model, if this is the first version of it that is published.
    let private serve parts (project: Project) =
        ModelSlot.Open(project.Name, Publishing.model parts.Home project, parts.Reader, true)
        |> Result.map parts.Server.Serve

    let private publish parts who version _ =
        if not (File.Exists(DetectorVersion.model version)) then
            Error "this version has no model yet"
        else
            Publishing.publish parts.Home version who (StudioRequests.now ())

            serve parts version.Project
            |> Result.map (fun () ->
                parts.Sources.Start version.Project
                note parts who Published version {| Version = version.Number |})

    let private rollBack parts (context: HttpContext) : Task =
        let earlier =
            StudioRequests.project parts context
            |> Result.bind (fun project ->
                match Publishing.previous project |> Option.bind (DetectorVersion.tryFind project) with
                | Some found -> Ok found
                | None -> Http.refuse 400 "no other version was published before")

        let done' =
            earlier
            |> Result.bind (fun (version, state) ->
                publish parts (StudioRequests.who context) version state
                |> StudioRequests.badRequest
                |> Result.map (fun () -> version))

        StudioRequests.answer context done' (fun version -> Http.writeJson context 200 (ProjectRoutes.json parts version.Project))

    /// A page that has its style inside; it may run nothing.
    let private page (path: DetectorVersion -> string) (context: HttpContext) version =
        context.Response.Headers.ContentSecurityPolicy <-
            StringValues "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"

        StudioRequests.file context "text/html; charset=utf-8" None (path version)

    let private export parts (context: HttpContext) (version: DetectorVersion) : Task =
        task {
            match! Task.Run(fun () -> parts.Trainer.Export version) with
            | Ok path -> do! StudioRequests.file context "application/octet-stream" (Some $"{version.Project.Name}.onnx") path
            | Error reason -> do! Http.writeError context 400 reason
        }

    let private drawCorruption parts (context: HttpContext) : Task =
        task {
            match StudioRequests.project parts context with
            | Error refusal -> do! Http.writeRefusal context refusal
            | Ok project ->
                match! Task.Run(fun () -> parts.Trainer.DrawCorruption project) with
                | Ok() -> do! Http.writeJson context 200 {| Drawn = true |}
                | Error reason -> do! Http.writeError context 400 reason
        }

    let private corruption parts (context: HttpContext) : Task =
        StudioRequests.answer context (StudioRequests.project parts context) (fun project ->
            StudioRequests.file context "image/png" None (Path.Combine(Project.corruption project, "sheet_000.png")))

    let map (app: WebApplication) parts =
        let get (path: string) handle = Http.mapRead app ("/v1/projects" + path) handle

        let post (path: string) (handle: HttpContext -> Task) = app.MapPost("/v1/projects" + path, RequestDelegate handle) |> ignore

        let ofVersion write context = StudioRequests.answer context (StudioRequests.version parts context) (fst >> write context)

        post "/{project}/train" (train parts)
        post "/{project}/rollback" (rollBack parts)
        post "/{project}/corruption" (drawCorruption parts)
        get "/{project}/corruption.png" (corruption parts)
        let one = "/{project}/versions/{version}"
        get (one + "/progress") (ofVersion (fun context version -> Http.writeJson context 200 (DetectorVersion.progress version)))
        let byPerson work context = change parts (work parts (StudioRequests.who context)) context
        post (one + "/stop") (byPerson stop)
        post (one + "/resume") (byPerson resume)
        post (one + "/publish") (byPerson publish)
        get (one + "/report.html") (ofVersion (page DetectorVersion.report))
        get (one + "/outliers.html") (ofVersion (page DetectorVersion.outliers))

        get
            (one + "/model.safetensors")
            (ofVersion (fun context version ->
                StudioRequests.file
                    context
                    "application/octet-stream"
                    (Some $"{version.Project.Name}.safetensors")
                    (DetectorVersion.model version)))

        get (one + "/model.onnx") (ofVersion (export parts))
