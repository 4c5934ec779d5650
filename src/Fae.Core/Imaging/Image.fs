/// The only array type of the core: planes of 32-bit floats.
namespace Fae.Core

/// An image: `Channels` planes of `Height` × `Width` values, plane after plane, row after row. Colours are in [0, 1].
/// The pixels are never changed after the image is made.
[<NoComparison>]
type Image =
    {
        Channels: int
        Height: int
        Width: int
        Pixels: float32[]
    }

    /// Pixels of one plane.
    member image.Area = image.Height * image.Width

    /// The value at channel, row, column.
    member image.Item
        with get (channel: int, y: int, x: int) = image.Pixels[(channel * image.Height + y) * image.Width + x]

[<RequireQualifiedAccess>]
module Image =
    /// Takes an array over, without a copy. Its length must be channels × height × width.
    let ofArray channels height width (pixels: float32[]) =
        if channels < 1 || height < 1 || width < 1 then
            invalidArg (nameof channels) $"an image of {channels}×{height}×{width} has no pixels"

        if pixels.Length <> channels * height * width then
            invalidArg (nameof pixels) $"{pixels.Length} values do not fill an image of {channels}×{height}×{width}"

        { Channels = channels; Height = height; Width = width; Pixels = pixels }

    /// An image by rule: channel, row, column → value.
    let init channels height width (f: int -> int -> int -> float32) =
        let pixels = Array.zeroCreate (channels * height * width)

        for c in 0 .. channels - 1 do
            for y in 0 .. height - 1 do
                for x in 0 .. width - 1 do
                    pixels[(c * height + y) * width + x] <- f c y x

        ofArray channels height width pixels

    let constant channels height width (value: float32) = ofArray channels height width (Array.create (channels * height * width) value)

    let map (f: float32 -> float32) image = { image with Pixels = Array.map f image.Pixels }

    /// Pixel by pixel over two images of one size.
    let map2 (f: float32 -> float32 -> float32) a b =
        if a.Channels <> b.Channels || a.Height <> b.Height || a.Width <> b.Width then
            invalidArg (nameof b) $"sizes differ: {a.Channels}×{a.Height}×{a.Width} and {b.Channels}×{b.Height}×{b.Width}"

        { a with Pixels = Array.map2 f a.Pixels b.Pixels }

    /// One plane as an image of its own.
    let plane channel image = ofArray 1 image.Height image.Width (Array.sub image.Pixels (channel * image.Area) image.Area)

    /// The place in a line of n pixels of its place i, when it is continued by its mirror image on both sides.
    let reflect (n: int) (i: int) =
        if uint32 i < uint32 n then
            i
        else
            let period = 2 * n
            let j = ((i % period) + period) % period
            if j < n then j else period - 1 - j

    /// Mirrored left to right.
    let flip (image: Image) = init image.Channels image.Height image.Width (fun c y x -> image[c, y, image.Width - 1 - x])

    /// A quarter turn against the clock.
    let turn (image: Image) = init image.Channels image.Width image.Height (fun c y x -> image[c, x, image.Width - 1 - y])

    /// The rectangle of `height` × `width` whose first pixel is (top, left).
    let crop top left height width (image: Image) = init image.Channels height width (fun c y x -> image[c, top + y, left + x])

    /// The mean of the planes, as one plane.
    let meanPlane (image: Image) =
        if image.Channels = 1 then
            image
        else
            init 1 image.Height image.Width (fun _ y x ->
                let mutable sum = 0.0f

                for c in 0 .. image.Channels - 1 do
                    sum <- sum + image[c, y, x]

                sum / float32 image.Channels)
