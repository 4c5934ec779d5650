/// The good pictures of a data set.
namespace Fae.Data

open Fae.Imaging

/// Where a data set has good pictures to train on.
type GoodFolders =
    /// Folders that are called good, with all folders in them.
    | CalledGood of string list
    /// A folder for training that holds pictures and is not called good, with the folders in it.
    | OfTraining of string
    /// The data set itself, without the folders in it.
    | Itself of string

[<RequireQualifiedAccess>]
module GoodPictures =
    let private subfolders isOne folder = ImageFolder.folders folder |> List.filter (Files.name >> isOne)

    let private holdsPictures folder = not (List.isEmpty (ImageFolder.listAll folder))

    /// The folders called good in train; else those in the data set; else train; else the data set itself.
    let folders root =
        let train = subfolders FolderNames.isTrain root
        let good = subfolders FolderNames.isGood >> List.filter holdsPictures

        match List.collect good train, good root with
        | _ :: _ as found, _
        | [], (_ :: _ as found) -> CalledGood found
        | [], [] ->
            match List.tryFind holdsPictures train with
            | Some folder -> OfTraining folder
            | None -> Itself root

    /// Further good pictures of some data sets (MVTec LOCO and AD 2), which are split like the others.
    let validation root = subfolders FolderNames.isValidation root |> List.collect (subfolders FolderNames.isGood)

    /// The pictures of a folder and of those in it that are called neither bad nor labels.
    let rec private unlessBad folder =
        let inside = subfolders (fun name -> not (FolderNames.isBad name || FolderNames.isPartOfLayout name)) folder
        ImageFolder.list folder @ List.collect unlessBad inside

    let private candidates =
        function
        | CalledGood folders -> List.collect ImageFolder.listAll folders
        | OfTraining folder -> unlessBad folder
        | Itself folder -> ImageFolder.list folder

    /// Good pictures, and those that are left out because a label beside them marks a defect; masks beside pictures are neither. In folders
    /// that are called good labels mark no defects.
    let find root =
        let found = folders root
        let pictures = candidates found |> List.filter (MaskFiles.isMaskBeside >> not)

        let labelled, good =
            match found with
            | CalledGood _ -> [], pictures
            | _ -> MaskFiles.splitByLabel pictures

        good @ List.collect ImageFolder.listAll (validation root), List.map fst labelled
