/// What the core says in words and does for show: names and thinned curves.
module Fae.Tests.CoreTests

open Expecto
open Fae.Core
open Fae.Spec.Generators
open Fae.Tests.Helpers

let tests =
    testList
        "Core"
        [
            test "a measure is read as it is named" {
                for measure in
                    [
                        Weighted [ 0.5f, Mse; 2.0f, Ssim ]
                        Geometric [ 0.25f, Mse; 0.75f, Smoothed(9, 2, Ssim) ]
                        Smoothed(5, 1, AnomalyMap 2)
                        Difference.combined
                    ]
                    @ Difference.all do
                    Expect.equal (Difference.tryParse (Difference.name measure)) (Some measure) (Difference.name measure)

                Expect.equal (Difference.tryParse "mse + ssim") (Some(Weighted [ 1.0f, Mse; 1.0f, Ssim ])) "weights of one"

                for text in [ ""; "msee"; "0*mse"; "-1*mse"; "mse+"; "nan*mse"; "2*3*mse" ] do
                    Expect.isNone (Difference.tryParse text) text
            }

            test "a budget is read, and counted in steps by minutes and processors" {
                for text, minutes in [ "10m", 10.0; "2h", 120.0; "1.5h", 90.0; "0.5m", 0.5 ] do
                    Expect.equal (TrainingPlan.tryParse text) (Some minutes) text

                for text in [ ""; "m"; "10"; "-1h"; "0m"; "10s"; "h10"; "nanm" ] do
                    Expect.isNone (TrainingPlan.tryParse text) text

                let steps minutes processors = TrainingPlan.steps { Minutes = minutes; Processors = processors } Precision.Float32
                Expect.equal (steps 30.0 2) 3000 "half an hour on two processors"
                Expect.equal (steps 30.0 8) 12_000 "on eight"
                Expect.equal (steps 0.1 2) TrainingPlan.fewest "never fewer"
                Expect.equal (steps 1e300 2) TrainingPlan.most "never more"
                let steps16 minutes = TrainingPlan.steps { Minutes = minutes; Processors = 2 } Precision.BFloat16
                Expect.equal (steps16 30.0) 4500 "half as many again with bfloat16"
                Expect.equal (steps16 1.0) 100 "whole hundreds"
                Expect.equal (List.map TrainingPlan.validateEvery [ 3000; 1000; 2 ]) [ 500; 333; 1 ] "three validations at least"
            }

            test "many large pictures leave a small budget fewer steps, two thirds at least; half an hour is enough for all" {
                let work pictures heldOut side =
                    {
                        Megapixels = float (side * side) / 1e6
                        Training = pictures
                        Compared = pictures
                        InBanks = pictures
                        HeldOut = heldOut
                    }

                let overhead pictures heldOut side = TrainingPlan.overhead (work pictures heldOut side)

                let steps minutes overhead = TrainingPlan.stepsBeside overhead { Minutes = minutes; Processors = 2 } Precision.BFloat16
                Expect.equal (steps 30.0 (overhead 296 60 640)) 4500 "the boards in half an hour"
                Expect.equal (steps 10.0 (overhead 60 20 384)) 1500 "a few small pictures"
                Expect.equal (steps 10.0 (overhead 296 60 640)) 1000 "the boards in ten minutes"
                Expect.equal (steps 1.0 (overhead 740 60 768)) TrainingPlan.fewest "never fewer"
                let expected = TrainingPlan.stages (work 740 60 768) 100 2 Precision.BFloat16 |> List.sumBy snd
                Expect.isTrue (expected > 9.0 && expected < 14.0) $"10.5 minutes were measured, not {expected}"

                Expect.equal
                    (TrainingPlan.stepsBeside 4.0 { Minutes = 5.0; Processors = 4 } Precision.BFloat16)
                    1200
                    "four processors do the rest in half the time too"
            }

            test "the stages of a training in their order, and the pace at which they are done" {
                let work = { Megapixels = 0.4; Training = 300; Compared = 360; InBanks = 360; HeldOut = 60 }
                let stages processors = TrainingPlan.stages work 4000 processors Precision.Float32
                let order = [ TrainingStage.Pictures; TrainingStage.MemoryBanks; TrainingStage.Steps; TrainingStage.Scoring ]
                Expect.equal (stages 2 |> List.map fst) order "the order"
                let sum = stages 2 |> List.sumBy snd
                let steps = stages 2 |> List.find (fst >> (=) TrainingStage.Steps) |> snd
                Expect.floatClose Accuracy.high (sum - steps) (TrainingPlan.overhead work) "all but the steps"
                Expect.floatClose Accuracy.high (stages 4 |> List.sumBy snd) (sum / 2.0) "twice the processors"
                Expect.equal (TrainingPlan.pace 0.0 0.0) 1.0 "as expected, before anything is done"
                Expect.isTrue (TrainingPlan.pace 100.0 200.0 > 1.9 && TrainingPlan.pace 100.0 200.0 < 2.0) "half as fast"
                Expect.isTrue (TrainingPlan.pace 0.1 0.3 < 1.5) "a few seconds say little"
            }

            test "memory banks see as many pictures as take a quarter of the budget, 200 at least; a setting says otherwise" {
                let pictures minutes side = TrainingPlan.bankPictures { Minutes = minutes; Processors = 2 } (float (side * side) / 1e6)

                Expect.equal (pictures 30.0 640) 1831 "boards in half an hour"
                Expect.equal (pictures 60.0 640) 3662 "twice the time"
                Expect.equal (pictures 1.0 640) 200 "never fewer"

                let plenty =
                    TrainingPlan.overhead
                        { Megapixels = 0.0655; Training = 100_000; Compared = 2000; InBanks = pictures 30.0 256; HeldOut = 1000 }

                Expect.isTrue (plenty > 10.0 && plenty < 20.0) $"100,000 small pictures leave time in half an hour: {plenty} minutes"

                let all most cap number =
                    NetworkGeometry.bankPictures { Config.defaults.Network with BankPictures = most; BankCap = cap } number

                Expect.equal (all None 100_000 9_000) 9_000 "all, where each gives ten patches"
                Expect.equal (all None 100_000 50_000) 10_000 "a tenth of the patches"
                Expect.equal (all None 5 50_000) 1 "at least one"
                Expect.equal (all (Some 20_000) 100_000 50_000) 20_000 "as asked for"
                Expect.equal (all (Some 20_000) 100_000 30) 30 "all of few"
            }

            test "so many good pictures are compared with each other that it takes a twenty-fifth of the budget, 200 at least" {
                let compared minutes processors = TrainingPlan.compared (Some { Minutes = minutes; Processors = processors })
                Expect.equal (compared 10.0 2) 800 "ten minutes"
                Expect.equal (compared 10.0 4) 1600 "twice the processors"
                Expect.equal (compared 1.0 2) 200 "never fewer"
                Expect.equal (compared 1e300 2) (TrainingPlan.compared None) "nor more than without a budget"
            }

            test "few good pictures enter a memory bank in all allowed views; many in the straight one, at any angle in four" {
                let turning = { Config.defaults.Augment with FlipHorizontal = Some true; FlipVertical = Some true }

                let viewsOf augment bankViews number =
                    let network = { Config.defaults.Network with BankViews = bankViews }
                    InputGeometry.bankViews { Config.automatic with Network = network; Augment = augment } number |> List.length

                let views = viewsOf turning
                let turned = viewsOf { turning with Rotate = Some AugmentSettings.anyAngle } None
                Expect.equal [ for number in [ 12; 99; 100; 5000 ] -> views None number ] [ 4; 4; 1; 1 ] "auto"
                Expect.equal [ for number in [ 100; 250; 300; 500; 5000 ] -> turned number ] [ 4; 4; 3; 2; 1 ] "auto, at any angle"
                Expect.equal [ for most in [ 1; 2; 8 ] -> views (Some most) 5000 ] [ 1; 2; 4 ] "as asked for"
            }

            test "arrays that do not fill an image, and images of different sizes, are refused" {
                Expect.throwsT<System.ArgumentException> (fun () -> Image.ofArray 1 0 4 [||] |> ignore) "no pixels"
                Expect.throwsT<System.ArgumentException> (fun () -> Image.ofArray 1 2 2 [| 0.0f |] |> ignore) "one value for four"

                Expect.throwsT<System.ArgumentException>
                    (fun () -> Image.map2 (+) (Image.constant 1 2 2 0.0f) (Image.constant 1 2 3 0.0f) |> ignore)
                    "2×2 and 2×3"
            }

            law "a score gives back the reduced value that it was made of" (fun (seed: uint64) ->
                let drawn salt = 0.01f + Random.toUnit (Random.hash seed salt)
                let reduced, median = drawn 0UL, drawn 1UL

                [ Unnormalised; ByMedian(drawn 2UL) ]
                |> List.forall (fun normalisation ->
                    let scoring = { Scoring.ofMap Mse 5 2 with Normalisation = normalisation }
                    let score = scoring.Normalise(reduced, fun () -> median)
                    abs (scoring.Reduced(score, median) - reduced) < 1e-5f))

            law "a thinned curve keeps its ends" (fun (Labelled(s, l)) ->
                match Metrics.summary 1000 s l with
                | Error _ -> false
                | Ok summary ->
                    let thin = Metrics.thin 3 summary.Roc

                    Array.head thin = Array.head summary.Roc && Array.last thin = Array.last summary.Roc && thin.Length <= 7)
        ]
