/// What people and systems call folders.
namespace Fae.Imaging

open System

[<RequireQualifiedAccess>]
module FolderNames =
    let private isOneOf (names: string list) (name: string) =
        names |> List.exists (fun other -> String.Equals(other, name, StringComparison.OrdinalIgnoreCase))

    /// Folders of good parts.
    let isGood = isOneOf [ "good"; "ok"; "normal"; "pass"; "gut" ]

    /// Folders that file managers, editors and file servers make: hidden ones, `@eaDir`, `#recycle`, `__MACOSX`, `$RECYCLE.BIN`.
    let isSystem (name: string) =
        name.Length > 0 && (".@#$".Contains name[0] || name.StartsWith("__", StringComparison.Ordinal))
        || isOneOf [ "System Volume Information"; "lost+found" ] name

    /// Folders of a data set that hold no class of parts.
    let isPartOfLayout =
        isOneOf
            [
                "train"
                "test"
                "validation"
                "ground_truth"
                "masks"
                "labels"
                "annotations"
                "test_private"
                "test_private_mixed"
            ]
