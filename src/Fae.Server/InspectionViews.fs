/// What a person can see of a finding: picture, reconstruction, heatmap and mask as files and as data URLs.
namespace Fae.Server

open System
open Fae.Core
open Fae.Detection
open Fae.Imaging

[<RequireQualifiedAccess>]
module internal InspectionViews =
    /// At the network's size.
    let make (threshold: float32) (picture: Picture) (finding: Finding) =
        {
            Picture = ImageEncoder.toJpeg picture.Image
            Reconstruction = ImageEncoder.toJpeg finding.Reconstruction
            Heatmap = ImageEncoder.toPng (HeatmapColours.heatmap threshold finding.Heatmap)
            Mask = ImageEncoder.toPng (Image.map (fun v -> if v >= threshold then 1.0f else 0.0f) finding.Heatmap)
        }

    let private dataUrl kind (bytes: byte[]) = $"data:{kind};base64,{Convert.ToBase64String bytes}"

    let heatmapUrl threshold picture finding = dataUrl "image/png" (Findings.HeatmapPng(threshold, picture, finding))

    /// The views as data URLs.
    let urls (views: Views) =
        readOnlyDict
            [
                "picture", dataUrl "image/jpeg" views.Picture
                "reconstruction", dataUrl "image/jpeg" views.Reconstruction
                "heatmap", dataUrl "image/png" views.Heatmap
                "mask", dataUrl "image/png" views.Mask
            ]
