/// Processes, and the places of the repository. build.fsx loads this file too: no packages here.
module Fae.Dev.Shell

open System
open System.Collections.Concurrent
open System.Diagnostics
open System.Globalization
open System.IO

let root = Path.GetFullPath(Path.Combine(__SOURCE_DIRECTORY__, "..", ".."))

let private combine (parts: string list) = Path.Combine(Array.ofList parts)
let inRoot parts = combine (root :: parts)
let inArtifacts parts = combine (root :: "artifacts" :: parts)

let private start (command: string) (args: string list) captured =
    match Process.Start(ProcessStartInfo(command, args, WorkingDirectory = root, RedirectStandardOutput = captured)) with
    | null -> failwith $"{command} did not start"
    | child -> child

/// Runs a command in the repository and returns its exit code.
let tryRun command args =
    use child = start command args false
    child.WaitForExit()
    child.ExitCode

/// Runs a command; this program ends with its exit code if it fails.
let run command args =
    match tryRun command args with
    | 0 -> ()
    | code ->
        eprintfn $"""build: `{String.concat " " (command :: args)}` ended with {code}"""
        exit code

/// The standard output of a command.
let capture command args =
    use child = start command args true
    let text = child.StandardOutput.ReadToEnd()
    child.WaitForExit()
    text

let fae args = run (inArtifacts [ "bin"; "fae" ]) args

/// The package folder of NuGet.
let globalPackages () =
    let listed = capture "dotnet" [ "nuget"; "locals"; "global-packages"; "--list" ]
    listed.Substring(listed.IndexOf ':' + 1).Trim()

/// Names and versions that paket.lock pins. What packages depend on is indented further.
let lockedPackages () =
    [
        for line in File.ReadLines(inRoot [ "paket.lock" ]) do
            if line.StartsWith "    " && line.Length > 4 && line[4] <> ' ' && line.Contains " (" then
                line.Trim().Split(" (")[0], line.Substring(line.IndexOf '(' + 1).Trim().TrimEnd ')'
    ]

/// The version of a package that paket.lock pins.
let locked (name: string) = lockedPackages () |> List.find (fst >> (=) name) |> snd

let private properties = ConcurrentDictionary<string, string>()

/// A property of the build, such as the version. MSBuild takes a second to say one, so it is asked once.
let property (name: string) =
    properties.GetOrAdd(name, fun name -> (capture "dotnet" [ "msbuild"; "src/Fae/Fae.csproj"; $"-getProperty:{name}" ]).Trim())

/// The folder, new and empty.
let emptied (folder: string) =
    if Directory.Exists folder then Directory.Delete(folder, true)
    Directory.CreateDirectory folder |> ignore
    folder

/// Ends the build where there are problems, a line each.
let endWith (problems: string list) =
    if not problems.IsEmpty then
        for problem in problems do
            eprintfn $"build: {problem}"

        exit 1

let commit () = (capture "git" [ "rev-parse"; "--short=7"; "HEAD" ]).Trim()

let private processor () =
    let ofLinux = "/proc/cpuinfo"

    (if File.Exists ofLinux then File.ReadLines ofLinux else Seq.empty)
    |> Seq.tryFind _.StartsWith("model name")
    |> Option.map (fun line -> line.Substring(line.IndexOf ':' + 1).Trim())
    |> Option.orElse (Option.ofObj (Environment.GetEnvironmentVariable "PROCESSOR_IDENTIFIER"))
    |> Option.defaultValue "unknown processor"

/// Where and when a page was measured.
let measuredHere () =
    let date = DateTime.UtcNow.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)
    $"Measured at {commit ()}, {date}, on {Environment.ProcessorCount} cores of {processor ()}."

let format (pattern: string) (value: float) = value.ToString(pattern, CultureInfo.InvariantCulture)
