/// Patch embeddings of PatchCore, SimpleNet, GLASS and PNI: feature maps of several stages as one map of vectors.
namespace Fae.Core

[<RequireQualifiedAccess>]
module Embedding =
    /// The mean over 3 × 3 places of each channel; outside lies zero, as in the paper, which damps distances along the border.
    let neighbourhood (features: Image) =
        let at c y x =
            if y < 0 || x < 0 || y >= features.Height || x >= features.Width then
                0.0f
            else
                features[c, y, x]

        Image.init features.Channels features.Height features.Width (fun c y x ->
            (List.allPairs [ y - 1 .. y + 1 ] [ x - 1 .. x + 1 ] |> List.sumBy (fun (v, u) -> at c v u)) / 9.0f)

    /// A line of n places read at place i of a line of m: the two neighbours and the weight of the second. Half-pixel centres, as
    /// `align_corners = false`.
    let private between n m i =
        let at = max 0.0f ((float32 i + 0.5f) * float32 n / float32 m - 0.5f)
        let first = min (n - 1) (int at)
        struct (first, min (n - 1) (first + 1), at - float32 first)

    /// Bilinear resize to height × width.
    let resize height width (features: Image) =
        Image.init features.Channels height width (fun c y x ->
            let struct (y0, y1, v) = between features.Height height y
            let struct (x0, x1, u) = between features.Width width x
            let row y = (1.0f - u) * features[c, y, x0] + u * features[c, y, x1]
            (1.0f - v) * row y0 + v * row y1)

    /// Below this squared length a vector is shortened rather than brought to length one.
    let private least = 1e-10f

    /// The vector of each place divided by its length. What is left is the direction: the pattern of the channels.
    let unitLength (features: Image) =
        let length =
            Image.init 1 features.Height features.Width (fun _ y x ->
                sqrt (least + List.sumBy (fun c -> features[c, y, x] * features[c, y, x]) [ 0 .. features.Channels - 1 ]))

        Image.init features.Channels features.Height features.Width (fun c y x -> features[c, y, x] / length[0, y, x])

    let private stacked (each: Image -> Image) (stages: Image list) =
        let first = List.head stages
        let sized = stages |> List.map (neighbourhood >> resize first.Height first.Width >> each)
        let channels = sized |> List.sumBy _.Channels
        Image.ofArray channels first.Height first.Width (sized |> List.map _.Pixels |> Array.concat)

    /// E: the neighbourhood means of all stages, resized to the size of the first one and stacked. Σ C × H × W.
    let ofStages (stages: Image list) = stacked id stages

    /// The same with the vectors of each stage at unit length.
    let ofUnitStages (stages: Image list) = stacked unitLength stages
