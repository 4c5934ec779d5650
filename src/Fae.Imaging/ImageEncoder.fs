/// Images to PNG and JPEG, and to another size.
namespace Fae.Imaging

open Fae.Core
open Fae.Kernels

[<RequireQualifiedAccess>]
module ImageEncoder =
    /// 8-bit pixels, channels interleaved; values outside [0, 1] are clamped.
    let toBytes (image: Image) =
        let bytes = Array.zeroCreate<byte> image.Pixels.Length

        for c in 0 .. image.Channels - 1 do
            for i in 0 .. image.Area - 1 do
                let v = image.Pixels[c * image.Area + i]
                bytes[i * image.Channels + c] <- byte (max 0.0f (min 255.0f (round (255.0f * v))))

        bytes

    let internal toVips (image: Image) = Vips.ofBytes (toBytes image) image.Width image.Height image.Channels

    /// An image of values in [0, 1] as the bytes of an 8-bit PNG.
    let toPng (image: Image) =
        use picture = toVips image
        picture.PngsaveBuffer()

    /// As the bytes of a JPEG, for the many thumbnails of a report.
    let toJpeg (image: Image) =
        use picture = toVips image
        picture.JpegsaveBuffer(q = 85)

    /// Resizes with anti-aliasing.
    let resize height width (image: Image) = ResampleKernel.Resize(image, height, width) |> Image.map (fun v -> max 0.0f (min 1.0f v))
