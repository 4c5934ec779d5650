/// Folders of pictures: the MVTec layout, or a plain folder of good ones. Splits are types of their own, so that nothing fitted can
/// take a test image by mistake.
namespace Fae.Data

open System.IO
open Fae.Core
open Fae.Imaging

/// Good pictures that a training may use, already split by seed.
type TrainingSplit =
    {
        Training: string list
        /// One of each group that is held out.
        HeldOut: string list
        /// The others of these groups: neither trained on nor held out.
        Unused: string list
        /// Parts that the pictures show, where several show the same; else the number of pictures.
        Groups: int
    }

/// A test picture: `Defect` is the folder's name, "good" for good ones, whatever they are called; the mask's file where there is one.
type TestPicture =
    {
        Path: string
        Defect: string
        Mask: MaskSource option
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
    | GroupPattern of pattern: string * reason: string

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
        | GroupPattern(pattern, reason) ->
            $"train.groups = \"{pattern}\": {reason}; write auto, none, or a regular expression like (part[0-9]+)_"
        | NoTestPictures folder -> $"{folder}: holds no test pictures; they belong into test/good and test/DEFECT"

    /// The folder of good pictures, as `FolderNames.isGood` knows it, in train or in the folder itself; else train, else the folder itself.
    let private goodFolder root =
        let train = Path.Combine(root, "train")
        let good folder = ImageFolder.folders folder |> List.filter (Files.name >> FolderNames.isGood)

        good train @ good root @ [ train ]
        |> List.tryFind (fun folder -> not (List.isEmpty (ImageFolder.listAll folder)))
        |> Option.defaultValue root

    /// Further good pictures of some data sets (MVTec LOCO and AD 2), which are split like the others.
    let private validationFolder root = Path.Combine(root, "validation", "good")

    /// The good pictures: those of a folder for them with all folders in it; of the folder itself without.
    let private goodPictures root =
        let main =
            match goodFolder root with
            | folder when folder = root -> ImageFolder.list root
            | folder -> ImageFolder.listAll folder

        main @ ImageFolder.listAll (validationFolder root)

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

    /// Of so many pictures of different parts the fewest that are held out. 19 are the fewest that promise a false-alarm rate of 5%: a
    /// small set gives up to a quarter of itself for them. Of a larger set a fifth is better, up to 60: what the held-out pictures choose
    /// depends less on which they are.
    let private fewest count = min (count / 4) (max 20 (min 60 (count / 5)))

    /// A group with more than this share of the pictures is trained on: nothing else would show what it shows.
    let private largeShare = 0.1

    /// The good pictures of a data set, split by seed: the fraction `heldOut` is held out; at least a fifth, but not more than 60 for that;
    /// at least 20 or a quarter, whichever is less; and at most half. `groupsOf` says which pictures show the same part, by the number of
    /// the first one: they stay together, and one of each held-out group is held out, so that held-out scores are of different parts. Of
    /// few parts on many pictures up to 20 are held out, if that is no more than a third of the parts and a quarter of the pictures. Parts
    /// on more than a tenth of the pictures are held out last.
    let splitBy groupsOf (heldOut: float32) (seed: int) (root: string) : Result<TrainingSplit, DataProblem list> =
        let pictures = goodPictures root

        match pictures.Length with
        | 0 -> Error [ diagnose root ]
        | count when count < 4 -> Error [ TooFewPictures(root, count) ]
        | count ->
            groupsOf pictures
            |> Result.map (fun (groups: int list) ->
                let key = Random.mix64 (uint64 seed + 0x5EEDUL)

                let isLarge (pictures: 'a list) = pictures.Length > 1 && float pictures.Length > largeShare * float count

                // Beside that, a picture's place in the split depends on its group's first picture and the seed alone.
                let shuffled =
                    List.zip groups pictures
                    |> List.groupBy fst
                    |> List.sortBy (fun (group, pictures) -> struct (isLarge pictures, Random.hash key (uint64 group)))
                    |> List.map (snd >> List.map snd)

                let parts = shuffled.Length
                let requested = int (ceil (heldOut * float32 parts))
                let ofFewParts = if parts < count then List.min [ 20; count / 4; parts / 3 ] else 0
                let held = max 2 (min (parts / 2) (List.max [ requested; fewest parts; ofFewParts ]))
                let heldOut = List.take held shuffled

                {
                    HeldOut = heldOut |> List.map List.head |> List.sort
                    Unused = heldOut |> List.collect List.tail |> List.sort
                    Training = shuffled |> List.skip held |> List.concat |> List.sort
                    Groups = parts
                })

    /// `splitBy`, each picture of a part of its own.
    let split heldOut seed root = splitBy (List.mapi (fun i _ -> i) >> Ok) heldOut seed root

    /// The folders of test pictures: those in test, or, beside a folder of good pictures, all that are no part of the layout.
    let private testFolders root =
        let classes folder = ImageFolder.folders folder |> List.filter (Files.name >> FolderNames.isPartOfLayout >> not)

        match MaskFiles.testRoot root with
        | Some test -> classes test
        | None ->
            let found = classes root
            if found |> List.exists (Files.name >> FolderNames.isGood) then found else []

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
            let validation = ImageFolder.listAll (validationFolder root)

            [
                relative (goodFolder root), "good, to train", (goodPictures root).Length - validation.Length
                if not validation.IsEmpty then
                    relative (validationFolder root), "good, to train", validation.Length
            ]

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
        let folders = testFolders root
        let cocos, broken = MaskFiles.cocoFiles root folders |> partition

        let pictures =
            [
                for folder in folders do
                    let name = Files.name folder

                    for path in ImageFolder.listAll folder do
                        if FolderNames.isGood name then
                            { Path = path; Defect = "good"; Mask = None }
                        elif not (MaskFiles.isMaskBeside path) then
                            { Path = path; Defect = name; Mask = MaskFiles.maskOf root cocos name path }
            ]

        if not (Directory.Exists root) then
            Error [ NoFolder root ]
        elif not (List.isEmpty broken) then
            Error(List.map BadPicture broken)
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
                match ImageDecoder.header picture.Path, MaskSource.size mask with
                | Ok(struct (pw, ph, _)), Ok(Some(struct (w, h))) when (pw, ph) <> (w, h) -> Some(MaskSize(mask.Path, w, h, pw, ph))
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
