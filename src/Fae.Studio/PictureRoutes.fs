/// Pictures and masks of a project behind HTTP.
namespace Fae.Studio

open System.Globalization
open System.Threading.Tasks
open Fae.Imaging
open Fae.Server
open Microsoft.AspNetCore.Builder
open Microsoft.AspNetCore.Http

/// A picture of GET /v1/projects/{project}/pictures.
[<NoComparison>]
type PictureJson = { Name: string; Kind: string; Width: int; Height: int; HasMask: bool; Remarks: string list }

/// The answer about added pictures.
[<NoComparison>]
type AddedJson = { Added: string list; Refused: string list }

[<RequireQualifiedAccess>]
module internal PictureRoutes =
    let private thumbnailSide = 160

    let private pictureJson (found: CheckedPicture) : PictureJson =
        {
            Name = found.Picture.Name
            Kind = PictureKind.name found.Picture.Kind
            Width = found.Width
            Height = found.Height
            HasMask = found.Picture.Mask.IsSome
            Remarks = found.Remarks
        }

    /// What the newest training found unusual, beside what is odd about the files.
    let private withDifference (differing: Map<string, float>) (found: CheckedPicture) =
        match Map.tryFind found.Picture.Name differing with
        | Some distance when found.Picture.Kind = Good ->
            let times = distance.ToString("0.00", CultureInfo.InvariantCulture)
            { found with Remarks = found.Remarks @ [ $"differs from the others: {times} times as far as the median" ] }
        | _ -> found

    let private list parts context : Task =
        StudioRequests.answer context (StudioRequests.project parts context) (fun project ->
            let differing = DetectorVersion.differing project

            [ Good; Bad ]
            |> List.collect (fun kind -> PictureChecks.all project kind |> List.map (withDifference differing >> pictureJson))
            |> Http.writeJson context 200)

    /// The bodies of a form; some may be refused, and the others are added all the same.
    let private add parts (context: HttpContext) : Task =
        task {
            match StudioRequests.project parts context, StudioRequests.kind context with
            | Error refusal, _
            | _, Error refusal -> do! Http.writeRefusal context refusal
            | Ok project, Ok kind ->
                match! RequestImages.read context context.RequestAborted with
                | Error refusal -> do! Http.writeRefusal context refusal
                | Ok files ->
                    let results = files |> List.map (fun (name, bytes) -> PictureStore.add project kind name bytes)

                    do!
                        Http.writeJson
                            context
                            200
                            {
                                Added = results |> List.choose Result.toOption
                                Refused =
                                    results
                                    |> List.choose (function
                                        | Error reason -> Some reason
                                        | Ok _ -> None)
                            }
        }

    /// As a browser can show it: other formats than its own as PNG.
    let private show (context: HttpContext) (picture: StoredPicture) : Task =
        match (Files.extension picture.Path).ToLowerInvariant() with
        | ".png" -> StudioRequests.file context "image/png" None picture.Path
        | ".jpg"
        | ".jpeg" -> StudioRequests.file context "image/jpeg" None picture.Path
        | ".webp" -> StudioRequests.file context "image/webp" None picture.Path
        | _ ->
            match ImageDecoder.read 3 0 picture.Path with
            | Ok decoded -> Http.writeBytes context "image/png" (ImageEncoder.toPng decoded.Image)
            | Error problem -> Http.writeError context 400 problem.Reason

    let private thumbnail (context: HttpContext) picture : Task =
        match PictureStore.thumbnail thumbnailSide picture with
        | Ok bytes -> Http.writeBytes context "image/jpeg" bytes
        | Error reason -> Http.writeError context 400 reason

    let private ofPicture parts (context: HttpContext) write : Task =
        StudioRequests.answer context (StudioRequests.picture parts context) (snd >> write)

    let private remove parts (context: HttpContext) : Task =
        StudioRequests.answer context (StudioRequests.picture parts context) (fun (project, picture) ->
            PictureStore.remove project picture
            Http.writeJson context 200 {| Removed = picture.Name |})

    /// A mask from the body, a PNG.
    let private mask (context: HttpContext) (found: Result<'a, Refusal>) (set: 'a -> byte[] -> Result<unit, string>) : Task =
        task {
            match found with
            | Error refusal -> do! Http.writeRefusal context refusal
            | Ok target ->
                match! RequestImages.read context context.RequestAborted with
                | Error refusal -> do! Http.writeRefusal context refusal
                | Ok files ->
                    let result = StudioRequests.badRequest (set target (snd files.Head))
                    do! StudioRequests.answer context result (fun () -> Http.writeJson context 200 {| Kept = true |})
        }

    let map (app: WebApplication) parts =
        let path = "/v1/projects/{project}/pictures"
        let one = path + "/{kind}/{name}"
        Http.mapRead app path (list parts)
        app.MapPost(path + "/{kind}", RequestDelegate(add parts)) |> ignore
        Http.mapRead app one (fun context -> ofPicture parts context (show context))
        Http.mapRead app (one + "/thumbnail.jpg") (fun context -> ofPicture parts context (thumbnail context))
        app.MapDelete(one, RequestDelegate(remove parts)) |> ignore

        Http.mapRead app (one + "/mask.png") (fun context ->
            ofPicture parts context (fun picture -> StudioRequests.file context "image/png" None (Option.defaultValue "" picture.Mask)))

        app.MapPost(
            one + "/mask.png",
            RequestDelegate(fun context -> mask context (StudioRequests.picture parts context |> Result.map snd) PictureStore.setMask)
        )
        |> ignore

        let ignored = "/v1/projects/{project}/ignore.png"

        Http.mapRead app ignored (fun context ->
            StudioRequests.answer context (StudioRequests.project parts context) (fun project ->
                StudioRequests.file context "image/png" None (Project.ignoreMask project)))

        app.MapPost(ignored, RequestDelegate(fun context -> mask context (StudioRequests.project parts context) PictureStore.setIgnore))
        |> ignore
