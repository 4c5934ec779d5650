/// What people and systems call folders.
namespace Fae.Imaging

open System

[<RequireQualifiedAccess>]
module FolderNames =
    /// The words of a name in small letters: `OK_front`, `GoodParts` and `i.O.` are ok front, good parts and i o.
    let private words (name: string) =
        let startsWord i =
            Char.IsLetter name[i]
            && (i = 0 || not (Char.IsLetter name[i - 1]) || Char.IsUpper name[i] && Char.IsLower name[i - 1])

        [ 0 .. name.Length - 1 ]
        |> List.filter startsWord
        |> List.map (fun start ->
            let ends i = i = name.Length || not (Char.IsLetter name[i]) || i > start && startsWord i
            name.Substring(start, (Seq.initInfinite ((+) (start + 1)) |> Seq.find ends) - start).ToLowerInvariant())

    /// Whether a name is one of these, whatever its case and whatever separates its words, without numbers.
    let private isOneOf names name = not (Seq.exists Char.IsDigit name) && Set.contains (String.Concat(words name)) (set names)

    let private goodWords = set [ "good"; "ok"; "okay"; "normal"; "nominal" ]

    let private goodNames =
        [
            "pass"
            "passed"
            "accepted"
            "gut"
            "gutteile"
            "io"
            "defectfree"
            "nodefect"
            "nodefects"
            "anomalyfree"
            "正常"
            "合格"
            "良品"
        ]

    let private badWords =
        set
            [
                "bad"
                "ng"
                "nok"
                "nio"
                "ko"
                "def"
                "defect"
                "defects"
                "defective"
                "anomaly"
                "anomalies"
                "anomalous"
                "abnormal"
            ]
        + set [ "fail"; "failed"; "reject"; "rejected"; "rejects"; "schlecht"; "fehler" ]

    let private negations = set [ "not"; "no"; "non"; "n"; "un"; "nicht"; "kein" ]

    let private has some name = words name |> List.exists (fun word -> Set.contains word some)

    /// Folders of good parts: good, OK, normal, nominal, also with another word (`ok_front`); pass, passed, accepted, gut, i.O.,
    /// defect-free and their like.
    let isGood name = isOneOf goodNames name || has goodWords name && not (has (badWords + negations) name)

    /// Folders that say of themselves that their parts are not good.
    let isBad name = not (isGood name) && has badWords name

    let isTrain = isOneOf [ "train"; "training" ]

    let isTest = isOneOf [ "test"; "testing"; "testpublic" ]

    /// Further good pictures of some data sets.
    let isValidation = isOneOf [ "validation"; "valid"; "val" ]

    /// Folders of masks.
    let isMasks = isOneOf [ "groundtruth"; "gt"; "masks"; "mask" ]

    /// Folders of what labelling tools write.
    let isLabels = isOneOf [ "labels"; "label"; "annotations" ]

    /// Folders that file managers, editors and file servers make: hidden ones, `@eaDir`, `#recycle`, `__MACOSX`, `$RECYCLE.BIN`.
    let isSystem (name: string) =
        name.Length > 0 && (".@#$".Contains name[0] || name.StartsWith("__", StringComparison.Ordinal))
        || isOneOf [ "systemvolumeinformation"; "lostfound" ] name

    /// Folders of a data set that hold no class of parts.
    let isPartOfLayout name =
        isTrain name
        || isTest name
        || isValidation name
        || isMasks name
        || isLabels name
        || isOneOf [ "testprivate"; "testprivatemixed" ] name
