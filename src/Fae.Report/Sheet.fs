/// A table as a value, and its faces: Markdown, CSV, LaTeX, HTML.
namespace Fae.Report

/// What stands at one place: a text, and the signs of the notes that it needs.
type Entry = { Text: string; Signs: string list }

type SheetRow =
    /// A name and an entry for each further column.
    | Row of string * Entry list
    /// A line between groups of rows.
    | Rule

type Sheet =
    {
        /// The file's name, without an ending.
        Name: string
        Title: string
        Columns: string list
        Rows: SheetRow list
        /// Signs and what they say.
        Notes: (string * string) list
    }

[<RequireQualifiedAccess>]
module Entry =
    let plain text = { Text = text; Signs = [] }

    /// What is not known.
    let none = plain "–"

    let signed sign text = { Text = text; Signs = [ sign ] }

    let full entry = entry.Text + String.concat "" entry.Signs

[<RequireQualifiedAccess>]
module Sheet =
    let private used sheet =
        let signs =
            sheet.Rows
            |> List.collect (function
                | Row(_, entries) -> entries |> List.collect _.Signs
                | Rule -> [])
            |> set

        sheet.Notes |> List.filter (fun (sign, _) -> sign = "" || signs.Contains sign)

    let private note (sign, text) = if sign = "" then text else sign + " " + text

    let toMarkdown sheet =
        let line cells = "| " + String.concat " | " cells + " |"

        let rows =
            sheet.Rows
            |> List.choose (function
                | Row(name, entries) -> Some(line (name :: List.map Entry.full entries))
                | Rule -> None)

        [
            $"## {sheet.Title}"
            ""
            line sheet.Columns
            line ("---" :: List.replicate (sheet.Columns.Length - 1) "---:")
        ]
        @ rows
        @ [
            ""
            for item in used sheet do
                note item
                ""
        ]
        |> String.concat "\n"

    let private quoted (text: string) =
        if text.IndexOfAny [| ','; '"'; '\n' |] >= 0 then
            "\"" + text.Replace("\"", "\"\"") + "\""
        else
            text

    /// Numbers stay numbers: the signs stand in a column of their own, and what is not known is empty.
    let toCsv sheet =
        let row name (entries: Entry list) =
            let signs =
                List.zip (List.tail sheet.Columns) entries
                |> List.collect (fun (column, entry) -> entry.Signs |> List.map (fun sign -> column + sign))

            name :: (entries |> List.map (fun e -> if e = Entry.none then "" else e.Text))
            @ [ String.concat "; " signs ]

        (sheet.Columns @ [ "notes" ])
        :: (sheet.Rows
            |> List.choose (function
                | Row(name, entries) -> Some(row name entries)
                | Rule -> None))
        |> List.map (List.map quoted >> String.concat ",")
        |> String.concat "\n"
        |> fun text -> text + "\n"

    /// Text for LaTeX: what it would read as a command is escaped.
    let latexText (text: string) =
        let character =
            function
            | '&'
            | '%'
            | '$'
            | '#'
            | '_'
            | '{'
            | '}' as c -> "\\" + string c
            | '\\' -> "\\textbackslash{}"
            | '~' -> "\\textasciitilde{}"
            | '^' -> "\\textasciicircum{}"
            | '±' -> "$\\pm$"
            | '×' -> "$\\times$"
            | '–' -> "--"
            | '−' -> "$-$"
            | '†' -> "$^\\dagger$"
            | '‡' -> "$^\\ddagger$"
            | '§' -> "$^\\S$"
            | '…' -> "\\ldots{}"
            | c -> string c

        text |> Seq.map character |> String.concat ""

    let toLatex sheet =
        let line cells = String.concat " & " (List.map latexText cells) + " \\\\"

        let rows =
            sheet.Rows
            |> List.map (function
                | Row(name, entries) -> line (name :: List.map Entry.full entries)
                | Rule -> "\\hline")

        [
            "\\begin{table*}"
            "\\centering\\scriptsize\\setlength{\\tabcolsep}{2pt}"
            $"\\caption{{{latexText sheet.Title}}}"
            $"""\begin{{tabular}}{{l{String.replicate (sheet.Columns.Length - 1) "r"}}}"""
            "\\hline"
            line sheet.Columns
            "\\hline"
        ]
        @ rows
        @ [
            "\\hline"
            "\\end{tabular}"
            for item in used sheet do
                $"\\par {latexText (note item)}"
            "\\end{table*}"
            ""
        ]
        |> String.concat "\n"

    let toHtml sheet =
        let heading =
            sheet.Columns
            |> List.mapi (fun i column ->
                let kind = if i = 0 then "" else " class=\"n\""
                $"<th{kind}>{Html.escape column}</th>")
            |> String.concat ""

        let line kind name entries =
            let cells =
                entries
                |> List.map (fun e -> $"<td class=\"n\">{Html.escape (Entry.full e)}</td>")
                |> String.concat ""

            $"<tr{kind}><td>{Html.escape name}</td>{cells}</tr>"

        let rows =
            List.zip (Rule :: sheet.Rows |> List.truncate sheet.Rows.Length) sheet.Rows
            |> List.choose (function
                | Rule, Row(name, entries) -> Some(line " class=\"rule\"" name entries)
                | Row _, Row(name, entries) -> Some(line "" name entries)
                | _, Rule -> None)

        let notes =
            used sheet
            |> List.map (fun item -> $"<p class=\"sub\">{Html.escape (note item)}</p>")
            |> String.concat "\n"

        $"""<h2>{Html.escape sheet.Title}</h2>
<div class="wide"><table><tr>{heading}</tr>
{String.concat "\n" rows}</table></div>
{notes}"""
