/// Where the labels of test pictures lie.
namespace Fae.Data

open System.IO
open Fae.Imaging

[<RequireQualifiedAccess>]
module MaskFiles =
    /// Of files that keep labels as they are.
    let private endings = [ ".png"; ".tif"; ".tiff"; ".bmp" ]

    /// What a mask has in its name after its picture's name.
    let private maskEndings =
        [ "_mask"; "_gt"; "_GT"; "_label"; "_seg" ]
        |> List.allPairs endings
        |> List.map (fun (file, mark) -> mark + file)

    /// The folder of test pictures.
    let testRoot root = ImageFolder.foldersCalled FolderNames.isTest root |> List.tryHead

    /// Folders of masks, and folders of what labelling tools write.
    let labelFolders root =
        let roots = root :: Option.toList (testRoot root)
        let called isMeant = List.collect (ImageFolder.foldersCalled isMeant) roots
        struct (called FolderNames.isMasks, called FolderNames.isLabels)

    let private besideOf (picture: string) ending = Path.Combine(string (Path.GetDirectoryName picture), Files.stem picture + ending)

    let private drawnBeside picture = maskEndings |> List.map (besideOf picture) |> List.tryFind File.Exists

    let private writtenIn (folders: string list) (stem: string) =
        let named ending = folders |> List.map (fun folder -> Path.Combine(folder, stem + ending))

        named ".json"
        |> List.tryFind MaskSource.isLabelMe
        |> Option.map LabelMe
        |> Option.orElseWith (fun () -> named ".txt" |> List.tryFind MaskSource.isYolo |> Option.map Yolo)

    /// What COCO files, with their paths, say of a picture. Names may have folders before them.
    let private inCoco cocos (picture: string) =
        let ends (name: string) =
            let name = name.Replace('\\', '/')
            name = Files.name picture || picture.Replace('\\', '/').EndsWith("/" + name, System.StringComparison.Ordinal)

        cocos
        |> List.tryPick (fun (path, pictures: Map<string, AnnotatedRegion list>) ->
            pictures
            |> Map.toSeq
            |> Seq.tryFind (fun (name, regions) -> ends name && not regions.IsEmpty)
            |> Option.map (fun (name, regions) -> Coco(path, name, regions)))

    /// Whether a folder holds files that may be labels: there may be very many pictures, and looking for each one's takes time.
    let private mayHoldLabels (folder: string) =
        let isOne (path: string) =
            maskEndings @ [ ".json"; ".txt" ]
            |> List.exists (fun ending -> path.EndsWith(ending, System.StringComparison.Ordinal))

        Directory.EnumerateFiles folder |> Seq.exists isOne

    /// Pictures with a label in their own folder that marks something, or that cannot be read, with the label; and the others.
    let splitByLabel (pictures: string list) : (string * MaskSource) list * string list =
        let marked cocos picture =
            drawnBeside picture
            |> Option.map Drawn
            |> Option.orElseWith (fun () -> writtenIn [ string (Path.GetDirectoryName picture) ] (Files.stem picture))
            |> Option.orElseWith (fun () -> inCoco cocos picture)
            |> Option.filter (fun label ->
                match MaskSource.read picture label with
                | Ok mask -> Array.exists ((<>) 0.0f) mask.Pixels
                | Error _ -> true)

        let inFolder (folder: string, pictures: string list) =
            if mayHoldLabels folder then
                let cocos, _ = MaskSource.cocoIn folder |> partition
                pictures |> Array.ofList |> Array.Parallel.map (fun picture -> picture, marked cocos picture)
            else
                pictures |> Array.ofList |> Array.map (fun picture -> picture, None)

        let all =
            pictures
            |> List.groupBy (fun picture -> string (Path.GetDirectoryName picture))
            |> Seq.collect inFolder
            |> List.ofSeq

        all |> List.choose (fun (picture, label) -> label |> Option.map (fun label -> picture, label)),
        all |> List.filter (snd >> Option.isNone) |> List.map fst

    /// The mask's file; or a folder of masks, one for each region, as MVTec LOCO has them; or a file of a labelling tool.
    let maskOf (struct (masks, labels)) cocos defect (picture: string) =
        let stem = Files.stem picture

        let ofDefect = masks |> List.map (fun folder -> Path.Combine(folder, defect))

        let files =
            ofDefect
            |> List.allPairs ([ for ending in maskEndings @ endings -> stem + ending ] @ [ Files.name picture ])
            |> List.map (fun (name, folder) -> Path.Combine(folder, name))

        let drawn =
            drawnBeside picture
            |> Option.orElseWith (fun () -> List.tryFind File.Exists files)
            |> Option.orElseWith (fun () ->
                ofDefect
                |> List.map (fun folder -> Path.Combine(folder, stem))
                |> List.tryFind (ImageFolder.list >> List.isEmpty >> not))

        // What tools write lies beside the picture or in a folder of labels, with or without a folder for each kind of defect.
        let written =
            string (Path.GetDirectoryName picture)
            :: List.collect (fun folder -> [ Path.Combine(folder, defect); folder ]) labels

        drawn
        |> Option.map Drawn
        |> Option.orElseWith (fun () -> writtenIn written stem)
        |> Option.orElseWith (fun () -> inCoco cocos picture)

    /// The COCO files that may speak of a data set's test pictures.
    let cocoFiles (struct (_, labels)) root folders =
        root :: labels @ Option.toList (testRoot root) @ folders |> List.distinct |> List.collect MaskSource.cocoIn

    /// Whether a file is the mask of a picture beside it.
    let isMaskBeside (path: string) =
        let name = Files.name path

        maskEndings
        |> List.exists (fun ending ->
            name.Length > ending.Length
            && name.EndsWith(ending, System.StringComparison.OrdinalIgnoreCase)
            && Directory.GetFiles(string (Path.GetDirectoryName path), name.Substring(0, name.Length - ending.Length) + ".*").Length > 0)
