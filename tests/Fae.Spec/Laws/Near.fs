/// When two results count as the same.
[<RequireQualifiedAccess>]
module Fae.Spec.Near

open Fae.Core

/// The largest difference between two images' values; infinite where their sizes differ or one is no number.
let distance (a: Image) (b: Image) =
    if a.Channels <> b.Channels || a.Height <> b.Height || a.Width <> b.Width then
        infinityf
    else
        Array.fold2
            (fun most x y ->
                let d = abs (x - y)
                if System.Single.IsNaN d then infinityf else max most d)
            0.0f
            a.Pixels
            b.Pixels

let images (slack: float32) a b = distance a b <= slack

/// To float rounding, in units of the largest value that went in: images of any magnitude.
let relativeTo (inputs: Image list) slack a b =
    let largest = inputs |> List.fold (fun most image -> Array.fold (fun m v -> max m (abs v)) most image.Pixels) 0.0f

    distance a b <= slack * largest + 1e-38f

let numbers (slack: float) (a: float) b = abs (a - b) <= slack
