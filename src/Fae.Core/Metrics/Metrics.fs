/// The field's metrics, exact: no bins, ties handled. Scores are any floats without NaN; a label is true for anomalous.
namespace Fae.Core

/// One point of a curve over all thresholds.
[<Struct>]
type RatePoint = { X: float; Y: float }

/// What one sweep over all thresholds gives; all but the threshold in [0, 1].
type Summary = { Auroc: float; AveragePrecision: float; F1Max: float; F1Threshold: float32; Roc: RatePoint[] }

type MetricError =
    | NoPositives
    | NoNegatives
    | NotANumber

[<RequireQualifiedAccess>]
module Metrics =
    /// Scores in falling order with, after each run of equal scores, the true and false positives so far.
    let private sweep (scores: float32[]) (labels: bool[]) =
        if Array.exists System.Single.IsNaN scores then
            Error NotANumber
        else
            let keys = Array.map (~-) scores
            let sorted = Array.copy labels
            System.Array.Sort(keys, sorted)
            let steps = ResizeArray<struct (float32 * int64 * int64)>()
            let mutable positives = 0L
            let mutable negatives = 0L

            for i in 0 .. keys.Length - 1 do
                if sorted[i] then positives <- positives + 1L else negatives <- negatives + 1L

                if i = keys.Length - 1 || keys[i + 1] <> keys[i] then
                    steps.Add(struct (-keys[i], positives, negatives))

            if positives = 0L then Error NoPositives
            elif negatives = 0L then Error NoNegatives
            else Ok(steps, float positives, float negatives)

    /// All threshold metrics from one sort, with the ROC curve thinned to about `points` points.
    let summary points scores labels =
        sweep scores labels
        |> Result.map (fun (steps, positives, negatives) ->
            let every = max 1 (steps.Count / max 1 points)
            let roc = ResizeArray [ { X = 0.0; Y = 0.0 } ]
            let mutable area = 0.0
            let mutable precision = 0.0
            let mutable best = 0.0
            let mutable bestAt = System.Single.PositiveInfinity
            let mutable lastTrue = 0L
            let mutable lastFalse = 0L

            for i in 0 .. steps.Count - 1 do
                let struct (score, t, f) = steps[i]
                area <- area + float (f - lastFalse) * 0.5 * float (t + lastTrue)
                precision <- precision + float (t - lastTrue) / positives * (float t / float (t + f))
                let f1 = 2.0 * float t / (float (t + f) + positives)

                if f1 > best then
                    best <- f1
                    bestAt <- score

                if i % every = 0 || i = steps.Count - 1 then
                    roc.Add { X = float f / negatives; Y = float t / positives }

                lastTrue <- t
                lastFalse <- f

            {
                Auroc = min 1.0 (area / (positives * negatives))
                AveragePrecision = min 1.0 precision
                F1Max = best
                F1Threshold = bestAt
                Roc = roc.ToArray()
            })

    /// The area under the ROC curve: the chance that an anomalous sample scores above a good one, ties counted one half.
    let auroc scores labels = summary 2 scores labels |> Result.map _.Auroc

    /// Average precision: Σ (recall step) · precision, one step for each distinct score.
    let averagePrecision scores labels = summary 2 scores labels |> Result.map _.AveragePrecision

    /// The largest F1 over all thresholds.
    let f1Max scores labels = summary 2 scores labels |> Result.map _.F1Max

    /// The 8-connected components of a mask, as pixel-index arrays.
    let components (mask: Image) =
        let marked = Array.init mask.Area (fun i -> if mask.Pixels[i] >= 0.5f then 0 else -1)
        let stack = System.Collections.Generic.Stack<int>()

        [
            for start in 0 .. mask.Area - 1 do
                if marked[start] = 0 then
                    marked[start] <- 1
                    stack.Push start

                    [|
                        while stack.Count > 0 do
                            let at = stack.Pop()
                            at
                            let y, x = at / mask.Width, at % mask.Width

                            for v in max 0 (y - 1) .. min (mask.Height - 1) (y + 1) do
                                for u in max 0 (x - 1) .. min (mask.Width - 1) (x + 1) do
                                    let next = v * mask.Width + u

                                    if marked[next] = 0 then
                                        marked[next] <- 1
                                        stack.Push next
                    |]
        ]

    /// What a found pixel adds to the mean overlap of `count` regions; 0 outside all of them.
    let private regionWeights count (mask: Image) parts =
        let weight = Array.zeroCreate<float> mask.Area

        for part in parts do
            for i in part do
                weight[i] <- 1.0 / float (Array.length part) / float (max 1 count)

        weight

    /// The per-region-overlap curve: (false-positive rate over good pixels, mean over all ground-truth regions of the fraction
    /// found), for falling thresholds, up to the first point beyond `limit`. Pixels that `ignore` (one plane, ≥ ½) takes out belong to
    /// no region and are no false positives.
    let proCurve (limit: float) (ignore: Image option) (heatmaps: Image list) (masks: Image list) =
        let hidden =
            match ignore with
            | Some mask -> fun i -> mask.Pixels[i] >= 0.5f
            | None -> fun _ -> false

        let seen (mask: Image) =
            match ignore with
            | Some out -> Image.map2 (fun m i -> if i >= 0.5f then 0.0f else m) mask out
            | None -> mask

        let regions = List.map (seen >> components) masks
        let count = regions |> List.sumBy List.length

        let visible (values: 'a[]) =
            if ignore.IsNone then
                values
            else
                values |> Array.indexed |> Array.filter (fun (i, _) -> not (hidden i)) |> Array.map snd

        let weights = List.map2 (fun mask parts -> visible (regionWeights count mask parts)) masks regions |> Array.concat
        let keys = heatmaps |> List.map (_.Pixels >> visible) |> Array.concat |> Array.map (~-)

        if Array.exists System.Single.IsNaN keys then
            Error NotANumber
        elif count = 0 then
            Error NoPositives
        else
            let negatives = weights |> Array.sumBy (fun w -> if w = 0.0 then 1.0 else 0.0)

            if negatives = 0.0 then
                Error NoNegatives
            else
                System.Array.Sort(keys, weights)
                let points = ResizeArray<RatePoint>()
                points.Add { X = 0.0; Y = 0.0 }
                let mutable overlap = 0.0
                let mutable wrong = 0.0
                let mutable i = 0

                while i < keys.Length && wrong / negatives <= limit do
                    if weights[i] = 0.0 then wrong <- wrong + 1.0 else overlap <- overlap + weights[i]

                    if i = keys.Length - 1 || keys[i + 1] <> keys[i] then
                        points.Add { X = wrong / negatives; Y = min 1.0 overlap }

                    i <- i + 1

                // The loop may stop inside a run of ties: the run's end belongs to the curve.
                if i < keys.Length && keys[i] = keys[i - 1] then
                    while i < keys.Length && keys[i] = keys[i - 1] do
                        if weights[i] = 0.0 then wrong <- wrong + 1.0 else overlap <- overlap + weights[i]

                        i <- i + 1

                    points.Add { X = wrong / negatives; Y = min 1.0 overlap }

                Ok(points.ToArray())

    /// The area under a curve of points with rising X, from 0 to `limit`, by trapezoids, divided by `limit`: in [0, 1].
    let areaUpTo (limit: float) (points: RatePoint[]) =
        let mutable area = 0.0

        for a, b in Array.pairwise points do
            if a.X < limit && b.X > a.X then
                let right = min limit b.X
                let y = a.Y + (b.Y - a.Y) * (right - a.X) / (b.X - a.X)
                area <- area + 0.5 * (a.Y + y) * (right - a.X)

        let last = points[points.Length - 1]

        if last.X < limit then area <- area + (limit - last.X) * last.Y

        min 1.0 (area / limit)

    /// AUPRO: the per-region-overlap curve's area up to this false-positive rate (0.3 by custom), normalised (Bergmann et al. 2020).
    let aupro limit heatmaps masks = proCurve limit None heatmaps masks |> Result.map (areaUpTo limit)

    /// A curve with about `points` of its points, first and last among them: enough to draw it.
    let thin points (curve: RatePoint[]) =
        let every = max 1 (curve.Length / max 1 points)

        curve |> Array.indexed |> Array.filter (fun (i, _) -> i % every = 0 || i = curve.Length - 1) |> Array.map snd
