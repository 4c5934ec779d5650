/// The memory bank of PatchCore (Roth et al., CVPR 2022): vectors of good patches, thinned to a coreset; a patch's score is its distance
/// to the nearest of them.
namespace Fae.Core

[<RequireQualifiedAccess>]
module MemoryBank =
    /// ‖a − b‖².
    let squaredDistance (a: float32[]) (b: float32[]) = Array.fold2 (fun sum x y -> sum + (float x - float y) * (float x - float y)) 0.0 a b

    /// The Euclidean distance of a vector to the nearest vector of the bank, which is not empty.
    let nearest (bank: float32[][]) (vector: float32[]) = bank |> Array.map (squaredDistance vector) |> Array.min |> sqrt

    /// The Euclidean distance of a vector of a picture to the nearest vector of the bank that is of another picture: `owners` says which
    /// picture each is of. 0 where all are of this one.
    let nearestOfOthers (bank: float32[][]) (owners: int[]) picture vector =
        let others = bank |> Array.indexed |> Array.filter (fun (i, _) -> owners[i] <> picture) |> Array.map snd
        if others.Length = 0 then 0.0 else nearest others vector

    /// Where the nearest vector of the bank lies if all are rounded to eight bits, the bank's each with a scale of its own.
    let nearestByInt8 (bank: float32[][]) (vector: float32[]) =
        let rounded = Array.map (Quantisation.rounded (Quantisation.ofBank bank)) vector

        bank
        |> Array.map (Quantisation.roundedWeights >> squaredDistance rounded)
        |> Array.indexed
        |> Array.minBy snd
        |> fst

    /// The distance to the vector that is the nearest in eight bits: `nearest`, or where rounding misleads a little more.
    let distanceByInt8 (bank: float32[][]) (vector: float32[]) = sqrt (squaredDistance vector bank[nearestByInt8 bank vector])

    /// Greedy farthest points: the first `given` points, of at least one, then the point that is farthest from all chosen ones, of equals
    /// the first, until `count` are chosen. Gives indices in the order of choice; fewer than `count` if there are fewer points.
    let coreset given count (points: float32[][]) =
        let rec choose chosen (distances: float[]) next left =
            if left = 0 then
                List.rev chosen
            else
                let centre = points[next]

                // A chosen point is not chosen again, though others may have its place.
                let updated = distances |> Array.mapi (fun i d -> if i = next then -infinity else min d (squaredDistance points[i] centre))
                let following = if next + 1 < given then next + 1 else Array.findIndex ((=) (Array.max updated)) updated
                choose (next :: chosen) updated following (left - 1)

        choose [] (Array.create points.Length infinity) 0 (min count points.Length) |> Array.ofList

    /// The largest distance of a point to the nearest chosen one.
    let coveringRadius (chosen: int[]) (points: float32[][]) =
        let bank = chosen |> Array.map (fun i -> points[i])
        points |> Array.map (nearest bank) |> Array.max

    /// Gaussian random projection to `dimensions` numbers (Johnson and Lindenstrauss): row i of the matrix has the normal numbers of `key`
    /// from i · width on, divided by √dimensions. Distances keep their expected squares.
    let projection key dimensions width =
        let scale = 1.0f / sqrt (float32 dimensions)
        let drawn = Noise.field key 1.0f 1 dimensions width
        Array.init dimensions (fun i -> Array.init width (fun j -> scale * drawn[0, i, j]))

    /// Over how many patches' width and height the usual distance of a place is smoothed.
    let placeNeighbours = 5

    let private mean (maps: Image list) = List.reduce (Image.map2 (+)) maps |> Image.map (fun sum -> sum / float32 maps.Length)

    /// Smoothed, and nowhere 0.
    let private usual maps = MeanFilter.once placeNeighbours (mean maps) |> Image.map (max 1e-6f)

    /// A mean of less reliability says nothing of places: parts do not lie alike.
    let leastReliability = 0.5

    /// How far patches of good pictures usually are from the bank at each place, over the mean of all places. `maps`: distances of good
    /// pictures that the bank does not know, (1, h, w) each. With u the smoothed mean of all maps, u₁ and u₂ those of every other map, and
    /// c ≥ 0 the correlation of log u₁ and log u₂, the mean has the reliability r = 2c / (1 + c) (Spearman and Brown), and a place is
    /// (u / mean of u)ʳ; 1 everywhere if r is less than `leastReliability`.
    let places (maps: Image list) : Image =
        let numbered = List.indexed maps
        let half odd = numbered |> List.filter (fun (i, _) -> (i % 2 = 1) = odd) |> List.map snd

        match half false, half true with
        | [], _
        | _, [] -> maps |> List.head |> Image.map (fun _ -> 1.0f)
        | first, second ->
            let logs some = (usual some).Pixels |> Array.map (float >> log)
            let c = Statistics.correlation (logs first) (logs second) |> Option.defaultValue 0.0 |> max 0.0
            let reliability = 2.0 * c / (1.0 + c)
            let power = if reliability < leastReliability then 0.0 else reliability
            let all = usual maps
            let middle = Array.averageBy float all.Pixels
            all |> Image.map (fun u -> float32 ((float u / middle) ** power))
