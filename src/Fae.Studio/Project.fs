/// A project: a folder below the studio's home. What is in it is what fae train and fae eval read: a terminal can go on with it.
namespace Fae.Studio

open System
open System.IO

/// One kind of part. `Folder` holds data/good, data/bad, ignore.png and versions/.
type Project = { Name: string; Folder: string }

/// What pictures are of.
type PictureKind =
    | Good
    | Bad

[<RequireQualifiedAccess>]
module PictureKind =
    let name =
        function
        | Good -> "good"
        | Bad -> "bad"

    let tryParse text = [ Good; Bad ] |> List.tryFind (fun kind -> name kind = text)

[<RequireQualifiedAccess>]
module Project =
    /// A name is a folder's on every system, and a word of an address.
    let isName (name: string) =
        name.Length > 0
        && name.Length <= 60
        && Char.IsLetterOrDigit name[0]
        && Seq.forall (fun c -> Char.IsAsciiLetterOrDigit c || c = '-' || c = '_') name

    let private folder (home: string) = Path.Combine(home, "projects")

    let private at home name = { Name = name; Folder = Path.Combine(folder home, name) }

    /// The folder that is trained and evaluated on.
    let data project = Path.Combine(project.Folder, "data")

    let pictures kind project = Path.Combine(data project, PictureKind.name kind)

    /// What is hidden in all pictures.
    let ignoreMask project = Path.Combine(project.Folder, "ignore.png")

    /// Pictures that were taken out: nothing is deleted.
    let removed project = Path.Combine(project.Folder, "removed")

    /// Drawings of synthetic corruption.
    let corruption project = Path.Combine(project.Folder, "corruption")

    /// The file with the path of the folder whose new pictures are inspected.
    let sourcePath project = Path.Combine(project.Folder, "watched-folder.txt")

    /// Journal and heatmaps of what was inspected there.
    let watched project = Path.Combine(project.Folder, "watched")

    let versions project = Path.Combine(project.Folder, "versions")

    /// In the order of their names.
    let all home : Project list =
        if Directory.Exists(folder home) then
            Directory.GetDirectories(folder home)
            |> Array.map (fun path -> nonNull (Path.GetFileName path))
            |> Array.filter isName
            |> Array.sort
            |> Array.map (at home)
            |> List.ofArray
        else
            []

    let tryFind home name = if isName name && Directory.Exists (at home name).Folder then Some(at home name) else None

    let create home name : Result<Project, string> =
        let project = at home name

        if not (isName name) then
            Error "a name has letters, digits, - and _ alone, at most 60, and begins with a letter or a digit"
        elif all home |> List.exists (fun other -> String.Equals(other.Name, name, StringComparison.OrdinalIgnoreCase)) then
            Error $"there is a project {name} already"
        else
            for folder in [ pictures Good project; pictures Bad project; versions project ] do
                Directory.CreateDirectory folder |> ignore

            Ok project
