/// Labels as LabelMe, COCO and YOLO write them, found and read as masks.
module Fae.Tests.AnnotationTests

open System.IO
open Expecto
open Fae.Core
open Fae.Data
open Fae.Imaging
open Fae.Tests.Helpers

/// Pictures of 60 × 40; the region is 15 × 10 at (30, 10).
let private wanted = Image.init 1 40 60 (fun _ y x -> if y >= 10 && y < 20 && x >= 30 && x < 45 then 1.0f else 0.0f)

/// Where two masks differ, at most at the corners of the region, whose pixels are marked too.
let private isWanted (mask: Image) =
    (mask.Height, mask.Width) = (40, 60)
    && Array.forall2 (fun a b -> a >= b) mask.Pixels wanted.Pixels
    && Array.sum mask.Pixels - Array.sum wanted.Pixels <= 3.0f

let private pictures folder =
    for name in [ "good/0.png"; "good/1.png"; "scratch/a.png"; "scratch/b.png" ] do
        writePng folder name (Image.constant 1 40 60 0.5f) |> ignore

let private write folder (name: string) (text: string) =
    let path = Path.Combine(folder, name)
    Directory.CreateDirectory(string (Path.GetDirectoryName path)) |> ignore
    File.WriteAllText(path, text)

/// The masks of the pictures with defects, by their names.
let private masks folder =
    match DataSet.testPictures folder with
    | Error problems -> failtest (problems |> List.map DataSet.explain |> String.concat "; ")
    | Ok pictures ->
        [
            for picture in pictures do
                if picture.Anomalous then
                    Path.GetFileName picture.Path |> string,
                    picture.Mask
                    |> Option.map (fun source ->
                        match MaskSource.read picture.Path source with
                        | Ok mask -> mask
                        | Error problem -> failtest (string problem))
        ]

let private found folder = [ for name, mask in masks folder -> name, mask |> Option.map isWanted ]

let private labelMe shape = $"""{{"version": "5.0", "shapes": [{shape}], "imagePath": "a.png", "imageHeight": 40, "imageWidth": 60}}"""

let private coco annotation =
    $"""{{"images": [{{"id": 7, "file_name": "scratch/a.png", "height": 40, "width": 60}}, {{"id": 8, "file_name": "b.png"}}],
      "categories": [{{"id": 1, "name": "scratch"}}], "annotations": [{{"id": 1, "image_id": 7, "category_id": 1, {annotation}}}]}}"""

let private polygon = "[[30, 10], [45, 10], [45, 20], [30, 20]]"

let tests =
    testList
        "Annotations"
        [
            for what, file, text in
                [
                    "LabelMe, a polygon beside the picture",
                    "scratch/a.json",
                    labelMe $"""{{"label": "scratch", "points": {polygon}, "shape_type": "polygon"}}"""
                    "LabelMe, a rectangle in a folder of labels",
                    "annotations/scratch/a.json",
                    labelMe """{"label": "x", "points": [[30, 10], [45, 20]], "shape_type": "rectangle"}"""
                    "COCO, polygons", "annotations/instances_default.json", coco "\"segmentation\": [[30, 10, 45, 10, 45, 20, 30, 20]]"
                    "COCO, run lengths",
                    "annotations.json",
                    coco (
                        "\"segmentation\": {\"size\": [40, 60], \"counts\": ["
                        + String.concat ", " ("1210" :: List.replicate 14 "10, 30" @ [ "10"; "620" ])
                        + "]}"
                    )
                    "COCO, a box", "scratch/_annotations.coco.json", coco "\"bbox\": [30, 10, 15, 10]"
                    "YOLO, a polygon beside the picture", "scratch/a.txt", "0 0.5 0.25 0.75 0.25 0.75 0.5 0.5 0.5\n"
                    "YOLO, a box in a folder of labels", "labels/a.txt", "2 0.625 0.375 0.25 0.25"
                ] do
                test what {
                    inTemporaryFolder (fun folder ->
                        pictures folder
                        write folder file text
                        Expect.equal (found folder) [ "a.png", Some true; "b.png", None ] "the region, and no other")
                }

            test "COCO's compressed run lengths" {
                // By rleToString of the COCO API, from the run lengths above.
                let counts = "jU1:n0000000000000000000000000000^b0"

                match Annotations.coco (coco $"\"segmentation\": {{\"size\": [40, 60], \"counts\": \"{counts}\"}}") with
                | Error reason -> failtest reason
                | Ok regions ->
                    match Annotations.mask 40 60 regions["scratch/a.png"] with
                    | Ok mask -> Expect.isTrue (isWanted mask) $"{Array.sum mask.Pixels} pixels"
                    | Error reason -> failtest reason
            }

            test "other JSON and text beside pictures is passed over; labels that cannot be read are said" {
                inTemporaryFolder (fun folder ->
                    pictures folder
                    write folder "scratch/a.json" """{"exposure": 0.2, "gain": 3}"""
                    write folder "scratch/b.txt" "seen by Anna on Monday"
                    write folder "settings.json" """{"images": 3}"""
                    Expect.equal (found folder) [ "a.png", None; "b.png", None ] "no labels"

                    let problem file text =
                        write folder file text

                        let problems =
                            match DataSet.testPictures folder with
                            | Error problems -> List.map DataSet.explain problems
                            | Ok pictures ->
                                pictures
                                |> List.choose (fun p -> p.Mask |> Option.map (MaskSource.read p.Path))
                                |> List.choose (function
                                    | Error problem -> Some(string problem)
                                    | Ok _ -> None)

                        File.Delete(Path.Combine(folder, file))
                        Expect.hasLength problems 1 file
                        Expect.stringContains problems.Head file "which file"

                    problem "scratch/a.json" """{"shapes": [{"points": 3}]}"""
                    problem "scratch/a.json" """{"shapes": [{"points": [[1, 2], [3, 4]], "shape_type": "mask"}]}"""
                    problem "scratch/a.json" "{\"shapes\": ["
                    problem "scratch/b.txt" "0 0.5 0.5 0.1 0.1 0.3"
                    problem "coco.json" """{"images": [{"id": 1}], "annotations": []}"""
                    problem "coco.json" (coco "\"segmentation\": {\"size\": [40, 60], \"counts\": [9999999]}"))
            }
        ]
