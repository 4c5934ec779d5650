/// Pictures side by side: the paper's figures from models of one's own, and the page that holds them with the tables.
namespace Fae.Report

open System.IO
open Fae.Core
open Fae.Data
open Fae.Detection

/// What one model says of a picture; `Title` tells the models of a figure apart.
[<NoComparison>]
type Opinion =
    {
        Title: string
        Calibration: Calibration
        Finding: Finding
    }

/// A test picture, what is wrong with it, and what some models say.
[<NoComparison>]
type Exhibit =
    {
        Caption: string
        Input: Image
        Mask: Image option
        Opinions: Opinion list
    }

/// Rows of pictures under the same headings.
[<NoComparison>]
type Figure =
    {
        Name: string
        Title: string
        Headings: string list
        Rows: (string * Image list) list
    }

[<RequireQualifiedAccess>]
module Figure =
    let private truth exhibit =
        match exhibit.Mask with
        | Some mask -> Colour.outline Html.green mask exhibit.Input
        | None -> exhibit.Input

    let private reconstruction (opinion: Opinion) = Image.map (fun v -> max 0.0f (min 1.0f v)) opinion.Finding.Reconstruction

    let private heatmap exhibit (opinion: Opinion) = Colour.overlay opinion.Calibration.PixelThreshold exhibit.Input opinion.Finding.Heatmap

    /// A figure that shows, after the picture and its truth, some views of each opinion; all exhibits have the same opinions.
    let private compare name title (views: (string * (Exhibit -> Opinion -> Image)) list) (exhibits: Exhibit list) =
        let titles =
            match exhibits with
            | first :: _ -> first.Opinions |> List.map _.Title
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
                    for exhibit in exhibits ->
                        exhibit.Caption,
                        [ exhibit.Input; truth exhibit ]
                        @ [
                            for opinion in exhibit.Opinions do
                                for _, show in views -> show exhibit opinion
                        ]
                ]
        }

    /// Reconstructions and heatmaps of each opinion.
    let reconstructions name title exhibits =
        compare
            name
            title
            [
                "reconstruction", (fun _ opinion -> reconstruction opinion)
                "heatmap", heatmap
            ]
            exhibits

    /// Heatmaps of each opinion.
    let heatmaps name title exhibits = compare name title [ "", heatmap ] exhibits

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
                    ImageFile.resize (scaled image.Height) (scaled image.Width) image)
                |> Array.ofList)
            |> Array.ofList

        let step = side + gap

        Image.init 3 (step * rows.Length - gap) (step * figure.Headings.Length - gap) (fun c y x ->
            let image = rows[y / step][x / step]
            let y, x = y % step, x % step

            if y < image.Height && x < image.Width then
                image[c % image.Channels, y, x]
            else
                1.0f)

    let toHtml figure =
        let headings =
            "" :: figure.Headings
            |> List.map (fun heading -> $"<b>{Html.escape heading}</b>")
            |> String.concat ""

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

[<RequireQualifiedAccess>]
module Reproduced =
    let private caption figure =
        $"""{figure.Title}. Columns: {String.concat ", " figure.Headings}. Rows: {figure.Rows |> List.map fst |> String.concat ", "}."""

    /// Writes report.html, report.md, report.tex, a CSV file for each table and a picture for each figure into the folder.
    let write (folder: string) (title: string) (preface: string) (sheets: Sheet list) (figures: Figure list) =
        let file (name: string) (text: string) = AtomicFile.WriteText(Path.Combine(folder, name), text)

        for sheet in sheets do
            file (sheet.Name + ".csv") (Sheet.toCsv sheet)

        for figure in figures do
            AtomicFile.Write(
                Path.Combine(folder, "figures", figure.Name + ".jpg"),
                fun stream -> stream.Write(ImageFile.toJpeg (Figure.toImage figure))
            )

        [ $"# {title}"; ""; preface; "" ]
        @ List.map Sheet.toMarkdown sheets
        @ [
            for figure in figures do
                $"## {figure.Title}"
                ""
                $"![{caption figure}](figures/{figure.Name}.jpg)"
                ""
        ]
        |> String.concat "\n"
        |> file "report.md"

        [
            "\\documentclass{article}"
            "\\usepackage[landscape,margin=1cm]{geometry}"
            "\\usepackage{graphicx}"
        ]
        @ [
            "\\begin{document}"
            $"\\section*{{{Sheet.latexText title}}}"
            Sheet.latexText preface
            ""
        ]
        @ List.map Sheet.toLatex sheets
        @ [
            for figure in figures do
                "\\begin{figure*}\\centering"
                $"\\includegraphics[width=\\linewidth]{{figures/{figure.Name}.jpg}}"
                $"\\caption{{{Sheet.latexText (caption figure)}}}"
                "\\end{figure*}"
        ]
        @ [ "\\end{document}"; "" ]
        |> String.concat "\n"
        |> file "report.tex"

        [ $"<p class=\"sub\">{Html.escape preface}</p>" ]
        @ List.map Sheet.toHtml sheets
        @ List.map Figure.toHtml figures
        |> String.concat "\n"
        |> Html.page title
        |> file "report.html"
