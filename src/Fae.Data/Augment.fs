/// Changes that leave a good part good: flips, turns, small rotations and shifts, brightness.
namespace Fae.Data

open System
open System.Buffers
open Fae.Core
open Fae.Kernels

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

    /// What the settings leave open is settled by what the good pictures allow.
    let settle (symmetry: Symmetry) (settings: AugmentSettings) =
        { settings with
            FlipHorizontal = Some(defaultArg settings.FlipHorizontal symmetry.FlipHorizontal)
            FlipVertical = Some(defaultArg settings.FlipVertical symmetry.FlipVertical)
            QuarterTurns = Some(defaultArg settings.QuarterTurns symmetry.QuarterTurns)
            Rotate = Some(defaultArg settings.Rotate (if symmetry.AnyTurn then 180.0f else 0.0f))
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
    let keepsGrid (change: Augmentation) = change.Angle = 0.0f && change.ShiftX = 0.0f && change.ShiftY = 0.0f

    /// A shift in whole pixels: it shall not smooth.
    let pixels shift side : float32 = round (shift * float32 side)

    let changesLight (change: Augmentation) = change.Gain <> 1.0f || change.Offset <> 0.0f

    let relit (change: Augmentation) v : float32 = max 0.0f (min 1.0f (change.Gain * v + change.Offset))

    /// Where the pixels go; masks go the same way.
    let move (change: Augmentation) (image: Image) =
        let turned =
            View.apply
                {
                    Flip = change.Flip
                    Turns = change.Turns
                }
                image

        if keepsGrid change then
            turned
        else
            Warp.apply change.Angle (pixels change.ShiftX turned.Width) (pixels change.ShiftY turned.Height) turned

    /// Moves the pixels and changes their brightness.
    let apply (change: Augmentation) (image: Image) =
        let moved = move change image

        if changesLight change then
            Image.map (relit change) moved
        else
            moved

/// The part of a picture that training looks at: the square at (Top, Left), and the neighbourhood around it that a rotation or a shift may
/// bring in.
[<Struct>]
type Window =
    {
        Top: int
        Left: int
        Side: int
        /// The neighbourhood's first row and column, and its side.
        HoodTop: int
        HoodLeft: int
        Hood: int
    }

[<RequireQualifiedAccess>]
module Window =
    /// A rotated square reaches √2 as far; half as much again leaves room for a shift.
    let private reach = 1.5

    /// The square of `side` pixels at (top, left) of a picture of height × width, for this change.
    let around (change: Augmentation) side top left height width =
        let hood =
            if Augment.keepsGrid change then
                side
            else
                min (min height width) (int (ceil (reach * float side)))

        let first at length = max 0 (min (length - hood) (at - (hood - side) / 2))

        {
            Top = top
            Left = left
            Side = side
            HoodTop = first top height
            HoodLeft = first left width
            Hood = hood
        }

    /// What training sees there, in plain words: the neighbourhood cut out and changed, and the square cut from that.
    let see (change: Image -> Image) window (image: Image) =
        let changed = change (Image.crop window.HoodTop window.HoodLeft window.Hood window.Hood image)
        Image.crop (window.Top - window.HoodTop) (window.Left - window.HoodLeft) window.Side window.Side changed

/// `Augment` and `Window` on spans, without an image in between: the same values to float rounding.
[<RequireQualifiedAccess>]
module AugmentKernel =
    let private turned (change: Augmentation) (view: MoveKernel.View) =
        let flipped = if change.Flip then view.Flip() else view
        Seq.fold (fun (view: MoveKernel.View) _ -> view.Turn()) flipped (seq { 1 .. change.Turns })

    /// The window's neighbourhood, mirrored and turned, as it lies in the picture's memory.
    let hood (change: Augmentation) (image: Image) (window: Window) =
        MoveKernel.View.Whole(image.Height, image.Width).Crop(window.HoodTop, window.HoodLeft, window.Hood, window.Hood)
        |> turned change

    /// Moves the pixels and writes what the window shows.
    let move (change: Augmentation) (image: Image) (window: Window) (seen: Span<float32>) =
        let side = window.Side
        let view = hood change image window

        if Augment.keepsGrid change then
            let top, left = window.Top - window.HoodTop, window.Left - window.HoodLeft
            MoveKernel.Copy(ReadOnlySpan image.Pixels, image.Channels, view.Crop(top, left, side, side), seen)
        else
            let volume = image.Channels * window.Hood * window.Hood
            let rented = ArrayPool<float32>.Shared.Rent volume
            let moved = Span(rented, 0, volume)
            MoveKernel.Copy(ReadOnlySpan image.Pixels, image.Channels, view, moved)
            let shiftX, shiftY = Augment.pixels change.ShiftX window.Hood, Augment.pixels change.ShiftY window.Hood

            MoveKernel.Warp(
                Span.op_Implicit moved,
                image.Channels,
                window.Hood,
                window.Hood,
                change.Angle,
                shiftX,
                shiftY,
                seen,
                window.Top - window.HoodTop,
                window.Left - window.HoodLeft,
                side,
                side
            )

            ArrayPool<float32>.Shared.Return rented

    /// Moves the pixels, changes their brightness and writes what the window shows.
    let apply (change: Augmentation) (image: Image) (window: Window) (seen: Span<float32>) =
        move change image window seen

        if Augment.changesLight change then
            for i in 0 .. seen.Length - 1 do
                seen[i] <- Augment.relit change seen[i]
