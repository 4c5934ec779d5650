/// Changes that leave a good part good: flips, turns, small rotations and shifts, brightness.
namespace Fae.Data

open Fae.Core

/// One change, as plain data. Angle in radians, shifts in fractions of the side.
type Augmentation = { Flip: bool; Turns: int; Angle: float32; ShiftX: float32; ShiftY: float32; Gain: float32; Offset: float32 }

[<RequireQualifiedAccess>]
module Augment =
    let none = { Flip = false; Turns = 0; Angle = 0.0f; ShiftX = 0.0f; ShiftY = 0.0f; Gain = 1.0f; Offset = 0.0f }

    /// What the settings leave open is settled by what the good pictures allow.
    let settle (symmetry: Symmetry) (settings: AugmentSettings) =
        { settings with
            FlipHorizontal = Some(defaultArg settings.FlipHorizontal symmetry.FlipHorizontal)
            FlipVertical = Some(defaultArg settings.FlipVertical symmetry.FlipVertical)
            QuarterTurns = Some(defaultArg settings.QuarterTurns symmetry.QuarterTurns)
            Rotate = Some(defaultArg settings.Rotate (if symmetry.AnyRotation then AugmentSettings.anyAngle else 0.0f))
        }

    /// A choice that is still open means no.
    let private allowed = Option.defaultValue false

    /// Draws a change. A vertical flip is a horizontal one and half a turn.
    let draw (settings: AugmentSettings) =
        sample {
            let! horizontal = Sampler.chance (if allowed settings.FlipHorizontal then 0.5f else 0.0f)
            let! vertical = Sampler.chance (if allowed settings.FlipVertical then 0.5f else 0.0f)

            let! turns = if allowed settings.QuarterTurns then Sampler.integer 0 3 else Sampler.constant 0

            // Half of the pictures keep their angle and with it all their sharpness: rotating smooths, and a test picture is not smoothed.
            let radians = (defaultArg settings.Rotate 0.0f) * System.MathF.PI / 180.0f
            let! swing = Sampler.uniform -1.0f 1.0f

            let angle = float32 (sign swing) * radians * max 0.0f (2.0f * abs swing - 1.0f)

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

    /// Whether every pixel stays one pixel: no rotation by an angle, no shift.
    let isPixelExact (change: Augmentation) = change.Angle = 0.0f && change.ShiftX = 0.0f && change.ShiftY = 0.0f

    /// A shift in whole pixels: it shall not smooth.
    let pixels shift side : float32 = round (shift * float32 side)

    let changesBrightness (change: Augmentation) = change.Gain <> 1.0f || change.Offset <> 0.0f

    let adjustBrightness (change: Augmentation) v : float32 = max 0.0f (min 1.0f (change.Gain * v + change.Offset))

    /// Moves the pixels; masks are moved the same way.
    let move (change: Augmentation) (image: Image) =
        let turned = View.apply { Flip = change.Flip; Turns = change.Turns } image

        if isPixelExact change then
            turned
        else
            Warp.apply change.Angle (pixels change.ShiftX turned.Width) (pixels change.ShiftY turned.Height) turned

    /// Moves the pixels and changes their brightness.
    let apply (change: Augmentation) (image: Image) =
        let moved = move change image

        if changesBrightness change then Image.map (adjustBrightness change) moved else moved
