/// What labelling tools write: LabelMe's JSON, COCO's JSON and YOLO's text. Whatever is labelled is a defect.
namespace Fae.Imaging

open System
open System.Globalization
open System.Text.Json
open Fae.Core

/// A labelled region, in pixels of the picture.
type AnnotatedRegion =
    | Outline of points: (float * float)[]
    /// Lengths of runs of background and region in turn, down the columns, as COCO has them.
    | Runs of counts: int list

[<RequireQualifiedAccess>]
module Annotations =
    let private finite (value: float) =
        if Double.IsFinite value && abs value < 1e7 then
            value
        else
            raise (FormatException $"{value} is no place in a picture")

    let private rectangle (left, top) (right, bottom) = [| left, top; right, top; right, bottom; left, bottom |]

    /// Reading JSON that anybody may have written.
    let private reading (work: JsonElement -> 'a) (text: string) : Result<'a, string> =
        try
            use document = JsonDocument.Parse text
            Ok(work document.RootElement)
        with
        | :? JsonException
        | :? FormatException
        | :? InvalidOperationException
        | :? OverflowException
        | :? IndexOutOfRangeException
        | :? Collections.Generic.KeyNotFoundException as e -> Error(e.Message.Split('\n')[0])

    let private point (json: JsonElement) = finite (json[0].GetDouble()), finite (json[1].GetDouble())

    let private points (json: JsonElement) = [| for one in json.EnumerateArray() -> point one |]

    /// A circle by its middle and a point on it, as 32 points.
    let private circle (x, y) (px, py) =
        let radius = sqrt ((px - x) ** 2.0 + (py - y) ** 2.0)

        [|
            for i in 0..31 -> x + radius * cos (float i * Math.PI / 16.0), y + radius * sin (float i * Math.PI / 16.0)
        |]

    let private labelMeShape (shape: JsonElement) =
        let points = points (shape.GetProperty "points")

        let kind =
            match shape.TryGetProperty "shape_type" with
            | true, kind when kind.ValueKind = JsonValueKind.String -> string (kind.GetString())
            | _ -> "polygon"

        match kind, points with
        | ("polygon" | "line" | "linestrip" | "point" | "points"), points -> Outline points
        | "rectangle", [| a; b |] -> Outline(rectangle a b)
        | "rectangle", points when points.Length = 4 -> Outline points
        | "circle", [| middle; edge |] -> Outline(circle middle edge)
        | _ -> raise (FormatException $"shapes of the type '{kind}' with {points.Length} points are not read")

    /// LabelMe: `shapes`, each with `points` and `shape_type`.
    let labelMe (text: string) : Result<AnnotatedRegion list, string> =
        text
        |> reading (fun root -> [ for shape in (root.GetProperty "shapes").EnumerateArray() -> labelMeShape shape ])

    /// COCO's compressed counts: five bits a character, differences to the count before the last.
    let private decompressed (text: string) =
        let counts = ResizeArray<int64>()
        let mutable at = 0

        while at < text.Length do
            let mutable value = 0L
            let mutable shift = 0
            let mutable more = true

            while more do
                if at >= text.Length || shift > 55 then
                    raise (FormatException "its run lengths are cut off")

                let bits = int64 text[at] - 48L
                value <- value ||| ((bits &&& 0x1fL) <<< shift)
                more <- bits &&& 0x20L <> 0L
                at <- at + 1
                shift <- shift + 5
                if not more && bits &&& 0x10L <> 0L then value <- value ||| (-1L <<< shift)

            if counts.Count > 2 then value <- value + counts[counts.Count - 2]
            counts.Add value

        [ for count in counts -> Checked.int count ]

    let private segmentation (annotation: JsonElement) =
        let has (name: string) =
            match annotation.TryGetProperty name with
            | true, value when value.ValueKind <> JsonValueKind.Null -> Some value
            | _ -> None

        match has "segmentation" with
        | Some list when list.ValueKind = JsonValueKind.Array && list.GetArrayLength() > 0 ->
            [
                for polygon in list.EnumerateArray() ->
                    [| for value in polygon.EnumerateArray() -> finite (value.GetDouble()) |]
                    |> Array.chunkBySize 2
                    |> Array.filter (fun pair -> pair.Length = 2)
                    |> Array.map (fun pair -> pair[0], pair[1])
                    |> Outline
            ]
        | Some runs when runs.ValueKind = JsonValueKind.Object ->
            let counts = runs.GetProperty "counts"

            [
                if counts.ValueKind = JsonValueKind.String then
                    Runs(decompressed (string (counts.GetString())))
                else
                    Runs [ for count in counts.EnumerateArray() -> count.GetInt32() ]
            ]
        | _ ->
            match has "bbox" with
            | Some box ->
                let left, top = point box
                [ Outline(rectangle (left, top) (left + finite (box[2].GetDouble()), top + finite (box[3].GetDouble()))) ]
            | None -> []

    /// COCO: the regions of each picture, by its `file_name`.
    let coco (text: string) : Result<Map<string, AnnotatedRegion list>, string> =
        text
        |> reading (fun root ->
            let names =
                Map.ofList
                    [
                        for image in (root.GetProperty "images").EnumerateArray() ->
                            image.GetProperty("id").ToString(), string (image.GetProperty("file_name").GetString())
                    ]

            let regions =
                [
                    for annotation in (root.GetProperty "annotations").EnumerateArray() ->
                        annotation.GetProperty("image_id").ToString(), segmentation annotation
                ]
                |> List.groupBy fst
                |> List.map (fun (id, some) -> id, List.collect snd some)
                |> Map.ofList

            names
            |> Map.toSeq
            |> Seq.map (fun (id, name) -> name, Map.tryFind id regions |> Option.defaultValue [])
            |> Map.ofSeq)

    /// YOLO: a line for each region, its class and then x, y, … of a polygon, or the middle, width and height of a box; all as shares of
    /// the picture's width and height.
    let yolo height width (text: string) : Result<AnnotatedRegion list, string> =
        let place (x, y) = float width * x, float height * y

        let region (line: string) =
            let words = line.Split([| ' '; '\t' |], StringSplitOptions.RemoveEmptyEntries)

            let numbers =
                words
                |> Array.skip 1
                |> Array.map (fun word -> finite (Double.Parse(word, NumberStyles.Float, CultureInfo.InvariantCulture)))

            match numbers with
            | [| x; y; w; h |] -> Outline(rectangle (place (x - w / 2.0, y - h / 2.0)) (place (x + w / 2.0, y + h / 2.0)))
            | _ when numbers.Length >= 6 && numbers.Length % 2 = 0 ->
                Outline(numbers |> Array.chunkBySize 2 |> Array.map (fun pair -> place (pair[0], pair[1])))
            | _ -> raise (FormatException $"'{line.Trim()}' is no region")

        try
            Ok
                [
                    for line in text.Split '\n' do
                        if line.Trim() <> "" then region line
                ]
        with
        | :? FormatException
        | :? OverflowException as e -> Error e.Message

    /// One plane, 1 where something is labelled.
    let mask height width (regions: AnnotatedRegion list) : Result<Image, string> =
        let outlines =
            regions
            |> List.choose (function
                | Outline points -> Some points
                | Runs _ -> None)

        let drawn = Polygon.mask height width outlines

        let rec add (mask: float32[]) at isRegion counts =
            match counts with
            | [] -> Ok()
            | count :: _ when count < 0 || int64 at + int64 count > int64 height * int64 width ->
                Error "its runs are longer than the picture"
            | count :: others ->
                if isRegion then
                    for i in at .. at + count - 1 do
                        mask[i % height * width + i / height] <- 1.0f

                add mask (at + count) (not isRegion) others

        regions
        |> List.choose (function
            | Runs counts -> Some counts
            | Outline _ -> None)
        |> List.fold
            (fun result counts ->
                result
                |> Result.bind (fun (image: Image) ->
                    let mask = Array.copy image.Pixels
                    add mask 0 false counts |> Result.map (fun () -> Image.ofArray 1 height width mask)))
            (Ok drawn)
