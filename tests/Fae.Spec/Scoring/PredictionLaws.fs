/// Laws of image scores, regions and selection.
module Fae.Spec.PredictionLaws

open System
open Fae.Core
open Fae.Kernels
open Fae.Spec.Generators

[<NoComparison; NoEquality>]
type Scorer =
    {
        Score: Scoring -> Image option -> Image -> float32
        /// ignore → threshold → heatmap → regions
        Regions: Image option -> float32 -> Image -> Region list
        CorrectIllumination: float32 -> Image -> Image
    }

let scoring reduction border typical : Scoring =
    {
        Measure = Mse
        FilterSize = 1
        FilterPasses = 0
        Reduction = reduction
        Border = border
        Normalisation = (if typical > 0.0f then ByMedian typical else Unnormalised)
    }

let near (a: float32) b = abs (a - b) <= 1e-5f * max 1.0f (abs a)
let hiddenBy noise = Image.map (fun v -> if v > 0.6f then 1.0f else 0.0f) noise

let verdictLaws: Law<Scorer> list =
    [
        Law.forAll "the maximum is the largest value, the sum the sum" (fun v (Grey map) ->
            v.Score (scoring Maximum 0 0.0f) None map = Array.max map.Pixels
            && near (v.Score (scoring Sum 0 0.0f) None map) (Array.sum map.Pixels))
        Law.forAll "the top fraction lies between mean and maximum, and is both at its ends" (fun v (Grey map) ->
            let top q = v.Score (scoring (Top q) 0 0.0f) None map

            top 0.3f <= Array.max map.Pixels + 1e-6f
            && top 0.3f >= Array.average map.Pixels - 1e-5f
            && near (top 1.0f) (Array.average map.Pixels)
            && near (top 1e-6f) (Array.max map.Pixels))
        Law.forAll "a score over the median is unchanged by the exposure" (fun v (Grey map) ->
            let bright = Image.map (fun x -> 4.0f * x) map
            near (v.Score (scoring Maximum 0 0.5f) None map) (v.Score (scoring Maximum 0 2.0f) None bright))
        Law.forAll "the border is not looked at" (fun v (Grey map) ->
            let framed =
                Image.init 1 (map.Height + 4) (map.Width + 4) (fun _ y x ->
                    if y < 2 || x < 2 || y >= map.Height + 2 || x >= map.Width + 2 then
                        9.0f
                    else
                        map[0, y - 2, x - 2])

            Seq.forall
                (fun r -> near (v.Score (scoring r 2 0.0f) None framed) (v.Score (scoring r 0 0.0f) None map))
                [ Sum; Maximum; Top 0.3f ])
        Law.forAll "ignored pixels are not looked at" (fun v (Pair(map, noise)) ->
            let hidden = hiddenBy noise
            let spoilt = Image.map2 (fun x h -> if h >= 0.5f then 9.0f else x) map hidden

            Seq.forall
                (fun r -> near (v.Score (scoring r 0 0.0f) (Some hidden) spoilt) (v.Score (scoring r 0 0.0f) (Some hidden) map))
                [ Sum; Maximum; Top 0.3f ]
            && v.Regions (Some hidden) 5.0f spoilt = [])
        Law.forAll "regions cover exactly the pixels at or above the threshold" (fun v (Grey map) ->
            let regions = v.Regions None 0.5f map
            (regions |> List.sumBy _.Area) = (map.Pixels |> Array.filter (fun x -> x >= 0.5f) |> Array.length))
        Law.forAll "each region's box holds its peak and no larger value outside boxes remains" (fun v (Grey map) ->
            let regions = v.Regions None 0.5f map
            let inside (r: Region) y x = x >= r.X && x < r.X + r.Width && y >= r.Y && y < r.Y + r.Height

            let peak (r: Region) =
                Seq.exists (fun i -> map.Pixels[i] = r.Peak && inside r (i / map.Width) (i % map.Width)) (seq { 0 .. map.Area - 1 })

            let covered i = map.Pixels[i] < 0.5f || List.exists (fun r -> inside r (i / map.Width) (i % map.Width)) regions

            List.forall peak regions && Seq.forall covered (seq { 0 .. map.Area - 1 }))
        Law.forAll "the highest peak comes first" (fun v (Grey map) ->
            let peaks = v.Regions None 0.5f map |> List.map _.Peak
            peaks = List.sortDescending peaks)
        Law.once "pixels that touch at a corner are one region" (fun v ->
            let diagonal = Image.init 1 4 4 (fun _ y x -> if x = y then 1.0f else 0.0f)

            v.Regions None 0.5f diagonal = [ { X = 0; Y = 0; Width = 4; Height = 4; Area = 4; Peak = 1.0f } ])
        Law.forAll "σ = 0 leaves the light alone" (fun v (Grey image) -> v.CorrectIllumination 0.0f image = image)
        Law.forAll "divided light does not see the exposure" (fun v (Grey image) ->
            // Bright enough that the floor under the division does not show.
            let bright = Image.map (fun x -> 0.5f + 0.5f * x) image
            let dim = Image.map (fun x -> 0.6f * x) bright
            Near.images 0.05f (v.CorrectIllumination 6.0f dim) (v.CorrectIllumination 6.0f bright))
        Law.forAll "equals the plain definition" (fun v (Pair(map, noise)) ->
            let ways = List.allPairs [ Sum; Maximum; Top 0.3f; Top 1.0f ] (List.allPairs [ 0; 2 ] [ 0.0f; 0.25f ])

            List.allPairs ways [ None; Some(hiddenBy noise) ]
            |> List.forall (fun ((reduction, (border, typical)), ignore) ->
                let scoring = scoring reduction border typical
                near (v.Score scoring ignore map) (Scoring.score scoring ignore map))
            && Near.images 1e-4f (v.CorrectIllumination 3.0f map) (Illumination.correct 3.0f map))
    ]

let plain = { Score = Scoring.score; Regions = Scoring.regions; CorrectIllumination = Illumination.correct }

let kernel =
    { plain with
        Score = fun scoring ignore heatmap -> ScoringKernel.Score(scoring, ignore, heatmap)
        CorrectIllumination = fun sigma image -> ScoringKernel.CorrectIllumination(sigma, image)
    }

let onDevice (device: Emulated.Device) = { plain with Score = fun scoring ignore heatmap -> device.On _.Score(scoring, ignore, heatmap) }

let scoringBy change = { plain with Score = fun s ignore map -> Scoring.score (change s) ignore map }

let regionsBy change = { plain with Regions = fun ignore t map -> Scoring.regions ignore t map |> change }

let verdictMutants =
    [
        "the maximum is the 99.9% quantile, the sum a mean",
        "the maximum is the largest value, the sum the sum",
        scoringBy (fun s -> if s.Reduction = Sum then { s with Reduction = Top 1.0f } else s)
        "the top fraction is counted from below",
        "the top fraction lies between mean and maximum, and is both at its ends",
        { plain with
            Score =
                fun s ignore map ->
                    (match s.Reduction with
                     | Top q when q < 1.0f -> -(Scoring.score { s with Reduction = Top q } ignore (Image.map (~-) map))
                     | _ -> Scoring.score s ignore map)
        }
        "the norm is added, not multiplied",
        "a score over the median is unchanged by the exposure",
        { plain with
            Score =
                fun s ignore map -> Scoring.score { s with Normalisation = Unnormalised } ignore map - s.MedianOffset.GetValueOrDefault 0.0f
        }
        "the border is one pixel too thin", "the border is not looked at", scoringBy (fun s -> { s with Border = max 0 (s.Border - 1) })
        "the ignore mask is not asked", "ignored pixels are not looked at", { plain with Score = fun s _ map -> Scoring.score s None map }
        "regions of one pixel are dropped",
        "regions cover exactly the pixels at or above the threshold",
        regionsBy (List.filter (fun r -> r.Area > 1))
        "boxes are one pixel too narrow",
        "each region's box holds its peak and no larger value outside boxes remains",
        regionsBy (List.map (fun r -> { r with Width = r.Width - 1 }))
        "the largest region comes first", "the highest peak comes first", regionsBy (List.sortByDescending _.Area)
        "rows are regions",
        "pixels that touch at a corner are one region",
        { plain with
            Regions =
                fun ignore t map ->
                    [
                        for y in 0 .. map.Height - 1 do
                            let row image = Image.crop y 0 1 map.Width image

                            for r in Scoring.regions (Option.map row ignore) t (row map) -> { r with Y = y }
                    ]
                    |> List.sortByDescending _.Peak
        }
        "no σ means one pixel",
        "σ = 0 leaves the light alone",
        { plain with CorrectIllumination = fun sigma image -> Illumination.correct (max 1.0f sigma) image }
        "the light is subtracted",
        "divided light does not see the exposure",
        { plain with
            CorrectIllumination =
                fun sigma image ->
                    if sigma <= 0.0f then
                        image
                    else
                        Image.map2 (fun x m -> x - m + 0.5f) image (MeanFilter.apply (Illumination.filterSize sigma) 3 image)
                        |> Image.map (fun v -> 3.0f * v)
        }
        "the lower median instead of the upper",
        "equals the plain definition",
        { plain with
            Score =
                fun s ignore map ->
                    (let values = Scoring.counted s.Border ignore map in
                     let reduced = Scoring.reduce s.Reduction values in

                     match s.Normalisation with
                     | ByMedian typical when values.Length > 0 -> reduced / ((Array.sort values)[(values.Length - 1) / 2] + typical)
                     | _ -> Scoring.score s ignore map)
        }
    ]

/// n → values → the n-th smallest; the values are partitioned around it.
type Selecting = int -> float32[] -> float32

let selectionLaws: Law<Selecting> list =
    [
        Law.forAll "the n-th smallest, as sorting would find it" (fun nth (Wild map, n: int) ->
            let n = (n &&& Int32.MaxValue) % map.Area
            nth n (Array.copy map.Pixels) = (Array.sort map.Pixels)[n])
        Law.forAll "no value is lost; smaller ones lie before, larger ones behind" (fun nth (Wild map, n: int) ->
            let values = Array.copy map.Pixels
            let n = (n &&& Int32.MaxValue) % values.Length
            let found = nth n values

            Array.sort values = Array.sort map.Pixels
            && Array.forall (fun v -> v <= found) values[..n]
            && Array.forall (fun v -> v >= found) values[n..])
    ]

let selection: Selecting = fun n values -> Selection.Nth(Span values, n)

let selectionMutants: (string * string * Selecting) list =
    [
        "counted from 1", "the n-th smallest, as sorting would find it", (fun n values -> selection (max 0 (n - 1)) values)
        "a sorted copy is looked at",
        "no value is lost; smaller ones lie before, larger ones behind",
        (fun n values -> (Array.sort values)[n])
    ]
