/// What a detector found on a picture, for machines: the form of `fae inspect --json`, of `fae watch` and of the server.
namespace Fae.Report

open System.Text.Json.Nodes
open Fae.Core
open Fae.Data
open Fae.Detection

/// Where a region lies, in pixels of the original picture.
type Place =
    {
        Left: int
        Top: int
        Width: int
        Height: int
        Area: int
        Peak: float32
    }

[<RequireQualifiedAccess>]
module Findings =
    /// The regions of a finding in pixels of the original picture.
    let regions (picture: Picture) (finding: Finding) =
        let sx = float picture.OriginalWidth / float picture.Image.Width
        let sy = float picture.OriginalHeight / float picture.Image.Height

        [
            for region in finding.Regions do
                let left, top = int (floor (float region.X * sx)), int (floor (float region.Y * sy))
                let right = min picture.OriginalWidth (int (ceil (float (region.X + region.Width) * sx)))
                let bottom = min picture.OriginalHeight (int (ceil (float (region.Y + region.Height) * sy)))

                {
                    Left = left
                    Top = top
                    Width = right - left
                    Height = bottom - top
                    Area = int (round (float region.Area * sx * sy))
                    Peak = region.Peak
                }
        ]

    let private placeToJson (place: Place) =
        let json = JsonObject()

        json["box"] <-
            JsonArray(JsonValue.Create place.Left, JsonValue.Create place.Top, JsonValue.Create place.Width, JsonValue.Create place.Height)

        json["area"] <- JsonValue.Create place.Area
        json["peak"] <- JsonValue.Create place.Peak
        json

    /// The regions as JSON: `box` (left, top, width, height), `area`, `peak`.
    let regionsJson picture finding =
        JsonArray(
            [|
                for place in regions picture finding -> placeToJson place :> JsonNode | null
            |]
        )

    /// `path`, `score`, `p_value`, `anomalous`, `regions`, `heatmap` (where it is, or null).
    let toJson (path: string) (picture: Picture) (finding: Finding) (heatmap: string | null) =
        let json = JsonObject()
        json["path"] <- JsonValue.Create path
        json["score"] <- JsonValue.Create finding.Verdict.Score
        json["p_value"] <- JsonValue.Create finding.Verdict.PValue
        json["anomalous"] <- JsonValue.Create finding.Verdict.Anomalous

        json["regions"] <- regionsJson picture finding

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
