/// Whether more good pictures would help: the curve, its words, and what the features say.
module Fae.Tests.LearningCurveTests

open System.Threading
open Expecto
open Fae.Core
open Fae.Detection
open Fae.Training
open Fae.Tests.Helpers

let private point pictures auroc = { Pictures = pictures; Auroc = auroc }

/// A surface of one of several textures, with a spot that is on none of them.
let private surface kind spot =
    let wave = 0.3f + 0.35f * float32 kind

    Image.init 1 64 64 (fun _ y x ->
        let noise = 0.04f * Random.toUnit (Random.hash (uint64 (kind + 100 * spot)) (uint64 (y * 64 + x)))

        if spot > 0 && abs (y - 20 - spot) < 4 && abs (x - 30) < 4 then
            0.95f
        else
            0.5f + 0.3f * sin (wave * float32 x + float32 kind) * cos (wave * float32 y) + noise)

/// The curve of sixteen pictures of so many kinds, all of which are among the held-out ones.
let private curveOf kinds =
    let backbone = Backbone.Read(packagedBackbone, Config.defaults.Features)
    use extractor = new FeatureExtractor(backbone, 1)
    let clean = [| for i in 0..11 -> surface (i % kinds) (-1 - i) |]
    let bad = [| for i in 0..11 -> surface (i % kinds) (1 + i) |]
    let masks = bad |> Array.map (fun image -> Image.constant 1 image.Height image.Width 1.0f)
    let at (i: int) = surface (i % kinds) (-20 - i)
    let fitter = LearningCurveFitter(extractor, Random.ofSeed 3UL)
    List.ofSeq (fitter.Fit(16, at, ValidationSet(clean, bad, masks), null, CancellationToken.None))

let tests =
    testList
        "Learning curve"
        [
            law "all pictures, half, a quarter, at most five sizes" (fun (n: uint8) ->
                let count = 1 + int n
                let sizes = LearningCurve.sizes count

                List.last sizes = count
                && sizes.Length <= 5
                && sizes.Head >= 1
                && sizes |> List.pairwise |> List.forall (fun (half, whole) -> half = whole / 2))
            test "Φ at some places, from tables" {
                for z, p in [ 0.0, 0.5; 1.0, 0.8413447; -1.0, 0.1586553; 1.96, 0.9750021; 3.0, 0.9986501 ] do
                    Expect.floatClose { absolute = 2e-7; relative = 0.0 } (LearningCurve.normal z) p $"{z}"
            }
            test "the binormal AUROC is near the share of pairs of many normal scores, and ½ for equal ones" {
                let drawn shift =
                    Sampler.value (Random.ofSeed 8UL) (Sampler.array 3000 Sampler.normal) |> Array.map (fun v -> float v + shift)

                let bad = Sampler.value (Random.ofSeed 9UL) (Sampler.array 3000 Sampler.normal) |> Array.map (fun v -> float v + 1.0)
                let scores = Array.append (drawn 0.0) bad |> Array.map float32
                let labels = Array.append (Array.create 3000 false) (Array.create 3000 true)
                let pairs = Metrics.auroc scores labels |> Result.defaultValue nan
                Expect.floatClose { absolute = 0.01; relative = 0.0 } (LearningCurve.binormal (drawn 0.0) bad) pairs "pairs"
                Expect.equal (LearningCurve.binormal [| 1.0; 1.0 |] [| 1.0 |]) 0.5 "equal"
                Expect.equal (LearningCurve.binormal [| 1.0 |] [| 2.0 |]) 1.0 "apart"
            }
            test "the curve by hand: the nearest of the known pictures, the strangest patch, the mean over orders" {
                // One good and one bad picture of two patches each; three training pictures.
                let good =
                    [|
                        [| [| 4.0f; 2.0f; 1.0f |]; [| 1.0f; 1.0f; 1.0f |] |]
                        [| [| 2.0f; 2.0f; 2.0f |]; [| 1.0f; 1.0f; 1.0f |] |]
                    |]

                let bad =
                    [|
                        [| [| 8.0f; 8.0f; 8.0f |]; [| 1.0f; 1.0f; 1.0f |] |]
                        [| [| 4.0f; 4.0f; 4.0f |]; [| 1.0f; 1.0f; 1.0f |] |]
                    |]

                let curve = LearningCurve.ofDistances [ [| 0; 1; 2 |] ] good bad
                let expected known = LearningCurve.binormal (Array.map log known) [| log 8.0; log 4.0 |]
                Expect.equal (curve |> List.map _.Pictures) [ 1; 3 ] "sizes"
                Expect.floatClose Accuracy.high curve[0].Auroc (expected [| 4.0; 2.0 |]) "one picture"
                Expect.floatClose Accuracy.high curve[1].Auroc (expected [| 1.0; 2.0 |]) "all"
            }
            test "the words follow the last doubling" {
                let words last = LearningCurve.describe [ point 8 0.7; point 16 0.9; point 32 last ] |> Option.defaultValue ""
                Expect.stringEnds (words 0.93) "more good pictures would help" "three points"
                Expect.stringEnds (words 0.91) "more good pictures may help a little" "one point"
                Expect.stringEnds (words 0.899) "more good pictures would change little" "none"
                Expect.stringContains (words 0.93) "0.900 with 16 good pictures, 0.930 with 32" "how many"
                let blind = LearningCurve.describe [ point 16 0.45; point 32 0.55 ] |> Option.defaultValue ""
                Expect.stringEnds blind "these figures cannot say" "features that do not see the synthetic defects"
                Expect.equal (LearningCurve.describe [ point 1 0.8 ]) None "one point is no curve"
            }
            law "the curve survives its text" (fun (values: (uint8 * uint16) list) ->
                let points = [ for n, a in values -> point (int n) (float a / 65536.0) ]
                LearningCurve.tryParse (LearningCurve.toCsv points) = Some points)
            test "other texts are no curves" {
                Expect.equal (List.map LearningCurve.tryParse [ ""; "a,b"; "pictures,auroc\nx,1" ]) [ None; None; None ] ""
            }
            test "features: sixteen kinds of good parts need all pictures, one kind needs few" {
                let many, one = curveOf 12, curveOf 1
                Expect.equal (many |> List.map _.Pictures) [ 1; 2; 4; 8; 16 ] "sizes"
                Expect.isGreaterThan (many[4].Auroc - many[1].Auroc) 0.1 $"{many}"
                Expect.isLessThan (abs (one[4].Auroc - one[3].Auroc)) 0.02 $"{one}"
                Expect.isGreaterThan one[4].Auroc 0.95 $"{one}"
            }
        ]
