/// From the difference map to the verdict: aggregate, threshold, regions.
namespace Fae.Core

/// How the smoothed map becomes one number.
type Reduction =
    | Sum
    | Maximum
    /// The mean of the largest fraction q in (0, 1] of the pixels.
    | Top of q: float32

/// All that turns (x, f(x)) into a heatmap and a score.
type Scoring =
    {
        Measure: Measure
        /// k, odd.
        FilterSize: int
        /// n ≥ 0.
        FilterPasses: int
        Reduction: Reduction
        /// The outermost pixels that the score does not look at: the network sees half a neighbourhood there.
        Frame: int
        /// 0: the score is the reduction itself. Above 0: it is divided by the image's own median heatmap value plus this one, which is what
        /// good images typically have: a noisy exposure raises both.
        Typical: float32
    }

/// A connected set of pixels above the threshold: its bounding box in pixels, its area in pixels, the largest value in it.
[<Struct>]
type Region =
    {
        X: int
        Y: int
        Width: int
        Height: int
        Area: int
        Peak: float32
    }

[<RequireQualifiedAccess>]
module Scoring =
    let reductionName =
        function
        | Sum -> "sum"
        | Maximum -> "max"
        | Top _ -> "top"

    /// A = G_k^n(D(x, r)), equation (2).
    let heatmap scoring x r =
        Difference.map scoring.Measure x r
        |> MeanFilter.apply scoring.FilterSize scoring.FilterPasses

    /// The values of a heatmap that count: without the frame, and without the pixels that `ignore` (one plane, ≥ ½) takes out.
    let counted frame (ignore: Image option) (heatmap: Image) =
        let frame =
            if 2 * frame < min heatmap.Height heatmap.Width then
                frame
            else
                0

        [|
            for y in frame .. heatmap.Height - 1 - frame do
                for x in frame .. heatmap.Width - 1 - frame do
                    match ignore with
                    | Some mask when mask[0, y, x] >= 0.5f -> ()
                    | _ -> heatmap[0, y, x]
        |]

    /// The image score of the values that count; 0 where none does.
    let reduce reduction (values: float32[]) =
        if values.Length = 0 then
            0.0f
        else
            match reduction with
            | Sum -> float32 (Array.sumBy float values)
            | Maximum -> Array.max values
            | Top q ->
                let count = max 1 (int (ceil (float q * float values.Length)))
                let sorted = Array.sortDescending values
                let mutable sum = 0.0

                for i in 0 .. count - 1 do
                    sum <- sum + float sorted[i]

                float32 (sum / float count)

    /// The upper median; 0 of nothing.
    let median (values: float32[]) =
        if values.Length = 0 then
            0.0f
        else
            (Array.sort values)[values.Length / 2]

    /// The image score of a heatmap.
    let score scoring ignore heatmap =
        let values = counted scoring.Frame ignore heatmap
        let reduced = reduce scoring.Reduction values

        if scoring.Typical > 0.0f then
            reduced / (median values + scoring.Typical)
        else
            reduced

    /// The 8-connected regions where the heatmap is ≥ threshold, the highest peak first. Ignored pixels belong to none.
    let regions (ignore: Image option) (threshold: float32) (heatmap: Image) =
        let height, width = heatmap.Height, heatmap.Width
        let values = heatmap.Pixels

        // Two-pass flood fill over an array made here; nothing of it is seen outside.
        let seen =
            Array.init heatmap.Area (fun i ->
                values[i] < threshold
                || (match ignore with
                    | Some mask -> mask.Pixels[i] >= 0.5f
                    | None -> false))

        let stack = System.Collections.Generic.Stack<int>()

        let flood start =
            let mutable left, right, top, bottom = width, -1, height, -1
            let mutable area = 0
            let mutable peak = 0.0f
            seen[start] <- true
            stack.Push start

            while stack.Count > 0 do
                let at = stack.Pop()
                let y, x = at / width, at % width
                left <- min left x
                right <- max right x
                top <- min top y
                bottom <- max bottom y
                area <- area + 1
                peak <- max peak values[at]

                for v in max 0 (y - 1) .. min (height - 1) (y + 1) do
                    for u in max 0 (x - 1) .. min (width - 1) (x + 1) do
                        let next = v * width + u

                        if not seen[next] then
                            seen[next] <- true
                            stack.Push next

            {
                X = left
                Y = top
                Width = right - left + 1
                Height = bottom - top + 1
                Area = area
                Peak = peak
            }

        [
            for start in 0 .. heatmap.Area - 1 do
                if not seen[start] then
                    flood start
        ]
        |> List.sortByDescending _.Peak
