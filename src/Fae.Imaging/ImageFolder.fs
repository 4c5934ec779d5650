/// The image files of a folder.
namespace Fae.Imaging

open System
open System.IO

[<RequireQualifiedAccess>]
module ImageFolder =
    let private extensions = set [ ".png"; ".jpg"; ".jpeg"; ".jpe"; ".jfif"; ".tif"; ".tiff"; ".bmp"; ".webp" ]

    let private hasEnding (path: string) = extensions.Contains((Files.extension path).ToLowerInvariant())

    /// What Fae itself writes beside pictures.
    let heatmapEnding = "_heatmap.png"

    let private isOurs (path: string) = (Files.name path).EndsWith(heatmapEnding, StringComparison.Ordinal)

    let isPicture (path: string) = hasEnding path && not (isOurs path)

    let private isHidden (path: string) = (Files.name path).StartsWith '.'

    let private sorted (paths: string[]) = paths |> Array.sortWith (fun a b -> String.CompareOrdinal(a, b)) |> List.ofArray

    /// The folders of a folder without those of the system, in ordinal order.
    let folders (folder: string) =
        if Directory.Exists folder then
            Directory.GetDirectories folder |> Array.filter (Files.name >> FolderNames.isSystem >> not) |> sorted
        else
            []

    /// The pictures of a folder, in ordinal order of their names; hidden files and heatmaps of ours are passed over.
    let list (folder: string) =
        if Directory.Exists folder then
            Directory.GetFiles folder |> Array.filter (fun path -> isPicture path && not (isHidden path)) |> sorted
        else
            []

    /// The pictures of a folder and of all folders in it; folders of the system are passed over.
    let rec listAll (folder: string) = list folder @ List.collect listAll (folders folder)

    /// Files of a folder and of all folders in it that are not read: their endings are those of no format that is.
    let rec unread (folder: string) =
        if Directory.Exists folder then
            (Directory.GetFiles folder |> Array.filter (fun path -> not (hasEnding path) && not (isHidden path)) |> sorted)
            @ List.collect unread (folders folder)
        else
            []

    /// Whether a file was listed under a name that is not UTF-8: .NET cannot open it.
    let isUnreachable (path: string) = path.Contains '\uFFFD' && not (File.Exists path)

    let unreachable = "its name is not UTF-8, so it cannot be opened; rename the file"
