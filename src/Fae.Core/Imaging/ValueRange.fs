/// What the numbers in a picture's file mean: which of them is black, and which is white.
namespace Fae.Core

/// The type of a picture's values.
[<RequireQualifiedAccess>]
type ValueKind =
    /// 8 bits, unsigned.
    | Byte
    /// 16 bits, unsigned.
    | Word
    /// Floats, signed and longer integers.
    | Other

/// How values are read; `None`: still to be found from the training pictures, or by the type of each picture alone.
type ValueSettings =
    {
        /// Bits that the values use, at most 16; 32 where they are of another type.
        Bits: int option
        /// The values that become 0 and 1, in numbers of so many bits.
        Range: (float32 * float32) option
    }

[<RequireQualifiedAccess>]
module ValueRange =
    /// The depths of cameras, and that of other types.
    let depths, otherDepth = [ 8; 10; 12; 14; 16 ], 32

    /// By the type of each picture alone.
    let byType = { Bits = None; Range = None }

    let private fullScale bits = float32 ((1 <<< bits) - 1)

    let private own =
        function
        | ValueKind.Byte -> 8
        | ValueKind.Word -> 16
        | ValueKind.Other -> otherDepth

    /// The values of a picture of this type that become 0 and 1. The same scene in 8 bits and in 12 of 16 becomes the same picture. Other
    /// types have no depth: their numbers, and those that are compared with them, stay as they are.
    let ofPicture (settings: ValueSettings) (kind: ValueKind) =
        let bits = defaultArg settings.Bits (own kind)
        let low, high = defaultArg settings.Range (0.0f, (if bits = otherDepth then 1.0f else fullScale bits))

        let scale =
            match kind with
            | ValueKind.Byte when bits <> otherDepth -> fullScale 8 / fullScale bits
            // What has more bits than the training pictures uses them all.
            | ValueKind.Word when bits = 8 -> fullScale 16 / fullScale 8
            | _ -> 1.0f

        low * scale, high * scale

    /// Room beyond the lowest and the highest value of good pictures, as a share of what lies between: defects may leave it.
    let private room = 0.25f

    /// From the types of all training pictures, and the lowest and highest value of those that are not bytes.
    let find (kinds: Set<ValueKind>) (lowest: float32) (highest: float32) =
        let other range = { Bits = Some otherDepth; Range = Some range }

        if kinds.Contains ValueKind.Other then
            let span = highest - lowest

            // Numbers between 0 and 1 or 255 that use most of it are what they seem to be.
            if lowest >= 0.0f && highest <= 1.0f && span > 0.25f then
                other (0.0f, 1.0f)
            elif lowest >= 0.0f && highest <= fullScale 8 && span > 64.0f then
                other (0.0f, fullScale 8)
            else
                let margin = if span > 0.0f then room * span else 1.0f
                other (lowest - margin, highest + margin)
        elif kinds.Contains ValueKind.Word then
            {
                Bits = depths |> List.tryFind (fun bits -> highest <= fullScale bits) |> Option.orElse (Some 16)
                Range = None
            }
        else
            { Bits = Some 8; Range = None }

    /// Whether a picture's lowest and highest values leave the range by more than half of it, or use less than a sixteenth of its upper end
    /// where a deeper type than the training pictures' is taken to use all its bits.
    let isStrange (settings: ValueSettings) (kind: ValueKind) (lowest: float32) (highest: float32) =
        let low, high = ofPicture settings kind
        let tolerance = 0.5f * (high - low)

        lowest < low - tolerance
        || highest > high + tolerance
        || (kind = ValueKind.Word && defaultArg settings.Bits 16 = 8 && highest < high / 16.0f)
