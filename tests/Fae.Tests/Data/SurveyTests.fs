/// What a training finds out about the good pictures before it resizes them.
module Fae.Tests.SurveyTests

open System.IO
open Expecto
open Fae.Core
open Fae.Data
open Fae.Tests.Helpers

let private surveyOf (pictures: Image list) =
    inTemporaryFolder (fun folder ->
        let paths = pictures |> List.mapi (fun i image -> writePng folder $"{i:D3}.png" image)

        match Survey.ofPictures ValueRange.byType 1 paths with
        | Ok survey -> survey
        | Error problems -> failtest $"{problems}")

/// Soft shapes without any detail.
let private soft height width i =
    Image.init 1 height width (fun _ y x -> 0.5f + 0.3f * sin (float32 (x + 7 * i) / 60.0f) * cos (float32 y / 50.0f))

/// Fine grain, alike on all pictures but for its places.
let private grain height width i = Image.map (fun v -> max 0.0f (min 1.0f (0.5f + v))) (Noise.field (uint64 i) 0.15f 1 height width)

let tests =
    testList
        "Survey"
        [
            test "shapes are medians; what is coarse is seen small, what is fine in its own size" {
                let coarse = surveyOf [ for i in 0..7 -> soft (600 + i) 720 i ]
                Expect.equal (coarse.Height, coarse.Width) (604, 720) "the median"
                Expect.equal (WorkingSize.choose None coarse) 256 "coarse"
                let fine = surveyOf [ for i in 0..3 -> grain 480 500 i ]
                Expect.equal (WorkingSize.choose None fine) 480 "fine"
                Expect.equal (WorkingSize.fast fine) 240 "fast: no more pixels than 256 squared, a multiple of 16"
                Expect.equal (WorkingSize.fast { fine with Height = 4096; Width = 500 }) 128 "but 128 at least"
                Expect.equal (WorkingSize.fast { fine with Height = 170; Width = 150 }) 144 "and not larger than the pictures"
            }

            test "a small defect in a large picture is looked for in tiles, as fine as memory allows" {
                let large = { Height = 20000; Width = 8192; Lost = []; IsBinary = false; LightVariation = 0.2 }
                let at mostHeld defect = WorkingSize.resolution mostHeld defect large
                let whole = Resolution.Whole 480
                Expect.equal (at 1e12 None) whole "no defect is named"
                Expect.equal (at 1e12 (Some 16)) (Resolution.Tiles(256, 1024)) "16 pixels become four"
                Expect.equal (at 1e12 (Some 2)) (Resolution.Tiles(256, 256)) "never enlarged"
                Expect.equal (at (8192.0 * 20000.0 / 16.0) (Some 4)) (Resolution.Tiles(256, 1024)) "memory holds a sixteenth of the pixels"
                Expect.equal (at 1e6 (Some 4)) (Resolution.Whole(WorkingSize.choose (Some 4) large)) "or too little for tiles"
                let coarse = Resolution.Whole(WorkingSize.choose (Some 4000) large)
                Expect.equal (at 1e12 (Some 4000)) coarse "a large defect"
                let small = { large with Height = 1000; Width = 1200 }

                Expect.equal
                    (WorkingSize.resolution 1e12 (Some 4) small)
                    (Resolution.Whole(WorkingSize.choose (Some 4) small))
                    "small pictures"

                Expect.floatClose Accuracy.high (WorkingSize.visibleDefect (Resolution.Tiles(256, 1024)) large) 16.0 "what is seen in tiles"
                Expect.floatClose Accuracy.high (WorkingSize.visibleDefect whole large) (4.0 * 8192.0 / 480.0) "and in wholes"
            }

            test "light that changes from picture to picture is corrected, the parts' own changes are not" {
                let lit i = Image.map (fun v -> v * (0.3f + 0.25f * float32 (i % 5))) (grain 256 256 i)
                let survey = surveyOf [ for i in 0..9 -> lit i ]
                Expect.isGreaterThan survey.LightVariation 1.0 "changing light"
                Expect.equal (WorkingSize.illumination 256 survey) 21.0f "a twelfth"
                Expect.equal (WorkingSize.illumination 256 (surveyOf [ for i in 0..9 -> grain 256 256 i ])) 0.0f "one light"
            }

            test "binary pictures are told from photographs, and painted in their own colours" {
                let board i = Image.map (fun v -> if v > 0.5f then 0.95f else 0.05f) (MeanFilter.apply 9 2 (grain 128 128 i))
                Expect.isTrue (surveyOf [ for i in 0..7 -> board i ]).IsBinary "boards"
                Expect.isFalse (surveyOf [ for i in 0..7 -> grain 128 128 i ]).IsBinary "grain"

                let palette = Palette.ofImages [ board 0 ]
                let settings = { Corruption.defaults with Binary = Some true }

                for seed in 0..199 do
                    for occlusion in Sampler.value (Random.ofSeed (uint64 seed)) (Corruption.plans settings palette 3) do
                        Expect.equal (occlusion.Opacity, occlusion.Softness) (1.0f, 0.0f) "opaque, with hard edges"

                        match occlusion.Fill with
                        | Plain colour -> Expect.contains palette.Colours colour "a colour of the parts"
                        | Patch(_, _, _, gain, bias) -> Expect.equal (gain, bias) (1.0f, 0.0f) "a patch as it is"
                        | other -> failtest $"{other}"

                let fine = Corruption.ofFineParts Corruption.defaults
                Expect.equal (fine.RadiusMax, fine.LengthMax, fine.MaxCount) (0.06f, 0.4f, 8) "smaller and more"
                let own = { Corruption.defaults with RadiusMin = 0.1f; RadiusMax = 0.2f; LengthMax = 0.05f; MaxCount = 9 }
                let fine = Corruption.ofFineParts own
                Expect.equal (fine.RadiusMax, fine.LengthMax, fine.MaxCount) (0.1f, 0.05f, 9) "within what was said"
            }

            test "one picture that can be read is enough; without any, all of them are named" {
                inTemporaryFolder (fun folder ->
                    let broken = [ for i in 0..39 -> Path.Combine(folder, $"broken{i}.png") ]

                    for path in broken do
                        File.WriteAllText(path, "no picture")

                    match Survey.ofPictures ValueRange.byType 1 broken with
                    | Error problems -> Expect.hasLength problems 40 "all of them, not only those that were looked at"
                    | Ok survey -> failtest $"{survey}"

                    let good = writePng folder "good.png" (grain 64 80 1)

                    match Survey.ofPictures ValueRange.byType 1 (good :: broken) with
                    | Ok survey -> Expect.equal (survey.Height, survey.Width) (64, 80) "of the good one"
                    | Error problems -> failtest $"{problems}")
            }
        ]
