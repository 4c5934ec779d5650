/// Pages of the documentation that commands write.
module Fae.Dev.Pages

open System.IO

let write (path: string) (lines: string list) =
    File.WriteAllText(path, String.concat "\n" lines + "\n")
    printfn $"see {Path.GetRelativePath(Shell.root, path)}"

/// A row of a Markdown table.
let row (cells: string list) = "| " + String.concat " | " cells + " |"

let table (headings: string list) (rows: string list list) =
    row headings :: row (headings |> List.map (fun _ -> "---")) :: List.map row rows

/// Rewrites the lines between the two marks where a target's results stand, from those that stand there.
let rewriteResults (path: string) (target: string) (rewrite: string list -> string list) =
    let text = File.ReadAllText path
    let opening, closing = $"<!-- results: written by `build.fsx {target}` -->", "<!-- end of results -->"
    let start = text.IndexOf opening + opening.Length
    let finish = text.IndexOf closing
    let old = text.Substring(start, finish - start).Split '\n' |> List.ofArray
    File.WriteAllText(path, String.concat "\n" ([ text.Substring(0, start) ] @ rewrite old @ [ text.Substring finish ]))
