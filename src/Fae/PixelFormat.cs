using Fae.Core;
using Fae.Imaging;

namespace Fae;

/// <summary>
/// How the pixels of a camera's buffer are laid out, row by row. Values of more than eight bits lie in sixteen, little-endian; how many of
/// the bits they use is said beside the format. Names are those of GenICam where it has one.
/// </summary>
public enum PixelFormat
{
    /// <summary>One byte of grey (Mono8).</summary>
    Grey8,

    /// <summary>Two bytes of grey (Mono10, Mono12, Mono14, Mono16).</summary>
    Grey16,

    /// <summary>Three bytes: red, green, blue.</summary>
    Rgb24,

    /// <summary>Three bytes: blue, green, red.</summary>
    Bgr24,

    /// <summary>Four bytes: red, green, blue, and one that is passed over.</summary>
    Rgbx32,

    /// <summary>Four bytes: blue, green, red, and one that is passed over.</summary>
    Bgrx32,

    /// <summary>Six bytes: red, green, blue of sixteen bits each.</summary>
    Rgb48,

    /// <summary>Six bytes: blue, green, red of sixteen bits each.</summary>
    Bgr48,

    /// <summary>Three planes of bytes, one after the other: red, green, blue.</summary>
    RgbPlanar24,

    /// <summary>Grey of ten bits without gaps, the lowest bits first: four values in five bytes.</summary>
    Mono10p,

    /// <summary>Grey of twelve bits without gaps, the lowest bits first: two values in three bytes.</summary>
    Mono12p,

    /// <summary>Grey of ten bits, as GigE Vision packs it: two values in three bytes, the low bits of both in the middle one.</summary>
    Mono10Packed,

    /// <summary>Grey of twelve bits, as GigE Vision packs it: two values in three bytes, the low bits of both in the middle one.</summary>
    Mono12Packed,

    /// <summary>A Bayer mosaic of bytes whose first row begins with red, green.</summary>
    BayerRG8,

    /// <summary>A Bayer mosaic of bytes whose first row begins with green, red.</summary>
    BayerGR8,

    /// <summary>A Bayer mosaic of bytes whose first row begins with green, blue.</summary>
    BayerGB8,

    /// <summary>A Bayer mosaic of bytes whose first row begins with blue, green.</summary>
    BayerBG8,

    /// <summary>A Bayer mosaic of sixteen bits (BayerRG10, BayerRG12, BayerRG16) whose first row begins with red, green.</summary>
    BayerRG16,

    /// <summary>A Bayer mosaic of sixteen bits whose first row begins with green, red.</summary>
    BayerGR16,

    /// <summary>A Bayer mosaic of sixteen bits whose first row begins with green, blue.</summary>
    BayerGB16,

    /// <summary>A Bayer mosaic of sixteen bits whose first row begins with blue, green.</summary>
    BayerBG16,
}

/// <summary>What a format says: values a pixel, bytes a value, whether blue comes first, how a buffer becomes values.</summary>
internal sealed record PixelLayout(int Bands, int Depth, bool Swapped, RawLayout Raw)
{
    /// <exception cref="ArgumentOutOfRangeException">It is none of the formats.</exception>
    public static PixelLayout Of(PixelFormat format) =>
        format switch
        {
            PixelFormat.Grey8 => Plain(1, 1, false),
            PixelFormat.Grey16 => Plain(1, 2, false),
            PixelFormat.Rgb24 => Plain(3, 1, false),
            PixelFormat.Bgr24 => Plain(3, 1, true),
            PixelFormat.Rgbx32 => Plain(4, 1, false),
            PixelFormat.Bgrx32 => Plain(4, 1, true),
            PixelFormat.Rgb48 => Plain(3, 2, false),
            PixelFormat.Bgr48 => Plain(3, 2, true),
            PixelFormat.RgbPlanar24 => new PixelLayout(1, 1, false, RawLayout.Planar),
            PixelFormat.Mono10p => Packed(BitPacking.NewStream(10)),
            PixelFormat.Mono12p => Packed(BitPacking.NewStream(12)),
            PixelFormat.Mono10Packed => Packed(BitPacking.NewPairs(10)),
            PixelFormat.Mono12Packed => Packed(BitPacking.NewPairs(12)),
            PixelFormat.BayerRG8 => Mosaic(BayerPattern.RG, 1),
            PixelFormat.BayerGR8 => Mosaic(BayerPattern.GR, 1),
            PixelFormat.BayerGB8 => Mosaic(BayerPattern.GB, 1),
            PixelFormat.BayerBG8 => Mosaic(BayerPattern.BG, 1),
            PixelFormat.BayerRG16 => Mosaic(BayerPattern.RG, 2),
            PixelFormat.BayerGR16 => Mosaic(BayerPattern.GR, 2),
            PixelFormat.BayerGB16 => Mosaic(BayerPattern.GB, 2),
            PixelFormat.BayerBG16 => Mosaic(BayerPattern.BG, 2),
            _ => throw new ArgumentOutOfRangeException(nameof(format)),
        };

    /// <summary>Bytes of a row without padding.</summary>
    public int RowBytes(int width) =>
        Raw is RawLayout.Packed packed ? RawPixels.rowBytes(packed.Item, width) : checked(width * Bands * Depth);

    /// <summary>Rows in memory: of three planes three times as many as the picture has.</summary>
    public int Rows(int height) => Raw.IsPlanar ? checked(3 * height) : height;

    /// <summary>Whether the number of bits that values use is open.</summary>
    public bool HasBits => Depth == 2 && !Raw.IsPacked;

    private static PixelLayout Plain(int bands, int depth, bool swapped) => new(bands, depth, swapped, RawLayout.Plain);

    private static PixelLayout Packed(BitPacking packing) => new(1, 2, false, RawLayout.NewPacked(packing));

    private static PixelLayout Mosaic(BayerPattern pattern, int depth) => new(1, depth, false, RawLayout.NewMosaic(pattern));
}
