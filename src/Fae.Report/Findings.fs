/// What a detector found on a picture, for machines: the form of `fae inspect --json`, of `fae watch` and of the server.
namespace Fae.Report

open System.Text.Json.Nodes
open Fae.Core
open Fae.Data
open Fae.Engine

[<RequireQualifiedAccess>]
module Findings =
    /// A region in pixels of the original picture.
    let private region (picture: Picture) (region: Region) =
        let sx = float picture.OriginalWidth / float picture.Image.Width
        let sy = float picture.OriginalHeight / float picture.Image.Height
        let left, top = int (floor (float region.X * sx)), int (floor (float region.Y * sy))
        let right = min picture.OriginalWidth (int (ceil (float (region.X + region.Width) * sx)))
        let bottom = min picture.OriginalHeight (int (ceil (float (region.Y + region.Height) * sy)))
        let json = JsonObject()

        json["box"] <-
            JsonArray(JsonValue.Create left, JsonValue.Create top, JsonValue.Create(right - left), JsonValue.Create(bottom - top))

        json["area"] <- JsonValue.Create(int (round (float region.Area * sx * sy)))
        json["peak"] <- JsonValue.Create region.Peak
        json

    /// `path`, `score`, `p_value`, `anomalous`, `regions`, `heatmap` (where it is, or null).
    let toJson (path: string) (picture: Picture) (finding: Finding) (heatmap: string | null) =
        let json = JsonObject()
        json["path"] <- JsonValue.Create path
        json["score"] <- JsonValue.Create finding.Verdict.Score
        json["p_value"] <- JsonValue.Create finding.Verdict.PValue
        json["anomalous"] <- JsonValue.Create finding.Verdict.Anomalous

        json["regions"] <- JsonArray([| for found in finding.Regions -> region picture found :> JsonNode | null |])

        json["heatmap"] <-
            (match heatmap with
             | null -> null
             | file -> JsonValue.Create file :> JsonNode | null)

        json

    /// The heatmap over the picture, at the picture's own size, as PNG.
    let heatmap (threshold: float32) (picture: Picture) (finding: Finding) =
        Colour.overlay threshold picture.Image finding.Heatmap
        |> ImageFile.resize picture.OriginalHeight picture.OriginalWidth
        |> ImageFile.toPng
