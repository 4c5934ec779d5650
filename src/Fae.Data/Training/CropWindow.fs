/// The square crop of a picture that training sees, with the context that a rotation or a shift may bring in.
namespace Fae.Data

open Fae.Core

/// The part of a picture that training looks at: the square at (Top, Left), and the neighbourhood around it that a rotation or a shift may
/// bring in.
[<Struct>]
type CropWindow =
    {
        Top: int
        Left: int
        Side: int
        /// The neighbourhood's first row and column, and its side.
        ContextTop: int
        ContextLeft: int
        Context: int
    }

[<RequireQualifiedAccess>]
module CropWindow =
    /// A rotated square reaches √2 as far; half as much again leaves room for a shift.
    let private reach = 1.5

    /// The square of `side` pixels at (top, left) of a picture of height × width, for this change.
    let around (change: Augmentation) side top left height width =
        let context =
            if Augment.isPixelExact change then
                side
            else
                min (min height width) (int (ceil (reach * float side)))

        let first at length = max 0 (min (length - context) (at - (context - side) / 2))

        {
            Top = top
            Left = left
            Side = side
            ContextTop = first top height
            ContextLeft = first left width
            Context = context
        }

    /// What training sees there, in plain words: the neighbourhood cut out and changed, and the square cut from that.
    let extract (change: Image -> Image) window (image: Image) =
        let changed = change (Image.crop window.ContextTop window.ContextLeft window.Context window.Context image)
        Image.crop (window.Top - window.ContextTop) (window.Left - window.ContextLeft) window.Side window.Side changed
