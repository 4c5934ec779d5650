/// Augmentation on spans, without an image in between: the values of `Augment` and `CropWindow` to float rounding.
namespace Fae.Data

open System
open System.Buffers
open Fae.Core
open Fae.Kernels

[<RequireQualifiedAccess>]
module AugmentKernel =
    let private turned (change: Augmentation) (view: StridedView) =
        let flipped = if change.Flip then view.Flip() else view
        Seq.fold (fun (view: StridedView) _ -> view.Turn()) flipped (seq { 1 .. change.Turns })

    /// The window's neighbourhood, mirrored and turned, as it lies in the picture's memory.
    let context (change: Augmentation) (image: Image) (window: CropWindow) =
        StridedView.Whole(image.Height, image.Width).Crop(window.ContextTop, window.ContextLeft, window.Context, window.Context)
        |> turned change

    /// Moves the pixels and writes what the window shows.
    let move (change: Augmentation) (image: Image) (window: CropWindow) (seen: Span<float32>) =
        let side = window.Side
        let view = context change image window

        if Augment.isPixelExact change then
            let top, left = window.Top - window.ContextTop, window.Left - window.ContextLeft
            WarpKernel.Copy(ReadOnlySpan image.Pixels, image.Channels, view.Crop(top, left, side, side), seen)
        else
            let volume = image.Channels * window.Context * window.Context
            let rented = ArrayPool<float32>.Shared.Rent volume
            let moved = Span(rented, 0, volume)
            WarpKernel.Copy(ReadOnlySpan image.Pixels, image.Channels, view, moved)
            let shiftX, shiftY = Augment.pixels change.ShiftX window.Context, Augment.pixels change.ShiftY window.Context

            WarpKernel.Warp(
                Span.op_Implicit moved,
                image.Channels,
                window.Context,
                window.Context,
                change.Angle,
                shiftX,
                shiftY,
                seen,
                window.Top - window.ContextTop,
                window.Left - window.ContextLeft,
                side,
                side
            )

            ArrayPool<float32>.Shared.Return rented

    /// Moves the pixels, changes their brightness and writes what the window shows.
    let apply (change: Augmentation) (image: Image) (window: CropWindow) (seen: Span<float32>) =
        move change image window seen

        if Augment.changesBrightness change then
            for i in 0 .. seen.Length - 1 do
                seen[i] <- Augment.adjustBrightness change seen[i]
