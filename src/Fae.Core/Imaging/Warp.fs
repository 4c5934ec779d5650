/// Pictures rotated and shifted.
namespace Fae.Core

[<RequireQualifiedAccess>]
module Warp =
    /// Rotates about the centre by an angle in radians and shifts by pixels, bilinearly; what comes in from outside is the mirrored
    /// picture, so that no corner teaches black. Without an angle and by whole pixels, every pixel keeps its value.
    let apply (angle: float32) (shiftX: float32) (shiftY: float32) (image: Image) =
        let height, width = image.Height, image.Width
        let cosine, sine = cos angle, sin angle
        let cx, cy = 0.5f * float32 (width - 1), 0.5f * float32 (height - 1)
        let pixels = Array.zeroCreate image.Pixels.Length

        for y in 0 .. height - 1 do
            for x in 0 .. width - 1 do
                let dx = float32 x - cx - shiftX
                let dy = float32 y - cy - shiftY
                let u = cosine * dx + sine * dy + cx
                let v = cosine * dy - sine * dx + cy
                let u0, v0 = floor u, floor v
                let s, t = u - u0, v - v0
                let left, right = Image.reflect width (int u0), Image.reflect width (int u0 + 1)
                let top, bottom = Image.reflect height (int v0), Image.reflect height (int v0 + 1)

                for c in 0 .. image.Channels - 1 do
                    let upper = (1.0f - s) * image[c, top, left] + s * image[c, top, right]
                    let lower = (1.0f - s) * image[c, bottom, left] + s * image[c, bottom, right]
                    pixels[(c * height + y) * width + x] <- (1.0f - t) * upper + t * lower

        { image with Pixels = pixels }
