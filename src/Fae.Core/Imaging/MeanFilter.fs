/// Equation (2): the mean filter G_k and its n-fold application, in the plainest form. The kernels say it again for speed.
namespace Fae.Core

[<RequireQualifiedAccess>]
module MeanFilter =
    /// One pass of G_k over each plane. At the border the mean is over the pixels that lie inside the image, so that constants
    /// stay constant. `size` must be odd and positive.
    let once (size: int) (image: Image) =
        if size < 1 || size % 2 = 0 then
            invalidArg (nameof size) $"the mean filter's size must be odd and positive, not {size}"

        let reach = size / 2

        Image.init image.Channels image.Height image.Width (fun c y x ->
            let top, bottom = max 0 (y - reach), min (image.Height - 1) (y + reach)
            let left, right = max 0 (x - reach), min (image.Width - 1) (x + reach)
            let mutable sum = 0.0

            for v in top..bottom do
                for u in left..right do
                    sum <- sum + float image[c, v, u]

            float32 (sum / float ((bottom - top + 1) * (right - left + 1))))

    /// G_k^n: n passes; n = 0 is the identity.
    let rec apply (size: int) (passes: int) (image: Image) =
        if passes < 0 then
            invalidArg (nameof passes) $"the mean filter cannot be applied {passes} times"
        elif passes = 0 then
            image
        else
            apply size (passes - 1) (once size image)
