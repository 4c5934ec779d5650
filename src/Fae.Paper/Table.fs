/// A table as a value, printed as Markdown, CSV, LaTeX and HTML.
namespace Fae.Paper

/// A table cell: a text, and the marks of the notes that it refers to.
type Entry = { Text: string; Notes: string list }

type TableRow =
    /// A name and an entry for each further column.
    | Row of string * Entry list
    /// A line between groups of rows.
    | Rule

type Table =
    {
        /// The file's name, without an ending.
        Name: string
        Title: string
        Columns: string list
        Rows: TableRow list
        /// Marks and texts of notes.
        Notes: (string * string) list
    }

[<RequireQualifiedAccess>]
module Entry =
    let plain text = { Text = text; Notes = [] }

    /// What is not known.
    let none = plain "–"

    let withNote mark text = { Text = text; Notes = [ mark ] }

    let full entry = entry.Text + String.concat "" entry.Notes

[<RequireQualifiedAccess>]
module Table =
    let private used table =
        let notes =
            table.Rows
            |> List.collect (function
                | Row(_, entries) -> entries |> List.collect _.Notes
                | Rule -> [])
            |> set

        table.Notes |> List.filter (fun (sign, _) -> sign = "" || notes.Contains sign)

    let private note (sign, text) = if sign = "" then text else sign + " " + text

    let toMarkdown table =
        let line cells = "| " + String.concat " | " cells + " |"

        let rows =
            table.Rows
            |> List.choose (function
                | Row(name, entries) -> Some(line (name :: List.map Entry.full entries))
                | Rule -> None)

        [
            $"## {table.Title}"
            ""
            line table.Columns
            line ("---" :: List.replicate (table.Columns.Length - 1) "---:")
        ]
        @ rows
        @ [
            ""
            for item in used table do
                note item
                ""
        ]
        |> String.concat "\n"

    let private quoted (text: string) =
        if text.IndexOfAny [| ','; '"'; '\n' |] >= 0 then
            "\"" + text.Replace("\"", "\"\"") + "\""
        else
            text

    /// Numbers stay numbers: notes have a column of their own, and what is not known is empty.
    let toCsv table =
        let row name (entries: Entry list) =
            let notes =
                List.zip (List.tail table.Columns) entries
                |> List.collect (fun (column, entry) -> entry.Notes |> List.map (fun sign -> column + sign))

            name :: (entries |> List.map (fun e -> if e = Entry.none then "" else e.Text)) @ [ String.concat "; " notes ]

        (table.Columns @ [ "notes" ])
        :: (table.Rows
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

    let toLatex table =
        let line cells = String.concat " & " (List.map latexText cells) + " \\\\"

        let rows =
            table.Rows
            |> List.map (function
                | Row(name, entries) -> line (name :: List.map Entry.full entries)
                | Rule -> "\\hline")

        [
            "\\begin{table*}"
            "\\centering\\scriptsize\\setlength{\\tabcolsep}{2pt}"
            $"\\caption{{{latexText table.Title}}}"
            $"""\begin{{tabular}}{{l{String.replicate (table.Columns.Length - 1) "r"}}}"""
            "\\hline"
            line table.Columns
            "\\hline"
        ]
        @ rows
        @ [
            "\\hline"
            "\\end{tabular}"
            for item in used table do
                $"\\par {latexText (note item)}"
            "\\end{table*}"
            ""
        ]
        |> String.concat "\n"

    let toHtml table =
        let heading =
            table.Columns
            |> List.mapi (fun i column ->
                let kind = if i = 0 then "" else " class=\"n\""
                $"<th{kind}>{Fae.Report.Html.escape column}</th>")
            |> String.concat ""

        let line kind name entries =
            let cells =
                entries
                |> List.map (fun e -> $"<td class=\"n\">{Fae.Report.Html.escape (Entry.full e)}</td>")
                |> String.concat ""

            $"<tr{kind}><td>{Fae.Report.Html.escape name}</td>{cells}</tr>"

        let rows =
            List.zip (Rule :: table.Rows |> List.truncate table.Rows.Length) table.Rows
            |> List.choose (function
                | Rule, Row(name, entries) -> Some(line " class=\"rule\"" name entries)
                | Row _, Row(name, entries) -> Some(line "" name entries)
                | _, Rule -> None)

        let notes =
            used table
            |> List.map (fun item -> $"<p class=\"sub\">{Fae.Report.Html.escape (note item)}</p>")
            |> String.concat "\n"

        $"""<h2>{Fae.Report.Html.escape table.Title}</h2>
<div class="wide"><table><tr>{heading}</tr>
{String.concat "\n" rows}</table></div>
{notes}"""
