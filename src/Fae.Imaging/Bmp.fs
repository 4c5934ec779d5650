/// BMP, which NetVips' libvips leaves out, through stb.
namespace Fae.Imaging

open System
open System.IO

[<RequireQualifiedAccess>]
module internal Bmp =
    let isBmp source =
        use file = Vips.contents source
        file.ReadByte() = int 'B' && file.ReadByte() = int 'M'

    /// How long an uncompressed BMP of this size must be: stb takes what is missing for black. Rows are padded to four bytes.
    let private expectedLength (file: Stream) (width: int) (height: int) =
        use reader = new BinaryReader(file, Text.Encoding.ASCII, leaveOpen = true)

        let at position (read: BinaryReader -> int64) =
            file.Position <- position
            read reader

        let start = at 10L (_.ReadUInt32() >> int64)
        // The oldest header (12 bytes) keeps its bit count four bytes earlier.
        let bits = at (if at 14L (_.ReadUInt32() >> int64) = 12L then 24L else 28L) (_.ReadUInt16() >> int64)
        start + (int64 width * bits + 31L) / 32L * 4L * int64 height

    /// A BMP's pixels; the header is checked before anything is allocated.
    let decode source =
        use file = Vips.contents source
        let info = StbImageSharp.ImageInfo.FromStream file

        if not info.HasValue then Vips.refuse "it is no BMP of a known kind"

        Vips.checkSize info.Value.Width info.Value.Height

        if file.Length < expectedLength file info.Value.Width info.Value.Height then
            Vips.refuse "it is cut short"

        file.Position <- 0L

        let decoded =
            try
                StbImageSharp.ImageResult.FromStream(file, StbImageSharp.ColorComponents.Default)
            with e when not (e :? OutOfMemoryException) ->
                Vips.refuse $"its BMP data are damaged ({e.Message})"

        Vips.ofBytes decoded.Data decoded.Width decoded.Height (int decoded.Comp)

    /// The smallest BMP: one grey pixel, bottom-up, 24 bits.
    let smallest =
        [|
            yield! "BM"B
            yield! [ 58uy; 0uy; 0uy; 0uy; 0uy; 0uy; 0uy; 0uy; 54uy; 0uy; 0uy; 0uy ]
            yield! [ 40uy; 0uy; 0uy; 0uy; 1uy; 0uy; 0uy; 0uy; 1uy; 0uy; 0uy; 0uy; 1uy; 0uy; 24uy; 0uy ]
            yield! Array.zeroCreate 24
            yield! [ 128uy; 128uy; 128uy; 0uy ]
        |]
