/// report.html, report.md, report.tex, CSV tables and figures of a reproduction.
namespace Fae.Paper

open System.IO
open Fae.Detection
open Fae.Imaging
open Fae.Report

[<RequireQualifiedAccess>]
module ReproductionReport =
    let private caption figure =
        $"""{figure.Title}. Columns: {String.concat ", " figure.Headings}. Rows: {figure.Rows |> List.map fst |> String.concat ", "}."""

    /// Writes report.html, report.md, report.tex, a CSV file for each table and a picture for each figure into the folder.
    let write (folder: string) (title: string) (preface: string) (tables: Table list) (figures: Figure list) =
        let file (name: string) (text: string) = AtomicFile.WriteText(Path.Combine(folder, name), text)

        for table in tables do
            file (table.Name + ".csv") (Table.toCsv table)

        for figure in figures do
            AtomicFile.Write(
                Path.Combine(folder, "figures", figure.Name + ".jpg"),
                fun stream -> stream.Write(ImageEncoder.toJpeg (Figure.toImage figure))
            )

        [ $"# {title}"; ""; preface; "" ]
        @ List.map Table.toMarkdown tables
        @ [
            for figure in figures do
                $"## {figure.Title}"
                ""
                $"![{caption figure}](figures/{figure.Name}.jpg)"
                ""
        ]
        |> String.concat "\n"
        |> file "report.md"

        [ "\\documentclass{article}"; "\\usepackage[landscape,margin=1cm]{geometry}"; "\\usepackage{graphicx}" ]
        @ [ "\\begin{document}"; $"\\section*{{{Table.latexText title}}}"; Table.latexText preface; "" ]
        @ List.map Table.toLatex tables
        @ [
            for figure in figures do
                "\\begin{figure*}\\centering"
                $"\\includegraphics[width=\\linewidth]{{figures/{figure.Name}.jpg}}"
                $"\\caption{{{Table.latexText (caption figure)}}}"
                "\\end{figure*}"
        ]
        @ [ "\\end{document}"; "" ]
        |> String.concat "\n"
        |> file "report.tex"

        [ $"<p class=\"sub\">{Html.escape preface}</p>" ]
        @ List.map Table.toHtml tables
        @ List.map Figure.toHtml figures
        |> String.concat "\n"
        |> Html.page title
        |> file "report.html"
