/// The way of scoring of a U-Net and memory banks: weights, reduction, and the division by the median.
module Fae.Tests.CombinedScoringTests

open Expecto
open Fae.Core
open Fae.Detection
open Fae.Tests.Helpers

let tests =
    testList
        "Combined scoring"
        [
            test "the median's offset is an eighth of the usual median where a memory bank takes part, else all of it" {
                let fit typical measure =
                    let way =
                        {
                            Measure = measure
                            FilterSize = 5
                            FilterPasses = 2
                            Reduction = Maximum
                            Border = 0
                            NormaliseByMedian = true
                        }

                    (ScoringCandidate.fit (fun () -> typical) way).Normalisation

                let offset = fit 8.0f
                let ofBank = [ AnomalyMap 2; Smoothed(9, 2, AnomalyMap 1); Geometric [ 0.9f, Smoothed(5, 2, Mse); 0.1f, AnomalyMap 1 ] ]
                let ofUNet = [ Mse; Relative; Ssim; Gms; MultiGms; Smoothed(9, 2, Mse); Weighted [ 1.0f, Ssim; 2.0f, Gms ] ]

                for measure in ofBank do
                    Expect.equal (offset measure) (ByMedian 1.0f) (Difference.name measure)

                for measure in ofUNet do
                    Expect.equal (offset measure) (ByMedian 8.0f) (Difference.name measure)

                let least = System.Single.Epsilon
                Expect.equal (fit least (AnomalyMap 1)) (ByMedian least) "medians of 0: the offset stays above 0"
            }

            test "the weights of a combination follow from synthetic AUROCs and the deviations of log-scores on good pictures" {
                let config = { Config.automatic with Config.Image.Size = 64; Config.Score.FilterSize = Some 5 }

                // Their differences from the answers are of different sizes: log-scores deviate. The map of some bad ones is no larger.
                let pair bad i =
                    let image = part 64 i
                    let sigma = (if bad then 0.03f else 0.01f) * float32 (1 + i % 3)
                    let level = if bad && i % 4 > 0 then 8.0f else 5.0f + 0.2f * float32 (i % 3)
                    let map = Image.map (fun v -> level + abs v) (Noise.field (uint64 i) 0.3f 1 64 64)
                    let answer = Noise.field (uint64 (100 + i)) sigma 1 64 64 |> Image.map2 (+) image
                    ReconstructionPair(image, Image.ofArray 2 64 64 (Array.append answer.Pixels map.Pixels))

                let good, bad = [| for i in 0..7 -> pair false i |], [| for i in 0..7 -> pair true i |]
                let candidates = CombinedScoring.Candidates(config, good, bad, null)
                Expect.equal candidates.Count 4 "two reductions, with and without the median"

                for candidate in candidates do
                    let scores measure =
                        let way = { candidate with Measure = measure }

                        let maps (pairs: ReconstructionPair[]) =
                            [
                                for pair in pairs ->
                                    Scoring.heatmap (ScoringCandidate.fit (fun () -> 1.0f) way) pair.Input pair.Reconstruction
                            ]

                        let medians = [ for map in maps good -> Statistics.median (Scoring.counted way.Border None map) ]
                        let scoring = ScoringCandidate.fit (fun () -> float32 (List.averageBy float medians)) way
                        let all = maps good @ maps bad
                        [| for map in all -> Scoring.score scoring None map |]

                    let expected measure =
                        let scores = scores measure

                        let auroc =
                            match Metrics.auroc scores (Array.init scores.Length (fun i -> i >= good.Length)) with
                            | Ok value -> value
                            | Error _ -> failtest "both classes are there"

                        let logs = [ for score in Array.take good.Length scores -> log (float score) ]
                        let mean = List.average logs
                        let deviation = sqrt (List.sumBy (fun v -> (v - mean) * (v - mean)) logs / float (logs.Length - 1))
                        max 0.0 (2.0 * auroc - 1.0), max 0.02 deviation

                    let measures = [ Mse; Ssim; Gms; AnomalyMap 1 ]
                    let fits = List.map expected measures

                    // The three of the U-Net count half of what the best of them does; the better ones have more of that.
                    let ofUNet = fits |> List.take 3 |> List.map fst
                    let cubes = ofUNet |> List.sumBy (fun share -> share ** 3.0)
                    let divided share = 0.5 * List.max ofUNet * share ** 3.0 / max 1e-9 cubes
                    let fits = fits |> List.mapi (fun i (share, deviation) -> (if i < 3 then divided share else share), deviation)
                    let all = List.sumBy fst fits

                    let kept =
                        List.zip measures fits
                        |> List.choose (fun (measure, (share, deviation)) ->
                            if share / all >= 0.01 then Some(measure, share / deviation) else None)

                    let sum = List.sumBy snd kept

                    match candidate.Measure with
                    | Geometric terms ->
                        Expect.equal (List.map snd terms) (List.map fst kept) "the measures that help"

                        for (weight, _), (measure, wanted) in List.zip terms kept do
                            // Three digits.
                            let apart = abs (float weight - wanted / sum)
                            Expect.isLessThan apart (0.006 * wanted / sum) (Difference.name measure)
                    | other -> failtest (Difference.name other)
            }

            test "scores are divided by the picture's median where that makes good pictures agree more" {
                let config = { Config.automatic with Config.Image.Size = 64; Config.Score.FilterSize = Some 5 }

                // The answer's error and the map, brighter and darker from picture to picture; with some rows that are brighter.
                let pair everywhere bad i =
                    let image = part 64 i
                    let gain = 1.0f + 0.3f * float32 (i % 4)
                    let rows y = y >= 16 && y < 24
                    let at y = if rows y then 4.0f * (if everywhere then gain else 1.0f) else gain
                    let noise = Noise.field (uint64 (100 + i)) 0.005f 1 64 64
                    let spot y x = if bad && abs (y - 40) < 6 && abs (x - 32) < 6 then 8.0f else 1.0f
                    let answer = Image.init 1 64 64 (fun _ y x -> image[0, y, x] + at y * spot y x * noise[0, y, x])
                    let map = Image.init 1 64 64 (fun _ y x -> at y * spot y x)
                    ReconstructionPair(image, Image.ofArray 2 64 64 (Array.append answer.Pixels map.Pixels))

                for everywhere in [ true; false ] do
                    let good, bad = [| for i in 0..7 -> pair everywhere false i |], [| for i in 0..7 -> pair everywhere true i |]

                    let candidates = CombinedScoring.Candidates(config, good, bad, null)
                    let masks = [| for _ in bad -> (null: Image | null) |]
                    let trials = ScoringSearch.Compare(candidates, good, bad, masks, null)
                    let chosen = (ScoringSearch.Choose(trials, good.Length, bad.Length)).Candidate
                    Expect.equal chosen.NormaliseByMedian everywhere "where the whole map is brighter, not where some of it is"
            }

            test "where no measure tells synthetic defects from good pictures, all have equal shares" {
                let config = { Config.automatic with Config.Image.Size = 64 }

                let same =
                    [|
                        for i in 0..3 ->
                            ReconstructionPair(part 64 i, Image.init 2 64 64 (fun c y x -> (part 64 i)[0, y, x] + 0.1f * float32 c))
                    |]

                for candidate in CombinedScoring.Candidates(config, same, same, null) do
                    match candidate.Measure with
                    | Geometric terms -> Expect.hasLength terms 12 "all measures, with each filter"
                    | other -> failtest (Difference.name other)
            }
        ]
