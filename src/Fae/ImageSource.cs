using System.Buffers;
using System.Runtime.InteropServices;
using Fae.Detection;
using Fae.Imaging;
using Microsoft.FSharp.Core;

namespace Fae;

/// <summary>
/// A picture to inspect: a file, its bytes, a stream, or a pixel buffer of a camera. It is read when it is inspected. A pixel buffer is not
/// copied: do not change it before then.
/// </summary>
public sealed class ImageSource
{
    private readonly Func<ModelCard, FSharpResult<Picture, ImageProblem>> prepare;

    private ImageSource(string name, Func<ModelCard, FSharpResult<Picture, ImageProblem>> prepare, string? path = null)
    {
        Name = name;
        Path = path;
        this.prepare = prepare;
    }

    /// <summary>Of a file on disk, else null.</summary>
    internal string? Path { get; }

    /// <summary>What the picture is called in its inspection: the file's path, or what it was given.</summary>
    public string Name { get; }

    /// <summary>A file: PNG, JPEG, TIFF, WebP or BMP, of 8 or 16 bits.</summary>
    public static implicit operator ImageSource(string path) => FromFile(path);

    /// <summary>A file: PNG, JPEG, TIFF, WebP or BMP, of 8 or 16 bits.</summary>
    public static ImageSource FromFile(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        return new ImageSource(path, card => ImagePreparation.ofFile(card.Config, card.Channels, card.Ignore, path), path);
    }

    /// <summary>The bytes of a file.</summary>
    public static ImageSource FromBytes(ReadOnlyMemory<byte> file, string name = "image") =>
        new(name, card => ImagePreparation.ofBytes(card.Config, card.Channels, card.Ignore, name, Whole(file)));

    /// <summary>The bytes of a file from a stream, which is read to its end when the picture is inspected and stays open.</summary>
    public static ImageSource FromStream(Stream file, string name = "image")
    {
        ArgumentNullException.ThrowIfNull(file);
        return new ImageSource(
            name,
            card =>
            {
                using var bytes = new MemoryStream();
                try
                {
                    file.CopyTo(bytes);
                }
                catch (Exception e) when (e is IOException or UnauthorizedAccessException)
                {
                    return FSharpResult<Picture, ImageProblem>.NewError(new ImageProblem(name, e.Message));
                }
                return ImagePreparation.ofBytes(card.Config, card.Channels, card.Ignore, name, bytes.ToArray());
            }
        );
    }

    /// <summary>
    /// Pixels in managed memory; <paramref name="stride"/> is the bytes from one row to the next, 0 where rows follow each other without
    /// a gap, negative where the last row comes first. <paramref name="bits"/> are those that sixteen-bit values use (12 for Mono12), 0
    /// where they are as the training pictures had them.
    /// </summary>
    /// <exception cref="ArgumentException">The buffer is smaller than its shape says, or the shape makes no sense.</exception>
    public static ImageSource FromPixels(
        ReadOnlyMemory<byte> pixels,
        int width,
        int height,
        PixelFormat format,
        int stride = 0,
        string name = "image",
        int bits = 0
    ) => OfPixels(pixels, width, height, format, stride, name, bits, null);

    /// <summary>
    /// Pixels in memory that is not .NET's, as most camera libraries give them: the address of the picture's first row, also where the
    /// stride is negative and the other rows lie before it. <paramref name="owner"/> is kept alive as long as the picture.
    /// </summary>
    /// <exception cref="ArgumentException">The shape makes no sense.</exception>
    public static ImageSource FromPixels(
        nint address,
        int width,
        int height,
        PixelFormat format,
        int stride = 0,
        string name = "image",
        int bits = 0,
        object? owner = null
    )
    {
        var layout = PixelLayout.Of(format);
        var step = CheckedStride(layout, width, height, stride);
        var length = checked((int)Length(layout, width, height, step));
        var first = step < 0 ? address + (nint)step * (height - 1) : address;
        return OfPixels(new ForeignMemory(first, length).Memory, width, height, format, stride, name, bits, owner);
    }

    internal FSharpResult<Picture, ImageProblem> Prepare(ModelCard card) => prepare(card);

    private static ImageSource OfPixels(
        ReadOnlyMemory<byte> pixels,
        int width,
        int height,
        PixelFormat format,
        int stride,
        string name,
        int bits,
        object? owner
    )
    {
        var layout = PixelLayout.Of(format);
        var step = CheckedStride(layout, width, height, stride);
        var needed = Length(layout, width, height, step);
        if (pixels.Length < needed)
            throw new ArgumentException(
                $"{width}×{height} pixels of {format} with {Math.Abs(step)} bytes a row need {needed} bytes, not {pixels.Length}",
                nameof(pixels)
            );
        if (layout.Raw.IsMosaic && (width < 2 || height < 2))
            throw new ArgumentException($"a mosaic of {width}×{height} pixels has no colours", nameof(format));
        if (bits != 0 && (!layout.HasBits || bits is < 9 or > 16))
            throw new ArgumentOutOfRangeException(nameof(bits), bits, "must be 9 to 16, of values of sixteen bits");
        var buffer = new PixelBuffer(pixels, width, height, step, layout.Bands, layout.Depth, layout.Swapped, bits);
        return new ImageSource(
            name,
            card =>
            {
                var upright = step < 0 ? RawBuffer.flipped(buffer) : buffer;
                var plain = RawBuffer.decode(layout.Raw, upright);
                var read = ImagePreparation.ofBuffer(card.Config, card.Channels, card.Ignore, name, plain);
                // Nothing else may refer to whose memory it is.
                GC.KeepAlive(owner);
                return read;
            }
        );
    }

    private static int CheckedStride(PixelLayout layout, int width, int height, int stride)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        var row = layout.RowBytes(width);
        if (stride != 0 && Math.Abs((long)stride) < row)
            throw new ArgumentOutOfRangeException(nameof(stride), stride, $"a row has {row} bytes");
        if (stride < 0 && layout.Raw is not { IsPlain: true } and not { IsMosaic: true })
            throw new ArgumentOutOfRangeException(nameof(stride), stride, "packed and planar pixels go from the top to the bottom");
        return stride == 0 ? row : stride;
    }

    private static long Length(PixelLayout layout, int width, int height, int stride) =>
        Math.Abs((long)stride) * (layout.Rows(height) - 1) + layout.RowBytes(width);

    /// <summary>The array itself where the memory is all of one.</summary>
    private static byte[] Whole(ReadOnlyMemory<byte> memory) =>
        MemoryMarshal.TryGetArray(memory, out var part) && part.Offset == 0 && part.Array is { } array && array.Length == part.Count
            ? array
            : memory.ToArray();

    /// <summary>Memory that somebody else owns.</summary>
    private sealed unsafe class ForeignMemory(nint address, int length) : MemoryManager<byte>
    {
        public override Span<byte> GetSpan() => new((void*)address, length);

        public override MemoryHandle Pin(int elementIndex = 0) => new((byte*)address + elementIndex);

        public override void Unpin() { }

        protected override void Dispose(bool disposing) { }
    }
}
