/// The good pictures of a data set.
namespace Fae.Data

open System.IO
open Fae.Imaging

/// Where a data set has good pictures to train on.
type GoodFolders =
    /// Folders that are called good, with all folders in them.
    | CalledGood of string list
    /// A folder for training that holds pictures and is not called good, with the folders in it.
    | OfTraining of string
    /// The data set itself, without the folders in it.
    | Itself of string

/// The pictures where good ones are looked for.
type FoundPictures =
    {
        Folders: GoodFolders
        Good: string list
        /// Folders with further good pictures that some data sets have (MVTec LOCO and AD 2), which are split like the others.
        Validation: (string * string list) list
        /// Left out: a label beside them marks a defect.
        Labelled: string list
        /// Left out: masks of pictures beside them.
        Masks: string list
    }

    member found.All = found.Good @ List.collect snd found.Validation

[<RequireQualifiedAccess>]
module GoodPictures =
    let private holdsPictures folder = not (List.isEmpty (ImageFolder.listAll folder))

    /// The folders called good in train; else those in the data set; else train; else the data set itself.
    let folders root =
        let train = ImageFolder.foldersCalled FolderNames.isTrain root
        let good = ImageFolder.foldersCalled FolderNames.isGood >> List.filter holdsPictures

        match List.collect good train, good root with
        | _ :: _ as found, _
        | [], (_ :: _ as found) -> CalledGood found
        | [], [] ->
            match List.tryFind holdsPictures train with
            | Some folder -> OfTraining folder
            | None -> Itself root

    let private validation root =
        ImageFolder.foldersCalled FolderNames.isValidation root
        |> List.collect (ImageFolder.foldersCalled FolderNames.isGood)
        |> List.map (fun folder -> folder, ImageFolder.listAll folder)
        |> List.filter (snd >> List.isEmpty >> not)

    /// The pictures of a folder and of all folders in it that are called neither bad nor labels.
    let private unlessBad (folder: string) =
        let isLeftOut name = FolderNames.isBad name || FolderNames.isPartOfLayout name

        let below (path: string) = string (Path.GetDirectoryName(Path.GetRelativePath(folder, path)))

        ImageFolder.listAll folder
        |> List.filter (fun path -> below(path).Split(Path.DirectorySeparatorChar) |> Array.exists isLeftOut |> not)

    let private candidates =
        function
        | CalledGood folders -> List.collect ImageFolder.listAll folders
        | OfTraining folder -> unlessBad folder
        | Itself folder -> ImageFolder.list folder

    /// The good pictures of a data set, and what lies among them. In folders that are called good labels mark no defects.
    let find root =
        let found = folders root
        let masks, pictures = candidates found |> List.partition MaskFiles.isMaskBeside

        let labelled, good =
            match found with
            | CalledGood _ -> [], pictures
            | _ -> MaskFiles.splitByLabel pictures

        {
            Folders = found
            Good = good
            Validation = validation root
            Labelled = List.map fst labelled
            Masks = masks
        }
