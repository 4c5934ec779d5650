/// Which version of a project serves. The served file is a copy below the studio's home, written whole: fae watch and fae serve
/// elsewhere may use it too, and see a new version by themselves.
namespace Fae.Studio

open System
open System.Globalization
open System.IO
open Fae.Detection

[<RequireQualifiedAccess>]
module Publishing =
    let private folder home = Path.Combine(home, "models")

    /// The served model of a project.
    let model home (project: Project) = Path.Combine(folder home, project.Name + ".safetensors")

    /// A line for each publication: time, version, who.
    let private logPath (project: Project) = Path.Combine(project.Folder, "published.txt")

    /// The numbers of the versions that were published, the latest first.
    let past project : int list =
        if File.Exists(logPath project) then
            File.ReadAllLines(logPath project)
            |> Array.choose (fun line ->
                match line.Split(' ') with
                | [| _; number; _ |] -> Some(Int32.Parse(number, CultureInfo.InvariantCulture))
                | _ -> None)
            |> Array.rev
            |> List.ofArray
        else
            []

    /// The version that serves.
    let current project = List.tryHead (past project)

    /// The version that served before the present one.
    let previous project =
        match past project with
        | now :: earlier -> earlier |> List.tryFind ((<>) now)
        | [] -> None

    /// Puts a version in the place of the one that serves.
    let publish home (version: DetectorVersion) (who: string) (now: DateTimeOffset) =
        Directory.CreateDirectory(folder home) |> ignore<DirectoryInfo>
        AtomicFile.Copy(DetectorVersion.model version, model home version.Project)

        let earlier =
            if File.Exists(logPath version.Project) then
                File.ReadAllText(logPath version.Project)
            else
                ""

        let name = who.Replace(' ', '_')
        AtomicFile.WriteText(logPath version.Project, earlier + $"{now:O} {version.Number} {name}\n")
