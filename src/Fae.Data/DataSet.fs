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
    | NoGoodFolder of folder: string * others: (string * int) list
    | AllLabelled of folder: string * count: int
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
    /// Folders with the numbers of their pictures, in words.
    let private withCounts folders = folders |> List.map (fun (name, count) -> $"{name} ({count})") |> String.concat ", "

    let explain =
        function
        | NoFolder folder -> $"{folder}: there is no such folder"
        | NoPictures folder -> $"{folder}: holds no pictures; put good ones into {folder}/train/good or directly into it"
        | NoGoodFolder(folder, others) ->
            ($"{folder}: none of its folders of pictures is called good: {withCounts others}; name the one of good parts good, "
             + "or give it alone: "
             + $"--data {Path.Combine(folder, others |> List.maxBy snd |> fst)}")
        | AllLabelled(folder, count) ->
            ($"{folder}: a label beside each of its {count} pictures marks a defect; put good pictures into {folder}/good, where labels "
             + "are not read")
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

    /// Folders in a folder, with how many pictures each holds, without those that hold none.
    let private counted (root: string) folders =
        folders
        |> List.map (fun folder -> Path.GetRelativePath(root, folder), (ImageFolder.listAll folder).Length)
        |> List.filter (fun (_, count) -> count > 0)

    /// Why a folder has no good pictures, though so many are labelled.
    let private diagnose root labelled =
        if not (Directory.Exists root) then
            NoFolder root
        elif labelled > 0 then
            AllLabelled(root, labelled)
        else
            let hasGood folder =
                match GoodPictures.folders folder with
                | CalledGood _ -> true
                | _ -> false

            let isLabels name = FolderNames.isMasks name || FolderNames.isLabels name
            let below = ImageFolder.foldersCalled (isLabels >> not) root

            match below |> List.filter hasGood |> List.map Files.name, counted root below with
            | _ :: _ as categories, _ -> OneLevelTooHigh(root, categories)
            | [], [] -> NoPictures root
            | [], others -> NoGoodFolder(root, others)

    /// Of so many pictures of different parts the fewest that are held out. 19 are the fewest that promise a false-alarm rate of 5%: a
    /// small set gives up to a quarter of itself for them. Of a larger set a fifth is better, up to 60: what the held-out pictures choose
    /// depends less on which they are.
    let private fewest count = min (count / 4) (max 20 (min 60 (count / 5)))

    /// Held out without being asked: a twentieth, and of very many pictures no more than a thousand, because each is inspected.
    let private share, mostHeldOut = 0.05f, 1000

    /// A group with more than this share of the pictures is trained on: nothing else would show what it shows.
    let private largeShare = 0.1

    /// The good pictures of a data set, split by seed: the fraction `heldOut` is held out, without one a twentieth up to 1,000; at least a
    /// fifth, but not more than 60 for that; at least 20 or a quarter, whichever is less; and at most half. `groupsOf` says which pictures
    /// show the same part, by the number of the first one: they stay together, and one of each held-out group is held out, so that held-out
    /// scores are of different parts. Of few parts on many pictures up to 20 are held out, if that is no more than a third of the parts and
    /// a quarter of the pictures. Parts on more than a tenth of the pictures are held out last.
    let splitBy groupsOf (heldOut: float32 option) (seed: int) (root: string) : Result<TrainingSplit, DataProblem list> =
        let found = GoodPictures.find root
        let pictures = found.All

        match pictures.Length with
        | 0 -> Error [ diagnose root found.Labelled.Length ]
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
                let counted (fraction: float32) = int (ceil (fraction * float32 parts))
                let requested = heldOut |> Option.map counted |> Option.defaultValue (min mostHeldOut (counted share))
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
    let split heldOut seed root = splitBy (List.mapi (fun i _ -> i) >> Ok) (Some heldOut) seed root

    /// The folders of test pictures: those in test, or, beside a folder of good pictures, all that are no part of the layout.
    let private testFolders root =
        let classes = ImageFolder.foldersCalled (FolderNames.isPartOfLayout >> not)

        match MaskFiles.testRoot root with
        | Some test -> classes test
        | None ->
            let found = classes root
            if found |> List.exists (Files.name >> FolderNames.isGood) then found else []

    /// Which folder an evaluation takes for what, with the number of its pictures.
    let testedFolders (root: string) =
        [
            for folder in testFolders root do
                let what = if FolderNames.isGood (Files.name folder) then "good, to test" else "defects, to test"
                Path.GetRelativePath(root, folder), what, (ImageFolder.listAll folder).Length
        ]

    /// Which folder a training takes for what, with the number of its pictures.
    let trainedFolders (root: string) (found: FoundPictures) =
        let relative folder = Path.GetRelativePath(root, folder)

        let names =
            match found.Folders with
            | CalledGood folders -> folders |> List.map relative |> String.concat ", "
            | OfTraining folder
            | Itself folder -> relative folder

        [
            names, "good, to train", found.Good.Length
            for folder, pictures in found.Validation do
                relative folder, "good, to train", pictures.Length
        ]

    /// What a training leaves out of its folder of good pictures, a line each: files of other endings, folders that are no good parts,
    /// pictures that are labelled, and masks.
    let leftOut (root: string) (found: FoundPictures) =
        let names paths = paths |> List.truncate 3 |> List.map Files.name |> String.concat ", "

        let unread, below =
            match found.Folders with
            | CalledGood folders -> List.collect ImageFolder.unread folders, []
            | OfTraining folder -> ImageFolder.unread folder, counted root (ImageFolder.foldersCalled FolderNames.isBad folder)
            | Itself _ ->
                let direct = ImageFolder.unread root |> List.filter (fun path -> string (Path.GetDirectoryName path) = root)
                direct, counted root (ImageFolder.folders root)

        [
            if not unread.IsEmpty then
                $"{unread.Length} file(s) of other endings than PNG, JPEG, TIFF, BMP and WebP have: {names unread}"
            if not below.IsEmpty then
                $"pictures in folders that are not called good: {withCounts below}"
            if not found.Labelled.IsEmpty then
                $"{found.Labelled.Length} picture(s) with a defect labelled beside them: {names found.Labelled}"
            if not found.Masks.IsEmpty then
                $"{found.Masks.Length} mask(s) of pictures beside them: {names found.Masks}"
        ]

    /// Pictures of one folder, some of which have a defect labelled beside them.
    let private mixed root =
        let folder = MaskFiles.testRoot root |> Option.defaultValue root

        match ImageFolder.list folder |> List.filter (MaskFiles.isMaskBeside >> not) |> MaskFiles.splitByLabel with
        | [], _ -> []
        | labelled, others ->
            [
                for path, label in labelled -> { Path = path; Defect = "defect"; Mask = Some label }
                for path in others -> { Path = path; Defect = "good"; Mask = None }
            ]

    /// The test pictures of a data set: test/*, or plain folders, one of which is good.
    let testPictures (root: string) : Result<TestPicture list, DataProblem list> =
        let folders = testFolders root
        let labels = MaskFiles.labelFolders root
        let cocos, broken = MaskFiles.cocoFiles labels root folders |> partition

        let pictures =
            [
                if folders.IsEmpty then yield! mixed root
                for folder in folders do
                    let name = Files.name folder

                    for path in ImageFolder.listAll folder do
                        if FolderNames.isGood name then
                            { Path = path; Defect = "good"; Mask = None }
                        elif not (MaskFiles.isMaskBeside path) then
                            { Path = path; Defect = name; Mask = MaskFiles.maskOf labels cocos name path }
            ]

        if not (Directory.Exists root) then
            Error [ NoFolder root ]
        elif not (List.isEmpty broken) then
            Error(List.map BadPicture broken)
        elif List.isEmpty pictures then
            match diagnose root 0 with
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
