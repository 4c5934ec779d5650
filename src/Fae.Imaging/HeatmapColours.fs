/// Heatmaps as pictures. The scale is fixed by the calibration and never stretched per image: good parts stay dark.
namespace Fae.Imaging

open Fae.Core

[<RequireQualifiedAccess>]
module HeatmapColours =
    /// Stops of a perceptually ordered scale from black through purple and orange to pale yellow.
    let private stops =
        [|
            [| 0.00f; 0.00f; 0.02f |]
            [| 0.34f; 0.06f; 0.43f |]
            [| 0.73f; 0.21f; 0.33f |]
            [| 0.98f; 0.56f; 0.04f |]
            [| 0.99f; 1.00f; 0.64f |]
        |]

    /// The colour of t in [0, 1].
    let at (t: float32) =
        let position = (max 0.0f (min 1.0f t)) * float32 (stops.Length - 1)
        let below = min (stops.Length - 2) (int position)
        let s = position - float32 below
        Array.map2 (fun a b -> a + s * (b - a)) stops[below] stops[below + 1]

    /// The position of a heatmap value on the colour scale: 0 for 0, ½ at the pixel threshold, 1 at four times the threshold and above.
    let position (threshold: float32) (value: float32) =
        let ratio = value / threshold

        if ratio <= 1.0f then
            max 0.0f (0.5f * ratio)
        else
            min 1.0f (0.5f + log ratio / log 4.0f * 0.5f)

    let private map3 (f: int -> int -> float32[]) height width =
        let colours = Array.init (height * width) (fun i -> f (i / width) (i % width))
        Image.init 3 height width (fun c y x -> colours[y * width + x][c])

    /// The heatmap alone.
    let heatmap threshold (map: Image) = map3 (fun y x -> at (position threshold map[0, y, x])) map.Height map.Width

    /// The heatmap over the picture: more opaque where it is hotter.
    let overlay threshold (image: Image) (map: Image) =
        map3
            (fun y x ->
                let t = position threshold map[0, y, x]
                let weight = min 0.85f (1.4f * t)

                at t |> Array.mapi (fun c hot -> (1.0f - weight) * 0.9f * image[c % image.Channels, y, x] + weight * hot))
            map.Height
            map.Width

    /// Colours in finer steps than eight bits show.
    let private table = lazy (Array.init 1024 (fun i -> at (float32 i / 1023.0f)))

    /// The same as 8-bit pixels, colours side by side, for rows of large pictures: within one step of 255 of `overlay`.
    let overlayBytes threshold (image: Image) (map: Image) =
        let colours = table.Force()
        let bytes = Array.zeroCreate<byte>(3 * map.Area)
        let last = image.Channels - 1

        System.Threading.Tasks.Parallel.For(
            0,
            map.Height,
            fun y ->
                for i in y * map.Width .. (y + 1) * map.Width - 1 do
                    let t = position threshold map.Pixels[i]
                    let weight = min 0.85f (1.4f * t)
                    let hot = colours[int (1023.0f * t + 0.5f)]

                    for c in 0..2 do
                        let seen = image.Pixels[min c last * image.Area + i]
                        let value = (1.0f - weight) * 0.9f * seen + weight * hot[c]
                        bytes[3 * i + c] <- byte (max 0.0f (min 255.0f (255.0f * value + 0.5f)))
        )
        |> ignore

        bytes

    /// The picture with the outline of a mask in one colour.
    let outline (colour: float32[]) (mask: Image) (image: Image) =
        let inside y x = y >= 0 && x >= 0 && y < mask.Height && x < mask.Width && mask[0, y, x] >= 0.5f

        let isEdge y x = inside y x && not (inside (y - 1) x && inside (y + 1) x && inside y (x - 1) && inside y (x + 1))

        map3 (fun y x -> if isEdge y x then colour else Array.init 3 (fun c -> image[c % image.Channels, y, x])) image.Height image.Width
