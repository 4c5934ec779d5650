/// What is odd about a project's good pictures, before anything is trained on them.
namespace Fae.Studio

open System.Collections.Concurrent
open System.IO
open Fae.Core
open Fae.Imaging

/// A picture as it is listed.
[<NoComparison>]
type CheckedPicture =
    {
        Picture: StoredPicture
        Width: int
        Height: int
        /// In words; none for a usual picture.
        Remarks: string list
    }

[<RequireQualifiedAccess>]
module PictureChecks =
    /// What is known of a file.
    [<NoComparison; NoEquality>]
    type private Facts = { Width: int; Height: int; Digest: string; Light: float; Contrast: float }

    /// By path, size and time: a picture is read once.
    let private known = ConcurrentDictionary<struct (string * int64 * int64), Facts option>()

    let private look (path: string) =
        match ImageDecoder.readTo 1 (fun _ -> struct (64, 64)) path, ImageDecoder.digest path with
        | Ok picture, Ok digest ->
            let values = picture.Image.Pixels |> Array.map float
            let light = Array.average values

            Some
                {
                    Width = picture.OriginalWidth
                    Height = picture.OriginalHeight
                    Digest = digest
                    Light = light
                    Contrast = sqrt (values |> Array.averageBy (fun v -> (v - light) * (v - light)))
                }
        | _ -> None

    let private facts (picture: StoredPicture) =
        let info = FileInfo picture.Path
        known.GetOrAdd(struct (picture.Path, info.Length, info.LastWriteTimeUtc.Ticks), (fun _ -> look picture.Path))

    /// Deviations from the median in median deviations that are called unusual; the deviation is at least this.
    let private unusual, smallest = 8.0, 0.01

    /// Whether a value is far from the others', and what it is called then.
    let private far (name: string) (values: float[]) =
        if values.Length < 5 then
            fun _ -> []
        else
            let middle = Statistics.median values
            let spread = max smallest (Statistics.median (values |> Array.map (fun v -> abs (v - middle))))
            fun value -> if abs (value - middle) > unusual * spread then [ $"{name} unlike the others" ] else []

    /// The pictures of a kind with remarks. Only good pictures are compared with each other.
    let all project kind : CheckedPicture list =
        let pictures = PictureStore.list project kind |> Array.ofList
        let found = pictures |> Array.Parallel.map (fun picture -> picture, facts picture)
        let read = found |> Array.choose snd
        let shapes = read |> Array.countBy (fun f -> struct (f.Width, f.Height))
        let light, contrast = far "light" (read |> Array.map _.Light), far "contrast" (read |> Array.map _.Contrast)

        let remarks (picture: StoredPicture) (f: Facts) =
            [
                match found |> Array.tryFind (fun (_, other) -> other |> Option.exists (fun o -> o.Digest = f.Digest)) with
                | Some(first, _) when first.Name <> picture.Name -> $"the same as {first.Name}"
                | _ -> ()

                if kind = Good then
                    if shapes.Length > 1 && struct (f.Width, f.Height) <> fst (Array.maxBy snd shapes) then
                        $"another size: {f.Width}×{f.Height}"

                    yield! light f.Light
                    yield! contrast f.Contrast
            ]

        [
            for picture, facts in found ->
                match facts with
                | Some f -> { Picture = picture; Width = f.Width; Height = f.Height; Remarks = remarks picture f }
                | None -> { Picture = picture; Width = 0; Height = 0; Remarks = [ "cannot be read" ] }
        ]
