/// Changes that leave a good part good: flips, turns, small rotations and shifts, brightness.
namespace Fae.Data

open Fae.Core

/// One change, as plain data. Angle in radians, shifts in fractions of the side.
type Augmentation =
    {
        Flip: bool
        Turns: int
        Angle: float32
        ShiftX: float32
        ShiftY: float32
        Gain: float32
        Offset: float32
    }

[<RequireQualifiedAccess>]
module Augment =
    let none =
        {
            Flip = false
            Turns = 0
            Angle = 0.0f
            ShiftX = 0.0f
            ShiftY = 0.0f
            Gain = 1.0f
            Offset = 0.0f
        }

    /// What the settings leave open is settled by the good pictures.
    let settle (images: Image list) (settings: AugmentSettings) =
        let symmetry = Symmetry.ofImages images

        { settings with
            FlipHorizontal = Some(defaultArg settings.FlipHorizontal symmetry.FlipHorizontal)
            FlipVertical = Some(defaultArg settings.FlipVertical symmetry.FlipVertical)
            QuarterTurns = Some(defaultArg settings.QuarterTurns symmetry.QuarterTurns)
        }

    /// What the settings leave open and nobody settled is not done.
    let private allowed = Option.defaultValue false

    /// Draws a change. A vertical flip is a horizontal one and half a turn.
    let draw (settings: AugmentSettings) =
        sample {
            let! horizontal = Sampler.chance (if allowed settings.FlipHorizontal then 0.5f else 0.0f)
            let! vertical = Sampler.chance (if allowed settings.FlipVertical then 0.5f else 0.0f)

            let! turns =
                if allowed settings.QuarterTurns then
                    Sampler.integer 0 3
                else
                    Sampler.constant 0

            let radians = settings.Rotate * System.MathF.PI / 180.0f
            let! angle = Sampler.uniform -radians radians
            let! shiftX = Sampler.uniform -settings.Shift settings.Shift
            let! shiftY = Sampler.uniform -settings.Shift settings.Shift
            let! gain = Sampler.uniform (1.0f - settings.Brightness) (1.0f + settings.Brightness)
            let! offset = Sampler.uniform (-0.5f * settings.Brightness) (0.5f * settings.Brightness)

            return
                {
                    Flip = (horizontal <> vertical)
                    Turns = (if vertical then turns + 2 else turns) % 4
                    Angle = angle
                    ShiftX = shiftX
                    ShiftY = shiftY
                    Gain = gain
                    Offset = offset
                }
        }

    let private reflect n i =
        let period = 2 * n
        let j = ((i % period) + period) % period
        if j < n then j else period - 1 - j

    /// Rotates about the centre and shifts, bilinearly; what comes in from outside is the mirrored picture, so that no corner
    /// teaches black.
    let private warp angle shiftX shiftY (image: Image) =
        let height, width = image.Height, image.Width
        let cosine, sine = cos angle, sin angle
        let cx, cy = 0.5f * float32 (width - 1), 0.5f * float32 (height - 1)
        let pixels = Array.zeroCreate image.Pixels.Length

        for y in 0 .. height - 1 do
            for x in 0 .. width - 1 do
                let dx = float32 x - cx - shiftX * float32 width
                let dy = float32 y - cy - shiftY * float32 height
                let u = cosine * dx + sine * dy + cx
                let v = cosine * dy - sine * dx + cy
                let u0, v0 = floor u, floor v
                let s, t = u - u0, v - v0
                let left, right = reflect width (int u0), reflect width (int u0 + 1)
                let top, bottom = reflect height (int v0), reflect height (int v0 + 1)

                for c in 0 .. image.Channels - 1 do
                    let upper = (1.0f - s) * image[c, top, left] + s * image[c, top, right]
                    let lower = (1.0f - s) * image[c, bottom, left] + s * image[c, bottom, right]
                    pixels[(c * height + y) * width + x] <- (1.0f - t) * upper + t * lower

        { image with Pixels = pixels }

    /// Whether every pixel stays one pixel: no rotation by an angle, no shift.
    let keepsGrid (change: Augmentation) = change.Angle = 0.0f && change.ShiftX = 0.0f && change.ShiftY = 0.0f

    /// Where the pixels go; masks go the same way.
    let move (change: Augmentation) (image: Image) =
        let flipped = if change.Flip then Image.flip image else image
        let turned = Seq.fold (fun image _ -> Image.turn image) flipped (seq { 1 .. change.Turns })

        if keepsGrid change then
            turned
        else
            warp change.Angle change.ShiftX change.ShiftY turned

    /// Moves the pixels and changes their brightness.
    let apply (change: Augmentation) (image: Image) =
        let moved = move change image

        if change.Gain = 1.0f && change.Offset = 0.0f then
            moved
        else
            Image.map (fun v -> max 0.0f (min 1.0f (change.Gain * v + change.Offset))) moved
