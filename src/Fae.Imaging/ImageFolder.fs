/// The image files of a folder.
namespace Fae.Imaging

open System
open System.IO

[<RequireQualifiedAccess>]
module ImageFolder =
    let private extensions = set [ ".png"; ".jpg"; ".jpeg"; ".jpe"; ".jfif"; ".tif"; ".tiff"; ".bmp"; ".webp" ]

    let private hasEnding (path: string) = extensions.Contains((Files.extension path).ToLowerInvariant())

    /// What Fae itself writes beside pictures.
    let heatmapEnding, largeHeatmapEnding = "_heatmap.png", "_heatmap.tif"

    let private isOurs (path: string) =
        [ heatmapEnding; largeHeatmapEnding ]
        |> List.exists (fun ending -> (Files.name path).EndsWith(ending, StringComparison.Ordinal))

    let isPicture (path: string) = hasEnding path && not (isOurs path)

    let private isHidden (path: string) = (Files.name path).StartsWith '.'

    let private sorted (paths: string[]) = paths |> Array.sortWith (fun a b -> String.CompareOrdinal(a, b)) |> List.ofArray

    /// The folders of a folder without those of the system, in ordinal order.
    let folders (folder: string) =
        if Directory.Exists folder then
            Directory.GetDirectories folder |> Array.filter (Files.name >> FolderNames.isSystem >> not) |> sorted
        else
            []

    /// Those of them whose names are meant.
    let foldersCalled isMeant (folder: string) = folders folder |> List.filter (Files.name >> isMeant)

    let private pictures (folder: string) =
        if Directory.Exists folder then
            Directory.GetFiles folder |> Array.filter (fun path -> isPicture path && not (isHidden path))
        else
            [||]

    /// The pictures of a folder, in ordinal order of their names; hidden files and heatmaps of ours are passed over.
    let list (folder: string) = sorted (pictures folder)

    /// Where a folder really is: a link leads to its target.
    let private realPath (folder: string) =
        match DirectoryInfo(folder).ResolveLinkTarget true with
        | null -> None
        | target -> Some target.FullName

    /// What `files` lists of a folder and of all folders in it. A folder that two links lead to, or one to itself, is visited once; of one
    /// that cannot be listed `failed` hears.
    let private walk (failed: string -> exn -> unit) (files: string -> string list) (root: string) =
        let visited = Collections.Generic.HashSet<string>(StringComparer.Ordinal)

        let rec visit (folder: string) (real: string) =
            if not (visited.Add real) then
                []
            else
                try
                    let inside =
                        folders folder |> List.map (fun f -> f, realPath f |> Option.defaultValue (Path.Combine(real, Files.name f)))

                    Ok(files folder, inside)
                with
                | :? IOException
                | :? UnauthorizedAccessException as e -> Error e
                |> function
                    | Ok(found, inside) -> found @ List.collect (fun (folder, real) -> visit folder real) inside
                    | Error e ->
                        failed folder e
                        []

        let full = Path.GetFullPath root |> Path.TrimEndingDirectorySeparator
        visit root (if Directory.Exists root then realPath root |> Option.defaultValue full else full)

    let private throw _ (e: exn) = Runtime.ExceptionServices.ExceptionDispatchInfo.Throw e

    /// The pictures of a folder and of all folders in it, in any order; folders of the system are passed over, and `failed` hears of
    /// folders that cannot be listed.
    let listReadable failed (folder: string) = walk failed (pictures >> List.ofArray) folder

    /// The pictures of a folder and of all folders in it; folders of the system are passed over.
    let listAll (folder: string) = walk throw list folder

    /// Files of a folder and of all folders in it that are not read: their endings are those of no format that is.
    let unread (folder: string) =
        folder
        |> walk throw (fun folder ->
            if Directory.Exists folder then
                Directory.GetFiles folder |> Array.filter (fun path -> not (hasEnding path) && not (isHidden path)) |> sorted
            else
                [])

    /// Whether a file was listed under a name that is not UTF-8: .NET cannot open it.
    let isUnreachable (path: string) = path.Contains '\uFFFD' && not (File.Exists path)

    let unreachable = "its name is not UTF-8, so it cannot be opened; rename the file"
