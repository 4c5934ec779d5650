/// The image score of a strip.
module Fae.Spec.StripScoreLaws

open Fae.Core
open Fae.Kernels
open Fae.Spec.Generators
open Fae.Spec.StripLaws

[<NoComparison; NoEquality>]
type RowScoring = { Score: Scoring -> Image -> float32 }

let private scorings (largest: float32) =
    [
        for reduction in [ Sum; Maximum; Top 0.01f; Top 0.4f ] do
            for border in [ 0; 2 ] do
                for normalisation in [ Unnormalised; ByMedian(0.5f * largest + 0.1f) ] ->
                    {
                        Measure = Mse
                        FilterSize = 1
                        FilterPasses = 0
                        Reduction = reduction
                        Border = border
                        Normalisation = normalisation
                    }
    ]

let private close (a: float32) (b: float32) = abs (float a - float b) <= 5e-4 * abs (float b) + 1e-30

let private scoringLaws: Law<RowScoring> list =
    [
        Law.forAll "the score is that of the whole heatmap, to a part in two thousand" (fun s (Grey map) ->
            scorings 1.0f
            |> List.filter (fun way -> 2 * way.Border < min map.Height map.Width)
            |> List.forall (fun way -> close (s.Score way map) (Scoring.score way None map)))
        Law.forAll "the maximum is exact, also of huge and negative values" (fun s (Wild map) ->
            let way = { (scorings 1.0f).Head with Reduction = Maximum }
            s.Score way map = Scoring.score way None map)
        Law.forAll "the mean of all values is in the range of the values" (fun s (Wild map) ->
            let way = { (scorings 1.0f).Head with Reduction = Top 1.0f }
            let score = s.Score way map
            score >= Array.min map.Pixels && score <= Array.max map.Pixels)
    ]

let private scoredBy rows : RowScoring =
    {
        Score =
            fun way map ->
                let scores = ScoreRows(way, map.Width)
                parts rows map |> List.iter scores.Push
                scores.Complete()
    }

let suite =
    Suite.create
        "Score of a strip"
        "The image score of a heatmap whose rows come one after the other, in memory that does not grow."
        scoringLaws
        [
            "plain", { Score = fun way map -> Scoring.score way None map }
            "kernel", scoredBy 3
            "kernel, row by row", scoredBy 1
        ]
        [
            "the lower border counts",
            "the score is that of the whole heatmap, to a part in two thousand",
            {
                Score =
                    fun way map ->
                        if way.Border = 0 then
                            Scoring.score way None map
                        else
                            let inner = Image.crop way.Border way.Border (map.Height - way.Border) (map.Width - 2 * way.Border) map
                            Scoring.score { way with Border = 0 } None inner
            }
            "the maximum is of what is above 0",
            "the maximum is exact, also of huge and negative values",
            { Score = fun way map -> Scoring.score way None (Image.map (max 0.0f) map) }
            "negative values are counted as positive ones",
            "the mean of all values is in the range of the values",
            { Score = fun way map -> Scoring.score way None (Image.map abs map) }
        ]
