/// Uneven light divided out: what is left is the surface relative to its surroundings.
namespace Fae.Core

[<RequireQualifiedAccess>]
module Illumination =
    /// Keeps the quotient finite where a picture is black.
    let floor = 0.02f

    /// The odd size of the mean filter whose three passes come nearest to a Gaussian of this sigma (Kovesi 2010).
    let filterSize (sigma: float32) =
        let ideal = sqrt (12.0f * sigma * sigma / 3.0f + 1.0f)
        max 1 (2 * int (round ((ideal - 1.0f) / 2.0f)) + 1)

    /// min(1, ½·x / (blurred x + floor)), plane by plane, with three mean filters for the blur; sigma in pixels. σ = 0 is the identity.
    let correct (sigma: float32) (image: Image) =
        if sigma <= 0.0f then
            image
        else
            let blurred = MeanFilter.apply (filterSize sigma) 3 image
            Image.map2 (fun x b -> min 1.0f (0.5f * x / (b + floor))) image blurred
