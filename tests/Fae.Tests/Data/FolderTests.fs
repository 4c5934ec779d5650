/// Folders as people, tools and file servers make them.
module Fae.Tests.FolderTests

open System.IO
open Expecto
open Fae.Core
open Fae.Data
open Fae.Imaging
open Fae.Tests.Helpers

let private put folder (names: string list) =
    for name in names do
        writePng folder name (Image.constant 1 8 8 0.5f) |> ignore

let private trained folder =
    match DataSet.split 0.25f 0 folder with
    | Ok split -> split.Training @ split.HeldOut |> List.map (fun path -> Path.GetRelativePath(folder, path)) |> List.sort
    | Error problems -> failtest (problems |> List.map DataSet.explain |> String.concat "; ")

let private trainedFolders folder = DataSet.trainedFolders folder (GoodPictures.find folder)

let private leftOut folder = DataSet.leftOut folder (GoodPictures.find folder)

let private tested folder =
    match DataSet.testPictures folder with
    | Ok pictures -> [ for p in pictures -> Path.GetRelativePath(folder, p.Path), p.Defect, Option.isSome p.Mask ] |> List.sort
    | Error problems -> failtest (problems |> List.map DataSet.explain |> String.concat "; ")

let tests =
    testList
        "Folders"
        [
            for good in [ "good"; "OK"; "ok"; "Good"; "normal"; "ok_front"; "GoodParts"; "0_good"; "i.O."; "defect-free"; "良品" ] do
                test $"a folder called {good} holds good parts, to train and to test; all others hold defects" {
                    inTemporaryFolder (fun folder ->
                        put folder [ for i in 0..3 -> $"{good}/{i}.png" ]
                        put folder [ "scratch/a.png"; "NG/b.png" ]
                        Expect.hasLength (trained folder) 4 "to train"
                        let test = tested folder
                        Expect.equal (test |> List.filter (fun (_, defect, _) -> defect = "good") |> List.length) 4 "good"
                        Expect.equal (test |> List.filter (fun (_, defect, _) -> defect <> "good") |> List.length) 2 "defects"
                        put folder [ for i in 0..3 -> $"train/{good}/{i}.png" ]
                        Expect.all (trained folder) _.StartsWith("train") "the train folder counts first")
                }

            test "names that say that parts are not good" {
                for bad in [ "bad"; "not_ok"; "no good"; "n.i.O."; "NIO"; "NOK"; "abnormal"; "DefectParts"; "def_front"; "good_defect" ] do
                    Expect.isFalse (FolderNames.isGood bad) bad

                for bad in [ "bad"; "NIO"; "ng"; "def_front"; "DefectParts" ] do
                    Expect.isTrue (FolderNames.isBad bad) bad

                for good in [ "defect_free"; "NoDefects"; "camera2" ] do
                    Expect.isFalse (FolderNames.isBad good) good
            }

            test "two folders of good parts; Train and Test in capital letters; further good pictures in val" {
                inTemporaryFolder (fun folder ->
                    put folder [ "Train/ok_front/0.png"; "Train/ok_back/0.png"; "Train/def_front/0.png"; "val/good/0.png" ]
                    put folder [ "Test/ok_front/1.png"; "Test/ok_back/1.png"; "Test/def_front/1.png"; "val/good/1.png" ]

                    Expect.equal
                        (trained folder)
                        [ "Train/ok_back/0.png"; "Train/ok_front/0.png"; "val/good/0.png"; "val/good/1.png" ]
                        "to train"

                    Expect.equal
                        (trainedFolders folder)
                        [ "Train/ok_back, Train/ok_front", "good, to train", 2; "val/good", "good, to train", 2 ]
                        "said"

                    Expect.equal
                        (tested folder)
                        [
                            "Test/def_front/1.png", "def_front", false
                            "Test/ok_back/1.png", "good", false
                            "Test/ok_front/1.png", "good", false
                        ]
                        "to test")
            }

            test "pictures with labels beside them in one folder: what is labelled is no good part, and no mask is a picture" {
                inTemporaryFolder (fun folder ->
                    let labelled name value = writePng folder name (Image.constant 1 8 8 value) |> ignore

                    for part in [ "train"; "test" ] do
                        put folder [ for i in 0..5 -> $"{part}/1000{i}.png" ]

                        for i in 0..5 do
                            labelled $"{part}/1000{i}_GT.png" (if i = 5 then 1.0f else 0.0f)

                    Expect.equal (trained folder) [ for i in 0..4 -> $"train/1000{i}.png" ] "to train"
                    Expect.stringContains (String.concat "\n" (leftOut folder)) "10005.png" "what is left out"

                    Expect.equal
                        (tested folder)
                        [
                            for i in 0..4 do
                                yield ($"test/1000{i}.png", "good", false)
                            yield ("test/10005.png", "defect", true)
                        ]
                        "to test"

                    let coco = Path.Combine(folder, "coco")
                    put coco [ for i in 0..4 -> $"{i}.png" ]

                    File.WriteAllText(
                        Path.Combine(coco, "_annotations.coco.json"),
                        """{"images": [{"id": 1, "file_name": "3.png"}, {"id": 2, "file_name": "4.png"}], """
                        + """"annotations": [{"image_id": 1, "bbox": [1, 2, 3, 4]}]}"""
                    )

                    Expect.equal (trained coco) [ "0.png"; "1.png"; "2.png"; "4.png" ] "a COCO file"

                    let all = Path.Combine(folder, "all")
                    put all [ for i in 0..4 -> $"{i}.png" ]

                    for i in 0..4 do
                        File.WriteAllText(Path.Combine(all, $"{i}.txt"), "0 0.5 0.5 0.25 0.25")

                    match DataSet.split 0.25f 0 all with
                    | Error [ problem ] -> Expect.stringContains (DataSet.explain problem) "each of its 5 pictures" "all are labelled"
                    | other -> failtest $"{other}"

                    put folder [ for i in 0..4 -> $"parts/good/{i}.png" ]
                    put folder [ for i in 0..4 -> $"parts/good/{i}_mask.png" ]
                    File.WriteAllText(Path.Combine(folder, "parts", "good", "0.txt"), "0 0.5 0.5 0.25 0.25")

                    let parts = Path.Combine(folder, "parts")
                    Expect.hasLength (trained parts) 5 "good is good, and masks are no pictures"
                    Expect.stringContains (String.concat "\n" (leftOut parts)) "5 mask(s)" "they are said")
            }

            test "a folder Label in Train is no part" {
                inTemporaryFolder (fun folder ->
                    put folder [ for i in 0..4 -> $"Train/{i:D4}.PNG" ]
                    put folder [ "Train/Label/0002_label.PNG"; "Train/camera2/1.PNG" ]
                    Directory.CreateSymbolicLink(Path.Combine(folder, "Train", "again"), Path.Combine(folder, "Train")) |> ignore
                    Expect.hasLength (trained folder) 6 "to train; a folder linked to itself is visited once")
            }

            test "which folder is good cannot be told: they are named" {
                inTemporaryFolder (fun folder ->
                    put folder [ for i in 0..5 -> $"A/{i}.png" ]
                    put folder [ "B/0.png" ]

                    match DataSet.split 0.25f 0 folder with
                    | Error [ problem ] ->
                        let words = DataSet.explain problem
                        Expect.stringContains words "A (6), B (1)" "what there is"
                        Expect.stringEnds words ("--data " + Path.Combine(folder, "A")) "the largest as an example"
                    | other -> failtest $"{other}")
            }

            test "folders of file servers and tools are no classes and no parts, nor are heatmaps of ours" {
                inTemporaryFolder (fun folder ->
                    put folder [ for i in 0..3 -> $"train/good/{i}.png" ]
                    put folder [ "test/good/a.png"; "test/dent/b.png" ]

                    for junk in [ ".ipynb_checkpoints"; "@eaDir"; "#recycle"; "__MACOSX"; "$RECYCLE.BIN" ] do
                        put folder [ $"train/good/{junk}/x.png"; $"test/{junk}/y.png"; $"test/dent/{junk}/z.png" ]

                    put folder [ "train/good/00001_3_heatmap.png"; "test/dent/00002_b_heatmap.png" ]
                    Expect.hasLength (trained folder) 4 "to train"
                    Expect.hasLength (tested folder) 2 "to test"
                    Expect.hasLength (ImageFolder.listAll folder) 6 "to inspect")
            }

            test "MVTec LOCO: good pictures for validation too, masks in folders" {
                inTemporaryFolder (fun folder ->
                    put folder [ for i in 0..3 -> $"train/good/{i}.png" ]

                    put
                        folder
                        [
                            "validation/good/0.png"
                            "test/good/0.png"
                            "test/logical_anomalies/000.png"
                            "test/structural_anomalies/000.png"
                        ]

                    let mark name at = writePng folder name (Image.init 1 8 8 (fun _ y x -> if (y, x) = at then 1.0f else 0.0f)) |> ignore

                    mark "ground_truth/logical_anomalies/000/000.png" (1, 1)
                    mark "ground_truth/logical_anomalies/000/001.png" (5, 6)
                    mark "ground_truth/structural_anomalies/000/000.png" (2, 2)
                    Expect.hasLength (trained folder) 5 "to train"

                    Expect.equal
                        (tested folder)
                        [
                            "test/good/0.png", "good", false
                            "test/logical_anomalies/000.png", "logical_anomalies", true
                            "test/structural_anomalies/000.png", "structural_anomalies", true
                        ]
                        "to test"

                    match MaskDecoder.read (Path.Combine(folder, "ground_truth/logical_anomalies/000")) with
                    | Ok mask -> Expect.equal (Array.sum mask.Pixels, mask[0, 1, 1], mask[0, 5, 6]) (2.0f, 1.0f, 1.0f) "both regions"
                    | Error problem -> failtest (string problem)

                    match DataSet.testPictures folder |> Result.map DataSet.checkMasks with
                    | Ok problems -> Expect.isEmpty problems "sizes"
                    | Error problems -> failtest $"{problems}")
            }

            test "MVTec AD 2: test_public with its masks in it" {
                inTemporaryFolder (fun folder ->
                    put folder [ for i in 0..3 -> $"train/good/{i:D3}_regular.png" ]
                    put folder [ "validation/good/000_regular.png"; "test_public/good/000_regular.png"; "test_public/bad/000_shift_1.png" ]
                    put folder [ "test_public/ground_truth/bad/000_shift_1_mask.png"; "test_private/000_regular.png" ]
                    Expect.hasLength (trained folder) 5 "to train"

                    Expect.equal
                        (tested folder)
                        [ "test_public/bad/000_shift_1.png", "bad", true; "test_public/good/000_regular.png", "good", false ]
                        "to test")
            }

            test "folders in the folder of good parts are read too; what is left out is said" {
                inTemporaryFolder (fun folder ->
                    put folder [ "train/good/0.png"; "train/good/monday/1.png"; "train/good/tuesday/left/2.png"; "train/good/3.PNG" ]
                    Expect.hasLength (trained folder) 4 "to train"
                    Expect.isEmpty (leftOut folder) "nothing is left out"
                    File.WriteAllText(Path.Combine(folder, "train", "good", "monday", "4.heic"), "a phone's picture")
                    Expect.stringContains (String.concat "\n" (leftOut folder)) "4.heic" "a file of another ending"

                    let flat = Path.Combine(folder, "flat")
                    put flat [ for i in 0..3 -> $"{i}.png" ]
                    put flat [ for i in 0..7 -> $"camera2/{i}.png" ]
                    Expect.hasLength (trained flat) 4 "of the folder itself"
                    Expect.stringContains (String.concat "\n" (leftOut flat)) "camera2 (8)" "the folder below"
                    Expect.equal (trainedFolders flat) [ ".", "good, to train", 4 ] "what is taken for what")
            }

            test "a mask beside its picture is its mask and no picture" {
                inTemporaryFolder (fun folder ->
                    put folder [ "good/0.png"; "dent/001.png"; "dent/001_mask.png"; "dent/002_mask.png" ]

                    Expect.equal
                        (tested folder)
                        [ "dent/001.png", "dent", true; "dent/002_mask.png", "dent", false; "good/0.png", "good", false ]
                        "002_mask is a picture of that name")
            }

            test "numbers that no port, time or file size can be are refused in one line" {
                inTemporaryFolder (fun folder ->
                    let model = brightnessModel folder
                    let watch = [ "watch"; folder; "--model"; model; "--out"; Path.Combine(folder, "out"); "--once" ]

                    for arguments, limits in
                        [
                            [ "serve"; "--model"; model; "--port"; "99999" ], "--port 99999: must be from 0 to 65535"
                            [ "studio"; "--home"; folder; "--port"; "-1" ], "--port -1: must be"
                            watch @ [ "--live"; "70000" ], "--live 70000: must be"
                            watch @ [ "--journal-megabytes"; "-1" ], "must be more than 0"
                            watch @ [ "--settle"; "nan" ], "must be a number of seconds"
                            [ "serve"; "--model"; model; "--drain"; "-5" ], "must be a number of seconds"
                            [ "serve"; "--model"; model; "--keep-days"; "99999999" ], "must be from 1 to 36500"
                        ] do
                        let refused = fae arguments
                        Expect.equal refused.Code 2 refused.Error
                        Expect.stringContains refused.Error limits "the limits"
                        Expect.equal (refused.Error.Trim().Split('\n').Length) 1 "one line")
            }

            test "a decimal comma is refused with the number that was meant" {
                inTemporaryFolder (fun folder ->
                    for arguments, meant in
                        [
                            [ "inspect"; "--model"; folder; "--false-alarm"; "0,2"; folder ], "0.2"
                            [ "eval"; "--model"; folder; "--data"; folder; "--false-alarm=0,05" ], "0.05"
                            [ "export"; "--model"; folder; "--onnx"; "x"; "--tolerance"; "0,01" ], "0.01"
                        ] do
                        let refused = fae arguments
                        Expect.equal refused.Code 2 refused.Error
                        Expect.stringContains refused.Error meant "what was meant"

                    for setting in [ "noise.sigma=0,1"; "score.measure=0,5*mse + 2*ssim"; "score.measure=mse^0,5 * ssim^0,5" ] do
                        let refused = fae (training folder folder [ setting ])
                        Expect.equal refused.Code 2 refused.Error

                    let refused = fae [ "train"; "--data"; folder; "--out"; folder; "--budget"; "1,5h" ]
                    Expect.equal refused.Code 2 refused.Error)
            }
        ]
