/// What the values of the training pictures mean, found from all of them; and whether there is anything to see in them.
namespace Fae.Data

open Fae.Core
open Fae.Imaging

[<RequireQualifiedAccess>]
module PictureValues =
    /// What the settings leave open, from the pictures' types and values. Pictures that cannot be read are left to those who read them all.
    /// Only pictures that are not of bytes are decoded.
    let settle (settings: ValueSettings) (paths: string list) =
        if settings.Bits.IsSome && settings.Range.IsSome then
            settings
        else
            let spans = paths |> Array.ofList |> Array.Parallel.choose (ImageDecoder.values >> Result.toOption)
            let deep = spans |> Array.filter (fun span -> span.Kind <> ValueKind.Byte)

            let lowest, highest =
                if deep.Length = 0 then
                    0.0f, 0.0f
                else
                    deep |> Array.map _.Lowest |> Array.min, deep |> Array.map _.Highest |> Array.max

            let found = ValueRange.find (spans |> Array.map _.Kind |> Set.ofArray) lowest highest

            match settings.Bits with
            // A depth that is given has its own range.
            | Some bits when bits <> ValueRange.otherDepth -> settings
            | bits -> { Bits = Option.orElse found.Bits bits; Range = Option.orElse found.Range settings.Range }

    /// In words, where it is not the usual: "values from 0 to 4095 (12 bits)".
    let describe (settings: ValueSettings) =
        match settings.Bits, settings.Range with
        | (None | Some 8), None -> None
        | bits, _ ->
            let low, high = ValueRange.ofPicture settings (if bits = Some 8 then ValueKind.Byte else ValueKind.Other)
            let depth = bits |> Option.filter (fun bits -> bits <> ValueRange.otherDepth)
            let depth = depth |> Option.map (fun bits -> $" ({bits} bits)") |> Option.defaultValue ""
            Some $"values from {low:G6} to {high:G6} are black to white{depth}"

    /// Grey levels of 8 bits.
    let private level = 1.0f / 255.0f

    let private quantile share (image: Image) = float32 (Statistics.quantile share (Array.sort image.Pixels))

    /// Why nothing can be learned from prepared pictures, if so: all of them are constant, cut off at an end, or nearly black.
    let useless (settings: ValueSettings) (pictures: Image list) =
        let all condition = pictures |> List.forall condition
        let range = describe settings |> Option.map (fun text -> $" ({text})") |> Option.defaultValue ""
        let remedy = $"; image.bits and image.range say which values are black and white{range}"

        if pictures.IsEmpty then
            None
        elif all (fun image -> Array.max image.Pixels - Array.min image.Pixels < level) then
            Some("the pictures are constant: there is nothing to learn from" + remedy)
        elif all (fun image -> quantile 0.001 image > 1.0f - level) then
            Some("the pictures are white all over" + remedy)
        elif all (fun image -> quantile 0.999 image < 8.0f * level) then
            Some("the pictures are nearly black" + remedy)
        else
            None
