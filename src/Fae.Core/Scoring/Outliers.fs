/// Outliers among the scores of good parts, for a person to check.
namespace Fae.Core

[<RequireQualifiedAccess>]
module Outliers =
    /// Fewer scores than this are not tested.
    let fewest = 12

    /// Tukey's distance for what is "far out" (Exploratory Data Analysis, 1977), in interquartile ranges above the upper quartile; of
    /// normal scores one in a million lies there.
    let reach = 3.0

    /// The numbers of the scores that lie far above the others, the highest first. By their logarithms: scores are positive and skewed,
    /// and their unit is arbitrary.
    let above (scores: float32[]) : int list =
        if scores.Length < fewest then
            []
        else
            let logs = scores |> Array.map (fun score -> log (max 1e-30 (float score)))
            let sorted = Array.sort logs
            let lower, upper = Statistics.quantile 0.25 sorted, Statistics.quantile 0.75 sorted
            // If good parts are nearly all alike, small differences do not matter: at least twice the upper quartile.
            let limit = upper + max (log 2.0) (reach * (upper - lower))

            [ 0 .. scores.Length - 1 ]
            |> List.filter (fun i -> logs[i] > limit)
            |> List.sortByDescending (fun i -> logs[i])

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
