/// D of equation (2): how far an image is from its reconstruction, pixel by pixel. All maps are ≥ 0, one plane, 0 where x = r.
namespace Fae.Core

open System.Globalization

/// The difference measures.
type Measure =
    /// Squared difference, averaged over channels (Mse), in [0, 1] for images in [0, 1].
    | Mse
    /// |x − r| / (|x| + |r| + 0.05), averaged over channels: contrast instead of brightness. In [0, 1].
    | Relative
    /// 1 − SSIM over an 11×11 uniform window (Wang et al. 2004, C1 = 0.01², C2 = 0.03²), averaged over channels, in [0, 2].
    | Ssim
    /// 1 − GMS (Xue et al. 2014, Prewitt gradients of the channels' mean, c = 0.0026), in [0, 1].
    | Gms
    /// 1 − GMS averaged over four sizes, each half of the one before (RIAD's multi-scale GMS), in [0, 1].
    | MultiGms
    /// An anomaly map that the network predicts, counted from 1: a plane after the reconstruction. Only for networks that predict it.
    | AnomalyMap of number: int
    /// G_k^n of the map of a named measure: k × k mean filter, odd k, applied n times. Lets the terms of a mean have filters of their own.
    | Smoothed of filterSize: int * passes: int * Measure
    /// Σ wᵢ·Dᵢ with positive weights.
    | Weighted of terms: (float32 * Measure) list
    /// exp(Σ wᵢ·ln Dᵢ), the weighted geometric mean, with positive weights. In a heatmap each Dᵢ is filtered first. Without terms, as a
    /// setting: the terms are to be fitted on held-out good pictures.
    | Geometric of terms: (float32 * Measure) list

[<RequireQualifiedAccess>]
module Difference =
    let all = [ Mse; Relative; Ssim; Gms ]

    let private number (weight: float32) = weight.ToString("R", CultureInfo.InvariantCulture)

    /// "mse", "mse@5x2" (smoothed), "0.5*mse + 2*ssim", or "mse^0.5 * ssim@5x2^0.5".
    let rec name =
        function
        | Mse -> "mse"
        | Relative -> "relative"
        | Ssim -> "ssim"
        | Gms -> "gms"
        | MultiGms -> "msgms"
        | AnomalyMap 1 -> "anomaly_map"
        | AnomalyMap number -> $"anomaly_map_{number}"
        | Smoothed(size, passes, measure) -> $"{name measure}@{size}x{passes}"
        | Weighted terms -> terms |> List.map (fun (weight, measure) -> number weight + "*" + name measure) |> String.concat " + "
        | Geometric [] -> "combined"
        | Geometric terms -> terms |> List.map (fun (weight, measure) -> name measure + "^" + number weight) |> String.concat " * "

    /// A network predicts so many anomaly maps at most.
    let mostAnomalyMaps = 4

    /// All measures with a name: `all`, the candidates of the automatic choice, and those that only some methods use.
    let named = all @ [ MultiGms ] @ List.map AnomalyMap [ 1..mostAnomalyMaps ]

    /// The geometric mean whose terms are to be fitted.
    let combined = Geometric []

    let private tryNamed (text: string) = named |> List.tryFind (fun measure -> name measure = text)

    let private tryWord (text: string) =
        match text.Split '@' with
        | [| word; filter |] ->
            match tryNamed word, filter.Split 'x' |> Array.map System.Int32.TryParse with
            | Some measure, [| true, size; true, passes |] when size > 0 && size % 2 = 1 && passes > 0 ->
                Some(Smoothed(size, passes, measure))
            | _ -> None
        | _ -> tryNamed text

    let private tryWeighted (weight: string) word =
        match System.Single.TryParse(weight, NumberStyles.Float, CultureInfo.InvariantCulture), tryWord word with
        | (true, weight), Some measure when weight > 0.0f && System.Single.IsFinite weight -> Some(weight, measure)
        | _ -> None

    let private tryTerm (text: string) =
        match text.Split '*' |> Array.map _.Trim() with
        | [| word |] -> tryWord word |> Option.map (fun measure -> 1.0f, measure)
        | [| weight; word |] -> tryWeighted weight word
        | _ -> None

    let private tryFactor (text: string) =
        match text.Split '^' |> Array.map _.Trim() with
        | [| word; weight |] -> tryWeighted weight word
        | _ -> None

    /// Reads what `name` writes.
    let tryParse (text: string) =
        match tryWord text with
        | Some measure -> Some measure
        | None when text = name combined -> Some combined
        | None ->
            let all (separator: char) tryOne combined =
                let terms = text.Split separator |> Array.map tryOne |> List.ofArray
                if List.forall Option.isSome terms then Some(combined (List.choose id terms)) else None

            if text.Contains '^' then all '*' tryFactor Geometric else all '+' tryTerm Weighted

    /// The numbers of the anomaly maps that a measure uses.
    let rec anomalyMaps =
        function
        | AnomalyMap number -> Set.singleton number
        | Smoothed(_, _, measure) -> anomalyMaps measure
        | Weighted terms
        | Geometric terms -> terms |> List.map (snd >> anomalyMaps) |> Set.unionMany
        | Mse
        | Relative
        | Ssim
        | Gms
        | MultiGms -> Set.empty

    /// The same measure of a network that predicts only these of its anomaly maps, which hold all that the measure uses.
    let rec onMaps (kept: int list) =
        let each = List.map (fun (weight, term) -> weight, onMaps kept term)

        function
        | AnomalyMap number -> AnomalyMap(1 + List.findIndex ((=) number) kept)
        | Smoothed(size, passes, measure) -> Smoothed(size, passes, onMaps kept measure)
        | Weighted terms -> Weighted(each terms)
        | Geometric terms -> Geometric(each terms)
        | Mse
        | Relative
        | Ssim
        | Gms
        | MultiGms as measure -> measure

    let ssimWindow = 11
    let ssimC1 = 0.0001f
    let ssimC2 = 0.0009f
    let gmsConstant = 0.0026f
    let relativeFloor = 0.05f

    /// What a map counts at least in a geometric mean.
    let smallest = 1e-7f

    let mse x r = Image.map2 (fun a b -> (a - b) * (a - b)) x r |> Image.meanPlane

    let relative x r = Image.map2 (fun a b -> abs (a - b) / (abs a + abs b + relativeFloor)) x r |> Image.meanPlane

    /// 1 − SSIM. Windows are cut at the border, as in the mean filter.
    let ssim x r =
        let mean = MeanFilter.once ssimWindow
        let mx, mr = mean x, mean r
        let product a b = Image.map2 (*) a b
        let covariance a b ma mb = Image.map2 (-) (mean (product a b)) (product ma mb)
        let vx, vr, cxr = covariance x x mx mx, covariance r r mr mr, covariance x r mx mr

        let index c y x =
            let a, b = mx[c, y, x], mr[c, y, x]

            (2.0f * a * b + ssimC1) * (2.0f * cxr[c, y, x] + ssimC2)
            / ((a * a + b * b + ssimC1) * (vx[c, y, x] + vr[c, y, x] + ssimC2))

        Image.init x.Channels x.Height x.Width (fun c y x -> max 0.0f (1.0f - index c y x)) |> Image.meanPlane

    /// Prewitt's gradient magnitude (each kernel divided by 3); the border is continued by its nearest pixel.
    let gradient (image: Image) =
        let plane = Image.meanPlane image

        let at y x = plane[0, max 0 (min (plane.Height - 1) y), max 0 (min (plane.Width - 1) x)]

        Image.init 1 plane.Height plane.Width (fun _ y x ->
            let mutable gx = 0.0f
            let mutable gy = 0.0f

            for d in -1 .. 1 do
                gx <- gx + at (y + d) (x + 1) - at (y + d) (x - 1)
                gy <- gy + at (y + 1) (x + d) - at (y - 1) (x + d)

            sqrt (gx * gx + gy * gy) / 3.0f)

    let gms x r =
        Image.map2 (fun a b -> max 0.0f (1.0f - (2.0f * a * b + gmsConstant) / (a * a + b * b + gmsConstant))) (gradient x) (gradient r)

    /// Half as large: the mean of each two by two pixels; a last odd row or column is left out.
    let halve (image: Image) =
        Image.init image.Channels (image.Height / 2) (image.Width / 2) (fun c y x ->
            0.25f
            * (image[c, 2 * y, 2 * x]
               + image[c, 2 * y, 2 * x + 1]
               + image[c, 2 * y + 1, 2 * x]
               + image[c, 2 * y + 1, 2 * x + 1]))

    /// The sizes at which GMS is taken, at most: the whole, a half, a quarter, an eighth; none smaller than eight pixels.
    let scales height width =
        Seq.initInfinite id
        |> Seq.takeWhile (fun s -> s = 0 || (s < 4 && (min height width >>> s) >= 8))
        |> Seq.length

    let multiGms x r =
        let count = scales x.Height x.Width

        let rec maps n x r = gms x r :: (if n = 1 then [] else maps (n - 1) (halve x) (halve r))
        let all = maps count (Image.meanPlane x) (Image.meanPlane r) |> Array.ofList

        Image.init 1 x.Height x.Width (fun _ y x ->
            let at s (map: Image) = map[0, min (map.Height - 1) (y >>> s), min (map.Width - 1) (x >>> s)]
            (all |> Array.mapi at |> Array.sum) / float32 count)

    /// The planes of a network's output that are the reconstruction of an image of so many channels.
    let reconstruction channels (answer: Image) =
        if answer.Channels = channels then
            answer
        else
            Image.ofArray channels answer.Height answer.Width (Array.sub answer.Pixels 0 (channels * answer.Area))

    /// A value of a map depends on pixels at most so many rows and columns away.
    let rec reach =
        function
        | Mse
        | Relative
        | AnomalyMap _ -> 0
        | Ssim -> ssimWindow / 2
        | Gms -> 1
        // A gradient at an eighth of the size, and the pixels that its values are means of.
        | MultiGms -> 3 * 8
        | Smoothed(size, passes, measure) -> passes * (size / 2) + reach measure
        | Weighted terms
        | Geometric terms -> terms |> List.map (snd >> reach) |> List.fold max 0

    /// A picture's rows may be cut off above a multiple of this many without changing the map below.
    let rec rowStep =
        function
        | Mse
        | Relative
        | AnomalyMap _
        | Ssim
        | Gms -> 1
        | MultiGms -> 8
        | Smoothed(_, _, measure) -> rowStep measure
        | Weighted terms
        | Geometric terms -> terms |> List.map (snd >> rowStep) |> List.fold max 1

    /// The weighted geometric mean of maps ≥ 0.
    let geometricMean (maps: (float32 * Image) list) =
        maps
        |> List.map (fun (weight, map) -> Image.map (fun v -> weight * log (max smallest v)) map)
        |> List.reduce (Image.map2 (+))
        |> Image.map exp

    /// The difference map between an image and the network's output for it.
    let rec map measure x answer =
        let r = reconstruction x.Channels answer

        match measure with
        | Mse -> mse x r
        | Relative -> relative x r
        | Ssim -> ssim x r
        | Gms -> gms x r
        | MultiGms -> multiGms x r
        | AnomalyMap number -> Image.plane (x.Channels + number - 1) answer
        | Smoothed(size, passes, measure) -> map measure x answer |> MeanFilter.apply size passes
        | Weighted terms ->
            terms
            |> List.map (fun (weight, measure) -> Image.map (fun v -> weight * v) (map measure x answer))
            |> List.reduce (Image.map2 (+))
        | Geometric terms -> terms |> List.map (fun (weight, measure) -> weight, map measure x answer) |> geometricMean
