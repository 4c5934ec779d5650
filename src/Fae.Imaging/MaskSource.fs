/// Where a picture's defects are labelled: a mask, or a file of a labelling tool.
namespace Fae.Imaging

open System
open System.IO
open Fae.Core

type MaskSource =
    /// A file, or a folder of masks.
    | Drawn of path: string
    | LabelMe of path: string
    | Yolo of path: string
    /// The entry of a picture in a COCO file.
    | Coco of path: string * name: string * regions: AnnotatedRegion list

    member source.Path =
        match source with
        | Drawn path
        | LabelMe path
        | Yolo path
        | Coco(path, _, _) -> path

[<RequireQualifiedAccess>]
module MaskSource =
    let private textOf (path: string) : Result<string, ImageProblem> =
        try
            Ok(File.ReadAllText path)
        with
        | :? IOException
        | :? UnauthorizedAccessException as e -> Error { Path = path; Reason = e.Message }

    /// Whether a file beside a picture is one of LabelMe's, and no other JSON.
    let isLabelMe (path: string) = File.Exists path && (textOf path |> Result.map _.Contains("\"shapes\"") |> Result.defaultValue true)

    /// Whether a file is one of YOLO's, and no other text: its first line is numbers.
    let isYolo (path: string) =
        let isNumber (word: string) =
            fst (Double.TryParse(word, Globalization.NumberStyles.Float, Globalization.CultureInfo.InvariantCulture))

        File.Exists path
        && (match textOf path with
            | Error _ -> true
            | Ok text ->
                match text.Split('\n') |> Array.map _.Trim() |> Array.tryFind ((<>) "") with
                | None -> true
                | Some line ->
                    let words = line.Split([| ' '; '\t' |], StringSplitOptions.RemoveEmptyEntries)
                    words.Length >= 5 && Array.forall isNumber words)

    /// The COCO files of a folder, with their pictures' regions. JSON of other programs is passed over.
    let cocoIn (folder: string) : Result<string * Map<string, AnnotatedRegion list>, ImageProblem> list =
        if Directory.Exists folder then
            [
                for path in Directory.GetFiles(folder, "*.json") |> Array.sort do
                    match textOf path with
                    | Ok text when text.Contains "\"annotations\"" && text.Contains "\"images\"" ->
                        Annotations.coco text
                        |> Result.map (fun found -> path, found)
                        |> Result.mapError (fun reason -> { Path = path; Reason = reason })
                    | _ -> ()
            ]
        else
            []

    let private shapeOf picture = ImageDecoder.header picture |> Result.map (fun (struct (width, height, _)) -> struct (height, width))

    /// The mask of a picture, one plane, 1 where something is labelled: at its own size, or at the picture's for regions that were drawn.
    let read (picture: string) (source: MaskSource) : Result<Image, ImageProblem> =
        let problem reason = { Path = source.Path; Reason = reason }

        let drawn (regions: int -> int -> Result<AnnotatedRegion list, string>) =
            shapeOf picture
            |> Result.bind (fun (struct (height, width)) ->
                regions height width |> Result.bind (Annotations.mask height width) |> Result.mapError problem)

        match source with
        | Drawn path -> MaskDecoder.read path
        | LabelMe path -> textOf path |> Result.bind (fun text -> drawn (fun _ _ -> Annotations.labelMe text))
        | Yolo path -> textOf path |> Result.bind (fun text -> drawn (fun height width -> Annotations.yolo height width text))
        | Coco(_, _, regions) -> drawn (fun _ _ -> Ok regions)

    /// Width and height of a mask that has a size of its own.
    let size (source: MaskSource) : Result<struct (int * int) option, ImageProblem> =
        match source with
        | Drawn path -> MaskDecoder.header path |> Result.map (fun (struct (width, height, _)) -> Some(struct (width, height)))
        | LabelMe _
        | Yolo _
        | Coco _ -> Ok None
