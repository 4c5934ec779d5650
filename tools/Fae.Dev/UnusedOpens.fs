/// `open` declarations that a file does not need. The C# compiler reports its own (IDE0005); for F# the compiler service knows.
module Fae.Dev.UnusedOpens

open System.IO
open System.Text.Json
open FSharp.Compiler.CodeAnalysis
open FSharp.Compiler.Diagnostics
open FSharp.Compiler.EditorServices
open FSharp.Compiler.Text

/// The arguments that the compiler gets for a project.
let private compilerArguments (project: string) =
    let args =
        [
            "msbuild"
            project
            "-target:Compile"
            "-property:Configuration=Release;SkipCompilerExecution=true;ProvideCommandLineArgs=true"
            "-property:NonExistentFile=force;BuildProjectReferences=false"
            "-getItem:FscCommandLineArgs"
        ]

    use json = JsonDocument.Parse(Shell.capture "dotnet" args)

    [|
        for item in json.RootElement.GetProperty("Items").GetProperty("FscCommandLineArgs").EnumerateArray() do
            string (item.GetProperty("Identity").GetString())
    |]

let private checker = FSharpChecker.Create(keepAssemblyContents = false)

/// Checks a file with these lines; the results, or the first error.
let private check (options: FSharpProjectOptions) (path: string) (lines: string[]) =
    async {
        match! checker.ParseAndCheckFileInProject(path, 0, SourceText.ofString (String.concat "\n" lines), options) with
        | _, FSharpCheckFileAnswer.Succeeded results ->
            match results.Diagnostics |> Array.tryFind (fun found -> found.Severity = FSharpDiagnosticSeverity.Error) with
            | None -> return Ok results
            | Some error -> return Error $"{path}({error.StartLine}): cannot be checked: {error.Message}"
        | _, FSharpCheckFileAnswer.Aborted -> return Error $"{path}: cannot be checked"
    }

let private unusedIn (options: FSharpProjectOptions) (path: string) =
    async {
        let lines = File.ReadAllLines path

        match! check options path lines with
        | Error problem -> return [ problem ]
        | Ok results ->
            let! unused = UnusedOpens.getUnusedOpens (results, fun number -> lines[number - 1])
            return unused |> List.map (fun range -> $"{Path.GetRelativePath(Shell.root, path)}({range.StartLine}): unused open")
    }

let private unusedInProject (project: string) =
    let folder = string (Path.GetDirectoryName(Path.GetFullPath project))
    let arguments = compilerArguments project
    let sources = arguments |> Array.filter (fun arg -> arg.EndsWith ".fs" && not (arg.StartsWith '-'))
    let full = sources |> Array.map (fun path -> Path.GetFullPath(path, folder))
    let others = arguments |> Array.filter (fun arg -> arg.StartsWith '-')
    let options = checker.GetProjectOptionsFromCommandLineArgs(Path.GetFullPath project, Array.append others full)
    // Generated files stand in obj.
    let own =
        full
        |> Array.filter (fun path -> not (path.Contains $"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}"))

    [
        for path in own do
            yield! unusedIn options path |> Async.RunSynchronously
    ]

/// All unused opens of the repository's F# projects, which must be built.
let find () =
    [ "src"; "tests"; "tools" ]
    |> List.collect (fun folder -> List.ofArray (Directory.GetFiles(folder, "*.fsproj", SearchOption.AllDirectories)))
    |> List.sort
    |> List.collect unusedInProject
