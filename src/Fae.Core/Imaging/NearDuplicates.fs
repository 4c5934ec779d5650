/// Pictures of the same part: frames of one burst, or one part photographed again.
namespace Fae.Core

[<RequireQualifiedAccess>]
module NearDuplicates =
    /// Pictures are compared at this height and width, whatever their shape.
    let side = 64

    /// Side of the mean filter whose result is taken away: light and large shapes, which all parts share.
    let private window = 9

    /// Local contrast below this share of the picture's mean square is not raised to the rest's, nor below an eighth of an 8-bit step.
    let private leastContrast, leastStep = 0.03f, 2.5e-7f

    /// Two parts of one kind correlate by about 0, by more where all lie alike. Frames of one part, with noise, other light and a shift of
    /// half a percent of the side, correlate by 0.7 to 0.99, at other exposures by 0.3 to 0.9. Two pictures are of one part if they
    /// correlate by so many deviations more than pairs usually do; always above the highest limit, never below the lowest.
    let private deviations, lowest, highest = 6.0, 0.35, 0.75

    /// About how many pairs are compared, and how many pictures before each one at least: of many pictures each is compared with those
    /// before it in their order, for frames of a burst follow each other.
    let private pairs, fewestBefore = 2_000_000, 50

    /// What is compared of a picture of one plane, side × side: its detail, at the same contrast everywhere, for exposures change it.
    let detail (thumbnail: Image) : float32[] =
        let detail = Image.map2 (-) thumbnail (MeanFilter.once window thumbnail)
        let squares = Image.map (fun v -> v * v) detail
        let least = leastContrast * Array.average squares.Pixels + leastStep
        (Image.map2 (fun v square -> v / sqrt (square + least)) detail (MeanFilter.once window squares)).Pixels

    /// What each picture has that the others have not, of length 1; of a picture without any, zeros.
    let private own (details: float32[][]) =
        let count = float32 (max 1 details.Length)
        let length = if details.Length = 0 then 0 else details[0].Length
        let mean = Array.init length (fun i -> Array.sumBy (fun (one: float32[]) -> one[i]) details / count)

        details
        |> Array.map (fun one ->
            let rest = Array.map2 (-) one mean
            let norm = sqrt (rest |> Array.sumBy (fun v -> float v * float v))
            // Rounding of pictures that are all alike is no detail.
            if norm < 1e-2 then
                Array.zeroCreate length
            else
                rest |> Array.map (fun v -> v / float32 norm))

    let private correlation (a: float32[]) (b: float32[]) =
        let mutable sum = 0.0f

        for i in 0 .. a.Length - 1 do
            sum <- sum + a[i] * b[i]

        float sum

    /// The limit by the correlations of all pairs, most of which are of two parts: median and median absolute deviation.
    let private limitOf (correlations: float[]) =
        let middle = Statistics.median correlations
        let deviation = 1.4826 * Statistics.median (correlations |> Array.map (fun c -> abs (c - middle)))
        middle + deviations * deviation |> max lowest |> min highest

    /// For each picture, by its `detail`, the number of the first picture of its group: those that are like each other, directly or through
    /// others. Pictures of parts that are unlike are groups of one.
    let groups (details: float32[][]) : int[] =
        let vectors = own details
        let before = max fewestBefore (pairs / max 1 vectors.Length)
        let earliest i = max 0 (i - before)

        let correlations =
            Array.Parallel.init vectors.Length (fun i -> [| for j in earliest i .. i - 1 -> correlation vectors[i] vectors[j] |])

        let limit = limitOf (Array.concat correlations)

        let alike =
            correlations
            |> Array.mapi (fun i row ->
                [|
                    for k in 0 .. row.Length - 1 do
                        if row[k] > limit then earliest i + k
                |])

        let first = Array.init vectors.Length id

        let rec root i = if first[i] = i then i else root first[i]

        for i in 0 .. vectors.Length - 1 do
            for j in alike[i] do
                let a, b = root i, root j
                first[max a b] <- min a b

        Array.init vectors.Length root
