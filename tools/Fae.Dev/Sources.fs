/// Checks of sources and documents that no formatter makes.
module Fae.Dev.Sources

open System.IO

let private longest = 140

let private tracked () = (Shell.capture "git" [ "ls-files"; "--cached"; "--others"; "--exclude-standard" ]).Split '\n' |> List.ofArray

/// Rows of Markdown tables cannot be wrapped; pages that `fae reproduce` wrote are kept as they are.
let private mayBeLong (path: string) (line: string) =
    path.EndsWith ".md" && (line.StartsWith '|' || path.StartsWith "docs/method/reproduction/")

/// Lines of code and documents that are longer than 140 characters.
let longLines () =
    [
        for path in tracked () do
            if
                List.contains (Path.GetExtension path) [ ".fs"; ".cs"; ".fsx"; ".md"; ".toml"; ".ts"; ".css" ]
                && File.Exists path
            then
                for number, line in Seq.indexed (File.ReadLines path) do
                    if line.Length > longest && not (mayBeLong path line) then
                        $"{path}({number + 1}): {line.Length} characters, more than {longest}"
    ]
