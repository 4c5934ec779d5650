/// Masks from files. They are labels and no photographs: whatever is not background is labelled.
namespace Fae.Imaging

open System.Collections.Generic
open System.IO
open Fae.Core
open Fae.Kernels

[<RequireQualifiedAccess>]
module MaskDecoder =
    /// A mask of at most so many values holds classes; one of more has soft edges, and its middle value divides.
    let private mostClasses = 16

    /// Zeros and ones of an upright picture's values, the largest of the bands at each pixel; or why that cannot be told.
    let private labelled (values: float32[]) =
        let found = HashSet<float32>()

        for value in values do
            if found.Count <= mostClasses then found.Add value |> ignore

        if found.Count > mostClasses then
            let middle = 0.5f * Array.max values
            Ok(Array.map (fun value -> if value > middle then 1.0f else 0.0f) values)
        elif found.Contains 0.0f || found.Count = 1 then
            Ok(Array.map (fun value -> if value <> 0.0f then 1.0f else 0.0f) values)
        else
            let listed = found |> Seq.sort |> Seq.map string |> String.concat ", "
            Error $"which of its values is background cannot be told: it holds {listed} and no 0"

    /// The files of a mask: itself, or those of a folder.
    let private files (path: string) = if Directory.Exists path then ImageFolder.list path else [ path ]

    /// Width, height and bands of a mask; of a folder of masks those of the first.
    let header path = files path |> List.head |> ImageDecoder.header

    let private readFile (path: string) : Result<Image, ImageProblem> =
        Vips.guard path (fun () ->
            use file = ImageDecoder.openFile path
            // Masks are held as a whole.
            Vips.checkSize file.Width file.Height
            use upright = file.Autorot()
            use flat = if upright.HasAlpha() then upright.Flatten() else upright.Copy()
            use floats = flat.Cast(NetVips.Enums.BandFormat.Float)
            let values = floats.WriteToMemory<float32>()
            let bands = floats.Bands

            let largest =
                if bands = 1 then
                    values
                else
                    Array.init (values.Length / bands) (fun i -> Array.max values[i * bands .. i * bands + bands - 1])

            labelled largest
            |> Result.map (Image.ofArray 1 floats.Height floats.Width)
            |> Result.mapError (fun reason -> { Path = path; Reason = reason }))
        |> Result.bind id

    /// The mask at its own size: upright, one plane, 1 where it labels something. Background is 0 in all bands; colours, grey levels and
    /// class numbers are all labels; what is transparent is background. Of a folder of masks, which may not be empty, what any of them
    /// labels.
    let read (path: string) : Result<Image, ImageProblem> =
        let both (a: Image) (b: Image) file =
            if (a.Height, a.Width) = (b.Height, b.Width) then
                Ok(Image.map2 max a b)
            else
                Error { Path = file; Reason = $"is {b.Width}×{b.Height}, another mask of its folder is {a.Width}×{a.Height}" }

        match files path with
        | [] -> Error { Path = path; Reason = "holds no masks" }
        | first :: others ->
            (readFile first, others)
            ||> List.fold (fun union file -> union |> Result.bind (fun a -> readFile file |> Result.bind (fun b -> both a b file)))

    /// A mask at the size that `shape` makes of its own. No labelled region vanishes.
    let resized (shape: struct (int * int) -> struct (int * int)) (mask: Image) =
        let struct (height, width) = shape (struct (mask.Height, mask.Width))
        MaskKernel.Resize(mask, height, width)

    /// What an ignore mask hides beyond its edge where it is shrunk: the resize looks so far.
    let private reach = int Resample.lobes + 1

    /// A mask of what is to be ignored: every pixel that a resized picture mixes with what it hides is hidden too.
    let readIgnored shape path =
        read path
        |> Result.map (fun mask ->
            let struct (height, width) = shape (struct (mask.Height, mask.Width))

            if (height, width) = (mask.Height, mask.Width) then
                mask
            else
                IgnoreMask.grown reach (MaskKernel.Resize(mask, height, width)))
