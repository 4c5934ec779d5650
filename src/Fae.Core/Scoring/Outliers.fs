/// Outliers among the scores of good parts, for a person to check.
namespace Fae.Core

[<RequireQualifiedAccess>]
module Outliers =
    /// Fewer scores than this are not tested.
    let fewest = 12

    /// The numbers of the scores that lie so many interquartile ranges above the upper quartile of all, and at least by this factor, the
    /// highest first. By their logarithms: scores are positive and skewed, and their unit is arbitrary.
    let private beyond ranges factor (scores: float32[]) : int list =
        if scores.Length < fewest then
            []
        else
            let logs = scores |> Array.map (fun score -> log (max 1e-30 (float score)))
            let sorted = Array.sort logs
            let lower, upper = Statistics.quantile 0.25 sorted, Statistics.quantile 0.75 sorted
            // If good parts are nearly all alike, small differences do not matter.
            let limit = upper + max (log factor) (ranges * (upper - lower))

            [ 0 .. scores.Length - 1 ]
            |> List.filter (fun i -> logs[i] > limit)
            |> List.sortByDescending (fun i -> logs[i])

    /// Scores that Tukey calls "far out" (Exploratory Data Analysis, 1977): of normal ones one in a million. At least twice the upper
    /// quartile.
    let above = beyond 3.0 2.0

    /// The same of scores that differ less: distances of good pictures, of which every one is at some distance from the others.
    let farOut = beyond 3.0 1.2

    /// Such distances that Tukey calls "outside": of normal ones one in three hundred.
    let outside = beyond 1.5 1.1

    /// The share of a map's places that make a picture's score: those farthest from other pictures.
    let private farthest = 0.005f

    /// How far good pictures are from the others: from the distances of their places to the nearest patches of other pictures, (1, h, w)
    /// each. The distances are divided by what is usual at their place (`MemoryBank.places`); a picture's score, ≥ 0, is the mean of the
    /// largest half percent. The maps, divided so, and the scores.
    let ofDistances (distances: Image list) : (Image * float32) list =
        let places = MemoryBank.places distances

        distances
        |> List.map (fun map ->
            let unusual = Image.map2 (/) map places
            unusual, Scoring.reduce (Top farthest) unusual.Pixels)

    /// How many deviations of log-scores below the lowest good one a score is far below, and the smallest deviation that counts.
    let private farBelow, leastDeviation = 3.0, 0.05

    /// Whether a score, > 0 or 0, is far below those of all held-out good pictures: the picture shows no part, or nothing. Of fewer than
    /// five good scores nothing can be said.
    let isFarBelow (good: float32[]) (score: float32) =
        let logOf (score: float32) = log (float (max score System.Single.Epsilon))

        good.Length >= 5
        && (let logs = Array.map logOf good
            let mean = Array.average logs
            let deviation = sqrt (logs |> Array.averageBy (fun v -> (v - mean) * (v - mean)))
            logOf score < Array.min logs - farBelow * max leastDeviation deviation)
