/// Pictures at another size: Lanczos' windowed sinc (Duchon 1979), widened where the picture becomes smaller so that nothing finer than
/// its pixels is left to alias. The same arithmetic goes into exported ONNX graphs, so that a camera's picture is seen there as it is
/// here.
namespace Fae.Core

[<RequireQualifiedAccess>]
module Resample =
    /// Lobes of the window: a = 3.
    let lobes = 3.0

    let private sinc x = if x = 0.0 then 1.0 else sin (System.Math.PI * x) / (System.Math.PI * x)

    /// sinc(x)·sinc(x/3) for |x| < 3, else 0.
    let lanczos (x: float) = if abs x < lobes then sinc x * sinc (x / lobes) else 0.0

    /// Of place i along a line of which only `available` pixels are there, `scale` pixels for each place: the first pixel that it looks
    /// at, and the weights of it and those after it, which sum to 1. Windows are cut at the line's ends.
    let tap (scale: float) (available: int64) (i: int64) =
        let reach = lobes * max 1.0 scale
        let centre = (float i + 0.5) * scale - 0.5
        let first = max 0L (min (available - 1L) (int64 (ceil (centre - reach))))
        let last = max first (min (available - 1L) (int64 (floor (centre + reach))))

        let weights = Array.init (int (last - first) + 1) (fun j -> lanczos ((float (first + int64 j) - centre) / max 1.0 scale))

        let total = Array.sum weights
        struct (first, weights |> Array.map (fun w -> w / total))

    /// The taps of each of `count` places along a line that stands for `span` pixels (which need not be a whole number).
    let taps (count: int) (span: float) (available: int) =
        if count < 1 || available < 1 || not (span > 0.0) then
            invalidArg (nameof count) $"{available} pixels that stand for {span} cannot become {count}"

        Array.init count (fun i ->
            let struct (first, weights) = tap (span / float count) (int64 available) (int64 i)
            struct (int first, weights))

    /// The picture at height × width: rows first, then columns. Values may leave the range of the picture's own by a little, beside edges.
    let resize height width (image: Image) =
        let down = taps height (float image.Height) image.Height
        let along = taps width (float image.Width) image.Width

        Image.init image.Channels height width (fun c y x ->
            let struct (top, rows) = down[y]
            let struct (left, columns) = along[x]
            let mutable sum = 0.0

            for v in 0 .. rows.Length - 1 do
                for u in 0 .. columns.Length - 1 do
                    sum <- sum + rows[v] * columns[u] * float image[c, top + v, left + u]

            float32 sum)
