/// Folders of pictures: the MVTec layout, or a plain folder of good ones. Splits are types of their own, so that nothing fitted can
/// take a test image by mistake.
namespace Fae.Data

open System.IO
open Fae.Core
open Fae.Imaging

/// Good pictures that a training may use, already split by seed.
type TrainingSplit = { Training: string list; HeldOut: string list }

/// A test picture: `Defect` is the folder's name, "good" for good ones, whatever they are called; the mask's file where there is one.
type TestPicture =
    {
        Path: string
        Defect: string
        Mask: string option
    }

    member picture.Anomalous = picture.Defect <> "good"

/// What is wrong with a folder; all of it is listed at once.
type DataProblem =
    | NoFolder of string
    | NoPictures of folder: string
    | TooFewPictures of folder: string * count: int
    | OneLevelTooHigh of folder: string * categories: string list
    | BadPicture of ImageProblem
    | MaskSize of mask: string * width: int * height: int * pictureWidth: int * pictureHeight: int
    | NoTestPictures of folder: string
    | UselessPictures of folder: string * reason: string
    | InvertedMasks of share: float * names: string
    | IgnoreShape of mask: string * width: int * height: int * pictureWidth: int * pictureHeight: int
    | AllIgnored of mask: string

[<RequireQualifiedAccess>]
module DataSet =
    let explain =
        function
        | NoFolder folder -> $"{folder}: there is no such folder"
        | NoPictures folder -> $"{folder}: holds no pictures; put good ones into {folder}/train/good or directly into it"
        | TooFewPictures(folder, count) -> $"{folder}: holds {count} good picture(s); at least 4 are needed to train and hold some out"
        | OneLevelTooHigh(folder, categories) ->
            let example = List.head categories

            ($"{folder}: is one level too high, it holds {categories.Length} data set(s); name one, for instance "
             + $"{Path.Combine(folder, example)}")
        | BadPicture problem -> string problem
        | MaskSize(mask, w, h, pw, ph) -> $"{mask}: is {w}×{h}, but its picture is {pw}×{ph}"
        | InvertedMasks(share, names) ->
            ($"the masks label {100.0 * share:F0}%% of a picture in the middle: they seem to be inverted. Background must be 0, "
             + $"anything else is defect: {names}, …")
        | IgnoreShape(mask, w, h, pw, ph) -> $"{mask}: is {w}×{h}, which is not the shape of the pictures, {pw}×{ph}"
        | AllIgnored mask -> $"{mask}: hides the whole picture; only what is 0 (black) in it is looked at"
        | UselessPictures(folder, reason) -> $"{folder}: {reason}"
        | NoTestPictures folder -> $"{folder}: holds no test pictures; they belong into test/good and test/DEFECT"

    /// The folder of good pictures, as `FolderNames.isGood` knows it, in train or in the folder itself; else train, else the folder itself.
    let private goodFolder root =
        let train = Path.Combine(root, "train")
        let good folder = ImageFolder.folders folder |> List.filter (Files.name >> FolderNames.isGood)

        good train @ good root @ [ train ]
        |> List.tryFind (fun folder -> not (List.isEmpty (ImageFolder.listAll folder)))
        |> Option.defaultValue root

    /// The good pictures: those of a folder for them with all folders in it; of the folder itself without.
    let private goodPictures root =
        match goodFolder root with
        | folder when folder = root -> ImageFolder.list root
        | folder -> ImageFolder.listAll folder

    /// Why a folder has no good pictures.
    let private diagnose root =
        if not (Directory.Exists root) then
            NoFolder root
        else
            let categories =
                ImageFolder.folders root
                |> List.filter (fun folder -> not (List.isEmpty (ImageFolder.list (Path.Combine(folder, "train", "good")))))
                |> List.map Files.name

            if List.isEmpty categories then NoPictures root else OneLevelTooHigh(root, categories)

    /// 19 held-out pictures are the fewest that promise a false-alarm rate of 5%: a small set gives up to a quarter of itself for them.
    /// Of a larger set a fifth is better, up to 60: what the held-out pictures choose depends less on which they are.
    let private fewest count = min (count / 4) (max 20 (min 60 (count / 5)))

    /// The good pictures of a data set, split by seed: the fraction `heldOut` is held out; at least a fifth, but not more than 60 for that;
    /// at least 20 or a quarter, whichever is less; and at most half.
    let split (heldOut: float32) (seed: int) (root: string) : Result<TrainingSplit, DataProblem list> =
        let pictures = goodPictures root
        let count = pictures.Length

        if count = 0 then
            Error [ diagnose root ]
        elif count < 4 then
            Error [ TooFewPictures(root, count) ]
        else
            let requested = int (ceil (heldOut * float32 count))
            let held = max 2 (min (count / 2) (max requested (fewest count)))
            let key = Random.mix64 (uint64 seed + 0x5EEDUL)

            // A picture's place in the split depends on its index and the seed alone.
            let shuffled = pictures |> List.indexed |> List.sortBy (fun (i, _) -> Random.hash key (uint64 i)) |> List.map snd

            Ok { HeldOut = List.sort (List.take held shuffled); Training = List.sort (List.skip held shuffled) }

    let private maskEnding = "_mask.png"

    let private maskOf root defect (picture: string) =
        let stem = Files.stem picture

        [ stem + "_mask.png"; stem + ".png"; Files.name picture ]
        |> List.map (fun name -> Path.Combine(root, "ground_truth", defect, name))
        |> List.append [ Path.Combine(string (Path.GetDirectoryName picture), stem + maskEnding) ]
        |> List.tryFind File.Exists

    /// Whether a file is the mask of a picture beside it.
    let private isMaskBeside (path: string) =
        let name = Files.name path

        name.EndsWith(maskEnding, System.StringComparison.OrdinalIgnoreCase)
        && Directory.GetFiles(string (Path.GetDirectoryName path), name.Substring(0, name.Length - maskEnding.Length) + ".*").Length > 0

    /// The folders of test pictures: those in test, or, beside a folder of good pictures, all that are no part of the layout.
    let private testFolders root =
        let test = Path.Combine(root, "test")

        if Directory.Exists test then
            ImageFolder.folders test
        else
            let classes = ImageFolder.folders root |> List.filter (Files.name >> FolderNames.isPartOfLayout >> not)
            if classes |> List.exists (Files.name >> FolderNames.isGood) then classes else []

    /// Which folder is taken for what, with the number of its pictures: of a training, or of an evaluation.
    let folders evaluates (root: string) =
        let relative folder = Path.GetRelativePath(root, folder)

        if evaluates then
            [
                for folder in testFolders root do
                    let what = if FolderNames.isGood (Files.name folder) then "good, to test" else "defects, to test"
                    relative folder, what, (ImageFolder.listAll folder).Length
            ]
        else
            [ relative (goodFolder root), "good, to train", (goodPictures root).Length ]

    /// What a training leaves out of its folder of good pictures, a line each: files of other endings, and folders that are no good parts.
    let leftOut (root: string) =
        let good = goodFolder root

        let unread =
            ImageFolder.unread good
            |> List.filter (fun path -> good <> root || string (Path.GetDirectoryName path) = root)

        let below =
            if good = root then
                ImageFolder.folders root
                |> List.map (fun folder -> Files.name folder, (ImageFolder.listAll folder).Length)
                |> List.filter (fun (_, count) -> count > 0)
            else
                []

        [
            if not unread.IsEmpty then
                let names = unread |> List.truncate 3 |> List.map Files.name |> String.concat ", "
                $"{unread.Length} file(s) of other endings than PNG, JPEG, TIFF, BMP and WebP have: {names}"
            if not below.IsEmpty then
                let names = below |> List.map (fun (name, count) -> $"{name} ({count})") |> String.concat ", "
                $"pictures in folders that are not called good: {names}"
        ]

    /// The test pictures of a data set: test/*, or plain folders, one of which is good.
    let testPictures (root: string) : Result<TestPicture list, DataProblem list> =
        let pictures =
            [
                for folder in testFolders root do
                    let name = Files.name folder

                    for path in ImageFolder.listAll folder do
                        if FolderNames.isGood name then
                            { Path = path; Defect = "good"; Mask = None }
                        elif not (isMaskBeside path) then
                            { Path = path; Defect = name; Mask = maskOf root name path }
            ]

        if not (Directory.Exists root) then
            Error [ NoFolder root ]
        elif List.isEmpty pictures then
            match diagnose root with
            | OneLevelTooHigh _ as problem -> Error [ problem ]
            | _ -> Error [ NoTestPictures root ]
        else
            Ok pictures

    /// Masks that differ in size from their picture.
    let checkMasks (pictures: TestPicture list) =
        pictures
        |> List.choose (fun picture ->
            match picture.Mask with
            | None -> None
            | Some mask ->
                match ImageDecoder.header picture.Path, ImageDecoder.header mask with
                | Ok(struct (pw, ph, _)), Ok(struct (w, h, _)) when (pw, ph) <> (w, h) -> Some(MaskSize(mask, w, h, pw, ph))
                | _, Error problem -> Some(BadPicture problem)
                | _ -> None)

    /// Reads pictures in parallel, in order; all that cannot be read are listed at once.
    let readAll (read: 'p -> Result<'a, ImageProblem>) (paths: 'p list) : Result<'a list, DataProblem list> =
        match paths |> Array.ofList |> Array.Parallel.map read |> partition with
        | values, [] -> Ok values
        | _, problems -> Error(List.map BadPicture problems)

    /// 3 if any of the pictures has colour, else 1; of many, eight are read.
    let channelsOf settings (paths: string list) =
        let sampled = paths |> List.indexed |> List.filter (fun (i, _) -> i % (max 1 (paths.Length / 8)) = 0) |> List.map snd

        if List.exists (ImageDecoder.hasColour settings) sampled then 3 else 1
