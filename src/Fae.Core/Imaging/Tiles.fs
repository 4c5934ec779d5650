/// A large picture in square windows that overlap, and what is made of them put together without seams.
namespace Fae.Core

/// Windows of `Side` pixels, each overlapping its neighbours by at least `Overlap` pixels, which is at most half of the side.
type Tiling = { Side: int; Overlap: int }

[<RequireQualifiedAccess>]
module Tiles =
    /// Pixels from one window to the next.
    let step tiling = tiling.Side - tiling.Overlap

    /// Where the windows along a line of `length` ≥ side begin: one every `step` pixels, and one at the end. All but the last are known
    /// before the line's end is.
    let starts tiling length =
        if length < tiling.Side then
            invalidArg (nameof length) $"{length} pixels hold no window of {tiling.Side}"

        let free, step = length - tiling.Side, step tiling
        let gaps = (free + step - 1) / step
        [| for i in 0..gaps -> min free (i * step) |]

    /// The weight of a window's answer at its place i, before all weights at one place of the line are divided by their sum: rising over
    /// the overlap from both of its ends.
    let ramp tiling i = min 1.0f (float32 (1 + min i (tiling.Side - 1 - i)) / float32 (tiling.Overlap + 1))

    /// The windows along a line, each with the weight of its answer at each of its places; the weights at one place of the line sum to 1.
    let shares tiling length =
        let ramp = ramp tiling
        let starts = starts tiling length
        let totals = Array.zeroCreate<float32> length

        for start in starts do
            for i in 0 .. tiling.Side - 1 do
                totals[start + i] <- totals[start + i] + ramp i

        [| for start in starts -> struct (start, Array.init tiling.Side (fun i -> ramp i / totals[start + i])) |]

    /// f̄(x): the answers to all windows, averaged where they overlap. `f` gives an image of its argument's size.
    let inTiles tiling (f: Image -> Image) (image: Image) =
        let blended = Array.zeroCreate<float32> image.Pixels.Length
        let columns = shares tiling image.Width

        for struct (top, down) in shares tiling image.Height do
            for struct (left, along) in columns do
                let answer = f (Image.crop top left tiling.Side tiling.Side image)

                for c in 0 .. image.Channels - 1 do
                    for y in 0 .. tiling.Side - 1 do
                        for x in 0 .. tiling.Side - 1 do
                            let at = (c * image.Height + top + y) * image.Width + left + x
                            blended[at] <- blended[at] + down[y] * along[x] * answer[c, y, x]

        { image with Pixels = blended }
