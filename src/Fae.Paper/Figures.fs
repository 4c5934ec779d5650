/// Figures: rows of pictures with the reconstructions and heatmaps of some models.
namespace Fae.Paper

open Fae.Core
open Fae.Detection
open Fae.Imaging
open Fae.Report

/// The finding of one model; `Title` names the model in a figure.
[<NoComparison>]
type ModelResult = { Title: string; Calibration: Calibration; Finding: Finding }

/// A test picture, its mask, and the findings of some models.
[<NoComparison>]
type ComparedImage = { Caption: string; Input: Image; Mask: Image option; Results: ModelResult list }

/// Rows of pictures under the same headings.
[<NoComparison>]
type Figure = { Name: string; Title: string; Headings: string list; Rows: (string * Image list) list }

[<RequireQualifiedAccess>]
module Figure =
    let private truth image =
        match image.Mask with
        | Some mask -> HeatmapColours.outline Html.green mask image.Input
        | None -> image.Input

    let private reconstruction (result: ModelResult) = Image.map (fun v -> max 0.0f (min 1.0f v)) result.Finding.Reconstruction

    let private heatmap image (result: ModelResult) =
        HeatmapColours.overlay result.Calibration.PixelThreshold image.Input result.Finding.Heatmap

    /// A figure that shows, after the picture and its truth, some views of each result; all images have the same results.
    let private compare name title (views: (string * (ComparedImage -> ModelResult -> Image)) list) (images: ComparedImage list) =
        let titles =
            match images with
            | first :: _ -> first.Results |> List.map _.Title
            | [] -> []

        let heading title view = [ title; view ] |> List.filter (fun word -> word <> "") |> String.concat ": "

        {
            Name = name
            Title = title
            Headings =
                [ "picture"; "truth" ]
                @ [
                    for title in titles do
                        for view, _ in views -> heading title view
                ]
            Rows =
                [
                    for image in images ->
                        image.Caption,
                        [ image.Input; truth image ]
                        @ [
                            for result in image.Results do
                                for _, show in views -> show image result
                        ]
                ]
        }

    /// Reconstructions and heatmaps of each result.
    let reconstructions name title images =
        compare name title [ "reconstruction", (fun _ result -> reconstruction result); "heatmap", heatmap ] images

    /// Heatmaps of each result.
    let heatmaps name title images = compare name title [ "", heatmap ] images

    let private side, gap = 160, 6

    /// The figure as one picture, row by row, without its words.
    let toImage figure =
        let rows =
            figure.Rows
            |> List.map (fun (_, images) ->
                images
                |> List.map (fun image ->
                    let scale = float side / float (max image.Height image.Width)
                    let scaled (length: int) = max 1 (int (round (scale * float length)))
                    ImageEncoder.resize (scaled image.Height) (scaled image.Width) image)
                |> Array.ofList)
            |> Array.ofList

        let step = side + gap

        Image.init 3 (step * rows.Length - gap) (step * figure.Headings.Length - gap) (fun c y x ->
            let image = rows[y / step][x / step]
            let y, x = y % step, x % step

            if y < image.Height && x < image.Width then image[c % image.Channels, y, x] else 1.0f)

    let toHtml figure =
        let headings = "" :: figure.Headings |> List.map (fun heading -> $"<b>{Html.escape heading}</b>") |> String.concat ""

        let row (caption: string, images) =
            let pictures =
                List.zip figure.Headings images
                |> List.map (fun (heading, image) ->
                    $"<img loading=\"lazy\" alt=\"{Html.escape heading} of {Html.escape caption}\" src=\"{Html.jpeg image}\">")
                |> String.concat ""

            $"<p>{Html.escape caption}</p>{pictures}"

        $"""<h2>{Html.escape figure.Title}</h2>
<div class="figure" style="grid-template-columns:8rem repeat({figure.Headings.Length},minmax(0,1fr))">{headings}
{figure.Rows |> List.map row |> String.concat "\n"}</div>"""
