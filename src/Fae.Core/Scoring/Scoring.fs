/// From the difference map to heatmap, image score and regions.
namespace Fae.Core

/// How a heatmap becomes the image score.
type Reduction =
    | Sum
    | Maximum
    /// The mean of the largest fraction q in (0, 1] of the pixels.
    | Top of q: float32

/// A reduction by name, as settings and model files hold it; the fraction of `Top` is a setting of its own.
[<RequireQualifiedAccess>]
type ReductionKind =
    | Sum
    | Maximum
    | Top

/// Whether the image score is divided by the median of the image's own heatmap: a noisy exposure raises both.
type Normalisation =
    | Unnormalised
    /// score / (median of the heatmap + offset). The offset (> 0) is a share of the mean median over good images: medians near 0 do not
    /// blow the score up.
    | ByMedian of offset: float32

/// A way of scoring before anything is fitted: what is chosen among.
type ScoringCandidate =
    {
        Measure: Measure
        /// k, odd.
        FilterSize: int
        /// n ≥ 0.
        FilterPasses: int
        Reduction: Reduction
        /// The outermost pixels that the image score leaves out: the network sees half a neighbourhood there.
        Border: int
        NormaliseByMedian: bool
    }

/// A fitted way of scoring: all that turns (x, f(x)) into a heatmap and an image score.
type Scoring =
    {
        Measure: Measure
        /// k, odd.
        FilterSize: int
        /// n ≥ 0.
        FilterPasses: int
        Reduction: Reduction
        /// The outermost pixels that the image score leaves out.
        Border: int
        Normalisation: Normalisation
    }

    /// The offset where scores are normalised by the median, else null; for C#.
    member scoring.MedianOffset =
        match scoring.Normalisation with
        | Unnormalised -> System.Nullable()
        | ByMedian offset -> System.Nullable offset

    /// The image score of a reduced value; the heatmap's median, over the pixels that count, is asked for only if it normalises.
    member scoring.Normalise(reduced: float32, median: System.Func<float32>) =
        match scoring.Normalisation with
        | Unnormalised -> reduced
        | ByMedian offset -> reduced / (median.Invoke() + offset)

    /// The reduced value of an image score, from the heatmap's median: the inverse of `Normalise`.
    member scoring.Reduced(score: float32, median: float32) =
        match scoring.Normalisation with
        | Unnormalised -> score
        | ByMedian offset -> score * (median + offset)

/// A connected set of pixels above the threshold: its bounding box in pixels, its area in pixels, the largest value in it.
[<Struct>]
type Region = { X: int; Y: int; Width: int; Height: int; Area: int; Peak: float32 }

[<RequireQualifiedAccess>]
module Reduction =
    let kinds = [ "sum", ReductionKind.Sum; "max", ReductionKind.Maximum; "top", ReductionKind.Top ]

    let ofKind top =
        function
        | ReductionKind.Sum -> Sum
        | ReductionKind.Maximum -> Maximum
        | ReductionKind.Top -> Top top

    let kind =
        function
        | Sum -> ReductionKind.Sum
        | Maximum -> ReductionKind.Maximum
        | Top _ -> ReductionKind.Top

    let name reduction = kinds |> List.find (fun (_, k) -> k = kind reduction) |> fst

    let tryParse top name = kinds |> List.tryFind (fun (n, _) -> n = name) |> Option.map (snd >> ofKind top)

[<RequireQualifiedAccess>]
module ScoringCandidate =
    /// The offset of the division by the median, over the mean median of good pictures. Medians of a memory bank's maps differ little
    /// and say how unusual a picture is as a whole. Those of a difference of pictures are near 0 in places and vary tenfold
    /// (docs/method/experiments.md).
    let private offsetShare measure = if Set.isEmpty (Difference.anomalyMaps measure) then 1.0f else 0.125f

    /// The scoring of a candidate; `typicalMedian` (> 0), the mean median over good pictures, is asked for only if it normalises.
    let fit (typicalMedian: unit -> float32) (candidate: ScoringCandidate) : Scoring =
        {
            Measure = candidate.Measure
            FilterSize = candidate.FilterSize
            FilterPasses = candidate.FilterPasses
            Reduction = candidate.Reduction
            Border = candidate.Border
            Normalisation =
                if candidate.NormaliseByMedian then
                    // Of good pictures whose medians are all 0 it is the smallest number: a share of that would be 0.
                    ByMedian(max System.Single.Epsilon (offsetShare candidate.Measure * typicalMedian ()))
                else
                    Unnormalised
        }

    /// The scoring of a candidate before the division by the median.
    let unnormalised (candidate: ScoringCandidate) = fit (fun () -> 0.0f) { candidate with NormaliseByMedian = false }

    /// The candidate of a fitted scoring.
    let ofScoring (scoring: Scoring) : ScoringCandidate =
        {
            Measure = scoring.Measure
            FilterSize = scoring.FilterSize
            FilterPasses = scoring.FilterPasses
            Reduction = scoring.Reduction
            Border = scoring.Border
            NormaliseByMedian =
                match scoring.Normalisation with
                | Unnormalised -> false
                | ByMedian _ -> true
        }

[<RequireQualifiedAccess>]
module Scoring =
    /// The way of scoring by the largest value of a heatmap: where the heatmap is asked for, and no score.
    let ofMap measure filterSize filterPasses : Scoring =
        {
            Measure = measure
            FilterSize = filterSize
            FilterPasses = filterPasses
            Reduction = Maximum
            Border = 0
            Normalisation = Unnormalised
        }

    /// A = G_k^n(D(x, r)), equation (2); of a geometric mean, the mean of the filtered maps.
    let heatmap (scoring: Scoring) x r =
        let filtered measure = Difference.map measure x r |> MeanFilter.apply scoring.FilterSize scoring.FilterPasses

        match scoring.Measure with
        | Geometric terms -> Difference.geometricMean [ for weight, measure in terms -> weight, filtered measure ]
        | measure -> filtered measure

    /// A value of the heatmap depends on pixels at most so many rows and columns away.
    let reach (scoring: Scoring) = Difference.reach scoring.Measure + scoring.FilterPasses * (scoring.FilterSize / 2)

    /// The indices of the pixels that count for the image score: without the border, and without the pixels that `ignore` (one plane, ≥ ½)
    /// masks out. A border that would leave nothing is not left out.
    let countedIndices border (ignore: Image option) height width =
        let border = if 2 * border < min height width then border else 0

        [|
            for y in border .. height - 1 - border do
                for x in border .. width - 1 - border do
                    match ignore with
                    | Some mask when mask[0, y, x] >= 0.5f -> ()
                    | _ -> y * width + x
        |]

    /// The values of a heatmap that count for the image score.
    let counted border ignore (heatmap: Image) =
        countedIndices border ignore heatmap.Height heatmap.Width |> Array.map (fun i -> heatmap.Pixels[i])

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

    /// The image score of a heatmap.
    let score (scoring: Scoring) ignore heatmap =
        let values = counted scoring.Border ignore heatmap
        scoring.Normalise(reduce scoring.Reduction values, (fun () -> Statistics.median values))

    /// The 8-connected regions where the heatmap is ≥ threshold, the highest peak first. Ignored pixels belong to none.
    let regions (ignore: Image option) (threshold: float32) (heatmap: Image) : Region list =
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

            { X = left; Y = top; Width = right - left + 1; Height = bottom - top + 1; Area = area; Peak = peak }

        [
            for start in 0 .. heatmap.Area - 1 do
                if not seen[start] then flood start
        ]
        |> List.sortByDescending _.Peak
