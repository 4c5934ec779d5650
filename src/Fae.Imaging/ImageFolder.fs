/// The image files of a folder.
namespace Fae.Imaging

open System
open System.IO

[<RequireQualifiedAccess>]
module ImageFolder =
    let private extensions = set [ ".png"; ".jpg"; ".jpeg"; ".tif"; ".tiff"; ".bmp"; ".webp" ]

    let isPicture (path: string) = extensions.Contains((Files.extension path).ToLowerInvariant())

    /// The pictures of a folder, in ordinal order of their names; hidden files are passed over.
    let list (folder: string) =
        if Directory.Exists folder then
            Directory.GetFiles folder
            |> Array.filter (fun path -> isPicture path && not ((Files.name path).StartsWith '.'))
            |> Array.sortWith (fun a b -> String.CompareOrdinal(a, b))
            |> List.ofArray
        else
            []

    /// The pictures of a folder and of all folders in it; hidden folders are passed over.
    let rec listAll (folder: string) =
        if Directory.Exists folder then
            let inner =
                Directory.GetDirectories folder
                |> Array.filter (fun path -> not ((Files.name path).StartsWith '.'))
                |> Array.sortWith (fun a b -> String.CompareOrdinal(a, b))

            list folder @ List.collect listAll (List.ofArray inner)
        else
            []

    /// Whether a file was listed under a name that is not UTF-8: .NET cannot open it.
    let isUnreachable (path: string) = path.Contains '\uFFFD' && not (File.Exists path)

    let unreachable = "its name is not UTF-8, so it cannot be opened; rename the file"
