/// What people and systems call folders.
namespace Fae.Imaging

open System
open System.Text.RegularExpressions

[<RequireQualifiedAccess>]
module FolderNames =
    /// The words of a name in small letters: `OK_front`, `GoodParts` and `i.O.` are ok front, good parts and i o.
    let private words (name: string) =
        Regex.Split(name, @"[^\p{L}]+|(?<=\p{Ll})(?=\p{Lu})")
        |> Array.filter ((<>) "")
        |> Array.map _.ToLowerInvariant()

    let private listed (names: string) = set (names.Split ' ')

    /// Whether a name is one of these, whatever its case and whatever separates its words, without numbers.
    let private isOneOf names =
        let names = listed names
        fun name -> not (Seq.exists Char.IsDigit name) && names.Contains(String.Concat(words name))

    let private goodWords = listed "good ok okay normal nominal"

    let private isGoodName = isOneOf "pass passed accepted gut gutteile io defectfree nodefect nodefects anomalyfree 正常 合格 良品"

    let private badWords =
        listed "bad ng nok nio ko def defect defects defective anomaly anomalies anomalous abnormal"
        + listed "fail failed reject rejected rejects schlecht fehler"

    let private negations = listed "not no non n un nicht kein"

    let private has some name = words name |> Array.exists (fun word -> Set.contains word some)

    /// Folders of good parts: good, OK, normal, nominal, also with another word (`ok_front`); pass, passed, accepted, gut, i.O.,
    /// defect-free and their like.
    let isGood name = isGoodName name || has goodWords name && not (has (badWords + negations) name)

    /// Folders that say of themselves that their parts are not good.
    let isBad name = not (isGood name) && has badWords name

    let isTrain = isOneOf "train training"

    let isTest = isOneOf "test testing testpublic"

    /// Further good pictures of some data sets.
    let isValidation = isOneOf "validation valid val"

    /// Folders of masks.
    let isMasks = isOneOf "groundtruth gt masks mask"

    /// Folders of what labelling tools write.
    let isLabels = isOneOf "labels label annotations"

    let private isSystemName = isOneOf "systemvolumeinformation lostfound"

    /// Folders that file managers, editors and file servers make: hidden ones, `@eaDir`, `#recycle`, `__MACOSX`, `$RECYCLE.BIN`.
    let isSystem (name: string) =
        name.Length > 0 && (".@#$".Contains name[0] || name.StartsWith("__", StringComparison.Ordinal))
        || isSystemName name

    /// Test pictures of MVTec AD 2 whose labels are not published.
    let private isUnlabelledTest = isOneOf "testprivate testprivatemixed"

    /// Folders of a data set that hold no class of parts.
    let isPartOfLayout name = isTrain name || isTest name || isValidation name || isMasks name || isLabels name || isUnlabelledTest name
