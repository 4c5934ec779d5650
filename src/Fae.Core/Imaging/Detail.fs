/// What good pictures are like, as far as the working size and the corruption depend on it.
namespace Fae.Core

[<RequireQualifiedAccess>]
module Detail =
    let private variance (image: Image) =
        let mean = Array.averageBy float image.Pixels
        image.Pixels |> Array.averageBy (fun v -> (float v - mean) ** 2.0)

    /// The share of a picture's variance that is not in its copy: 0 for an equal one, and of a picture without any variance. For a copy
    /// that was shrunk and enlarged again it says how much detail the smaller size loses.
    let lost (image: Image) (copy: Image) =
        let total = variance image
        let error = Array.fold2 (fun sum (a: float32) b -> sum + float (a - b) ** 2.0) 0.0 image.Pixels copy.Pixels
        if total < 1e-12 then 0.0 else error / float image.Pixels.Length / total

    /// How the light varies from picture to picture, by how much the parts vary around it: the variance at a place over the pictures'
    /// lights (the pictures without their detail), averaged over places, divided by the mean variance of the detail. Images of one shape.
    let lightVariation (images: Image list) (lights: Image list) =
        let count = float (List.length lights)
        let sum = lights |> List.reduce (Image.map2 (+))

        let squares (a: Image) (b: Image -> int -> float) =
            Seq.averageBy (fun i -> (float a.Pixels[i] - b a i) ** 2.0) (seq { 0 .. a.Pixels.Length - 1 })

        let across = lights |> List.averageBy (fun light -> squares light (fun _ i -> float sum.Pixels[i] / count))

        let detail =
            List.map2 (fun image (light: Image) -> squares image (fun _ i -> float light.Pixels[i])) images lights
            |> List.average

        if detail < 1e-12 then 0.0 else across / detail

    let private bins = 256

    /// How many pixels have each grey.
    let private greys (images: Image list) =
        let counts = Array.zeroCreate<float> bins

        for image in images do
            for v in (Image.meanPlane image).Pixels do
                let bin = max 0 (min (bins - 1) (int (v * float32 bins)))
                counts[bin] <- counts[bin] + 1.0

        counts

    /// The best threshold between two classes of grey (Otsu 1979), the first bin of the upper one, and the variance that remains inside
    /// the classes as a share of the whole.
    let private otsu (counts: float[]) =
        let total = Array.sum counts
        let mean = (Array.indexed counts |> Array.sumBy (fun (i, n) -> float i * n)) / total
        let variance = (Array.indexed counts |> Array.sumBy (fun (i, n) -> (float i - mean) ** 2.0 * n)) / total

        // Of every threshold the share below it and the sum of the levels below it.
        let below = Array.scan (+) 0.0 counts
        let levels = Array.scan (+) 0.0 (Array.mapi (fun i n -> float i * n) counts)

        let between t =
            let w = below[t] / total

            if w <= 0.0 || w >= 1.0 then
                0.0
            else
                let low, high = levels[t] / below[t], (levels[bins] - levels[t]) / (total - below[t])
                w * (1.0 - w) * (low - high) ** 2.0

        let best = Seq.maxBy between (seq { 1 .. bins - 1 })
        struct (best, (if variance < 1e-12 then 1.0 else max 0.0 (1.0 - between best / variance)))

    /// The variance that remains inside two classes of grey, divided at the best threshold, as a share of the whole. In [0, 1]; 0 of
    /// pictures with two levels, 1 of flat ones.
    let withinTwoLevels (images: Image list) =
        let struct (_, within) = otsu (greys images)
        within

    /// The bin that half of the counts reach.
    let private middle (counts: (int * float)[]) =
        let half = 0.5 * Array.sumBy snd counts
        let sorted = Array.sortBy fst counts
        let reached = Array.scan (fun sum (_, n) -> sum + n) 0.0 sorted |> Array.tail
        fst sorted[Array.findIndex (fun sum -> sum >= half) reached]

    /// How far greys lie from the median of their class: the median of that, in the class where it is larger, as a share of the distance
    /// between the two medians. 0 of pictures with two levels, though their edges have greys between; 1 of flat ones.
    let spreadOfLevels (images: Image list) =
        let counts = greys images
        let struct (threshold, _) = otsu counts
        let low, high = Array.indexed counts |> Array.splitAt threshold

        if Array.sumBy snd low = 0.0 || Array.sumBy snd high = 0.0 then
            1.0
        else
            let spread values = let m = middle values in m, middle (values |> Array.map (fun (bin, n) -> abs (bin - m), n))
            let (lower, first), (upper, second) = spread low, spread high
            float (max first second) / float (upper - lower)

    /// Less than this remains where pictures are binary but for their edges. Photographs of parts have a quarter and more.
    let private mostWithin = 0.05

    /// Bright parts on a dark ground are two classes too, but have greys of their own: noise and shading of 2% and more.
    let private mostSpread = 0.01

    /// Whether pictures have two levels only.
    let isBinary images = withinTwoLevels images < mostWithin && spreadOfLevels images < mostSpread
