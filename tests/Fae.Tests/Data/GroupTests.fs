/// Bursts: several pictures of one part are not trained on and held out both.
module Fae.Tests.GroupTests

open System.IO
open Expecto
open Fae.Core
open Fae.Data
open Fae.Tests.Helpers

/// Frame f of part p, with grain of its own and noise of its frame.
let private frame p f =
    let grain = Noise.field (Random.mix64 (uint64 (100 + p))) 0.06f 1 96 96
    let noise = Noise.field (Random.mix64 (uint64 (10000 + 100 * p + f))) 0.02f 1 96 96
    Image.map2 (fun a b -> 0.5f + a + b) (MeanFilter.once 3 grain |> Image.map (fun v -> 3.0f * v)) noise

let private split groups folder =
    let config = { Config.defaults with Config.Train.Groups = groups }
    DataSet.splitBy (PictureGroups.find config) None 0 folder

let private partOf (path: string) = (Path.GetFileName path |> string).Substring(0, 7)

let tests =
    testList
        "Groups"
        [
            test "frames of one part stay on one side of the split, and one of each held-out part is held out" {
                inTemporaryFolder (fun folder ->
                    for p in 0..23 do
                        for f in 0..9 do
                            writePng folder $"train/good/part_{p:D2}_frame{f}.png" (frame p f) |> ignore

                    let check groups =
                        match split groups folder with
                        | Error problems -> failtest (problems |> List.map DataSet.explain |> String.concat "; ")
                        | Ok split ->
                            Expect.equal split.Groups 24 "parts"
                            Expect.equal split.HeldOut.Length 8 "a third of the parts"
                            Expect.hasLength (split.HeldOut |> List.map partOf |> List.distinct) 8 "one picture of each"
                            Expect.equal split.Unused.Length 72 "the other frames of these"
                            Expect.equal split.Training.Length 160 "the others"

                            let trained = set (split.Training |> List.map partOf)

                            Expect.isFalse
                                (split.HeldOut @ split.Unused |> List.exists (partOf >> trained.Contains))
                                "no part on both sides"

                    check "auto"
                    check "(part_[0-9]+)_"

                    match split "none" folder with
                    | Ok split -> Expect.equal (split.Groups, split.HeldOut.Length, split.Unused) (240, 48, []) "if they are no frames"
                    | Error problems -> failtest $"{problems}")
            }

            test "parts that vary little by little are no frames of one part" {
                inTemporaryFolder (fun folder ->
                    let grain = Noise.field (Random.mix64 7UL) 0.3f 1 160 160 |> MeanFilter.once 9

                    // Neighbours are alike to the pixel, those farther off are not: a chain.
                    for i in 0..39 do
                        let moved = Image.init 1 96 96 (fun _ y x -> 0.5f + 3.0f * grain[0, y, x + i])
                        writePng folder $"train/good/{i:D2}.png" moved |> ignore

                    for i in 40..59 do
                        writePng folder $"train/good/{i:D2}.png" (frame i 0) |> ignore

                    match split "auto" folder with
                    | Ok split -> Expect.equal (split.Groups, split.Unused) (60, []) "each a part of its own"
                    | Error problems -> failtest $"{problems}")
            }

            test "a part on many of the pictures is trained on" {
                inTemporaryFolder (fun folder ->
                    for p in 0..19 do
                        for f in 0 .. (if p = 0 then 11 else 1) do
                            writePng folder $"train/good/part_{p:D2}_frame{f}.png" (frame p f) |> ignore

                    for seed in 0..9 do
                        let config = { Config.defaults with Config.Train.Groups = "(part_[0-9]+)_" }

                        match DataSet.splitBy (PictureGroups.find config) None seed folder with
                        | Ok split -> Expect.isTrue (split.Training |> List.exists (fun path -> partOf path = "part_00")) $"seed {seed}"
                        | Error problems -> failtest $"{problems}")
            }

            test "a pattern that is wrong, or finds too few parts, is said" {
                inTemporaryFolder (fun folder ->
                    for i in 0..7 do
                        writePng folder $"train/good/{i}.png" (frame i 0) |> ignore

                    for pattern, part in [ "(part", "regular expression"; "png", "1 part(s)" ] do
                        match split pattern folder with
                        | Error [ problem ] -> Expect.stringContains (DataSet.explain problem) part pattern
                        | other -> failtest $"{other}"

                    match split "auto" folder with
                    | Ok split -> Expect.equal (split.Groups, split.Unused) (8, []) "parts of one kind"
                    | Error problems -> failtest $"{problems}")
            }
        ]
