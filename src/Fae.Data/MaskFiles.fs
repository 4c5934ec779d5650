/// Where the labels of test pictures lie.
namespace Fae.Data

open System.IO
open Fae.Imaging

[<RequireQualifiedAccess>]
module MaskFiles =
    /// Of files that keep labels as they are.
    let private endings = [ ".png"; ".tif"; ".tiff"; ".bmp" ]

    let private maskEndings = endings |> List.map (fun ending -> "_mask" + ending)

    /// The folder of test pictures: test; test_public of MVTec AD 2.
    let testRoot root = [ "test"; "test_public" ] |> List.map (fun name -> Path.Combine(root, name)) |> List.tryFind Directory.Exists

    /// The mask's file; or a folder of masks, one for each region, as MVTec LOCO has them.
    let maskOf root cocos defect (picture: string) =
        let stem = Files.stem picture

        let labels = root :: Option.toList (testRoot root) |> List.map (fun folder -> Path.Combine(folder, "ground_truth", defect))

        let files =
            labels
            |> List.allPairs ([ for ending in maskEndings @ endings -> stem + ending ] @ [ Files.name picture ])
            |> List.map (fun (name, folder) -> Path.Combine(folder, name))

        let beside = string (Path.GetDirectoryName picture)

        let drawn =
            [ for ending in maskEndings -> Path.Combine(beside, stem + ending) ] @ files
            |> List.tryFind File.Exists
            |> Option.orElse (
                labels
                |> List.map (fun folder -> Path.Combine(folder, stem))
                |> List.tryFind (ImageFolder.list >> List.isEmpty >> not)
            )

        // What tools write lies beside the picture or in a folder of labels, with or without a folder for each kind of defect.
        let written ending =
            beside
            :: [
                for folder in [ "labels"; "annotations" ] do
                    for root in root :: Option.toList (testRoot root) do
                        Path.Combine(root, folder, defect)
                        Path.Combine(root, folder)
            ]
            |> List.map (fun folder -> Path.Combine(folder, stem + ending))

        let inCoco =
            lazy
                (cocos
                 |> List.tryPick (fun (path, pictures: Map<string, AnnotatedRegion list>) ->
                     // Names may have folders before them.
                     let ends (name: string) =
                         let name = name.Replace('\\', '/')
                         name = Files.name picture || picture.Replace('\\', '/').EndsWith("/" + name, System.StringComparison.Ordinal)

                     pictures
                     |> Map.toSeq
                     |> Seq.tryFind (fun (name, regions) -> ends name && not regions.IsEmpty)
                     |> Option.map (fun (name, regions) -> Coco(path, name, regions))))

        drawn
        |> Option.map Drawn
        |> Option.orElseWith (fun () -> written ".json" |> List.tryFind MaskSource.isLabelMe |> Option.map LabelMe)
        |> Option.orElseWith (fun () -> written ".txt" |> List.tryFind MaskSource.isYolo |> Option.map Yolo)
        |> Option.orElseWith inCoco.Force

    /// The COCO files that may speak of a data set's test pictures.
    let cocoFiles root folders =
        [ root; Path.Combine(root, "annotations"); Path.Combine(root, "labels") ]
        @ Option.toList (testRoot root)
        @ folders
        |> List.distinct
        |> List.collect MaskSource.cocoIn

    /// Whether a file is the mask of a picture beside it.
    let isMaskBeside (path: string) =
        let name = Files.name path

        maskEndings
        |> List.exists (fun ending ->
            name.EndsWith(ending, System.StringComparison.OrdinalIgnoreCase)
            && Directory.GetFiles(string (Path.GetDirectoryName path), name.Substring(0, name.Length - ending.Length) + ".*").Length > 0)
