using System.Buffers;
using System.Runtime.InteropServices;
using Fae.Detection;
using Fae.Imaging;
using Microsoft.FSharp.Core;

namespace Fae;

/// <summary>How the pixels of a camera's buffer are laid out, row by row; sixteen-bit values are little-endian.</summary>
public enum PixelFormat
{
    /// <summary>One byte of grey.</summary>
    Grey8,

    /// <summary>Two bytes of grey.</summary>
    Grey16,

    /// <summary>Three bytes: red, green, blue.</summary>
    Rgb24,

    /// <summary>Three bytes: blue, green, red.</summary>
    Bgr24,

    /// <summary>Four bytes: red, green, blue, and one that is passed over.</summary>
    Rgbx32,

    /// <summary>Four bytes: blue, green, red, and one that is passed over.</summary>
    Bgrx32,
}

/// <summary>
/// A picture to inspect: a file, its bytes, a stream, or a pixel buffer of a camera. It is read when it is inspected. A pixel buffer is not
/// copied: do not change it before then.
/// </summary>
public sealed class ImageSource
{
    private readonly Func<ModelCard, FSharpResult<Picture, ImageProblem>> prepare;

    private ImageSource(string name, Func<ModelCard, FSharpResult<Picture, ImageProblem>> prepare)
    {
        Name = name;
        this.prepare = prepare;
    }

    /// <summary>What the picture is called in its inspection: the file's path, or what it was given.</summary>
    public string Name { get; }

    /// <summary>A file: PNG, JPEG, TIFF, WebP or BMP, of 8 or 16 bits.</summary>
    public static implicit operator ImageSource(string path) => FromFile(path);

    /// <summary>A file: PNG, JPEG, TIFF, WebP or BMP, of 8 or 16 bits.</summary>
    public static ImageSource FromFile(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        return new ImageSource(path, card => ImagePreparation.ofFile(card.Config, card.Channels, card.Ignore, path));
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
    /// a gap. <paramref name="bits"/> are those that sixteen-bit values use (12 for Mono12), 0 where they are as the training pictures had
    /// them.
    /// </summary>
    /// <exception cref="ArgumentException">The buffer is smaller than its shape says.</exception>
    public static ImageSource FromPixels(
        ReadOnlyMemory<byte> pixels,
        int width,
        int height,
        PixelFormat format,
        int stride = 0,
        string name = "image",
        int bits = 0
    )
    {
        var (bands, depth, swapped) = Layout(format);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        var row = checked(width * bands * depth);
        stride = stride == 0 ? row : stride;
        ArgumentOutOfRangeException.ThrowIfLessThan(stride, row);
        var needed = (long)stride * (height - 1) + row;
        if (pixels.Length < needed)
            throw new ArgumentException(
                $"{width}×{height} pixels of {format} with {stride} bytes a row need {needed} bytes, not {pixels.Length}",
                nameof(pixels)
            );
        if (bits != 0 && (depth == 1 || bits is < 9 or > 16))
            throw new ArgumentOutOfRangeException(nameof(bits), bits, "must be 9 to 16, of values of sixteen bits");
        var buffer = new PixelBuffer(pixels, width, height, stride, bands, depth, swapped, bits);
        return new ImageSource(name, card => ImagePreparation.ofBuffer(card.Config, card.Channels, card.Ignore, name, buffer));
    }

    /// <summary>Pixels in memory that is not .NET's, as most camera libraries give them: the address of the first row.</summary>
    /// <exception cref="ArgumentException">The shape makes no sense.</exception>
    public static ImageSource FromPixels(
        nint address,
        int width,
        int height,
        PixelFormat format,
        int stride = 0,
        string name = "image",
        int bits = 0
    )
    {
        var (bands, depth, _) = Layout(format);
        var row = stride == 0 ? checked(width * bands * depth) : stride;
        var length = checked(row * height);
        return FromPixels(new ForeignMemory(address, length).Memory, width, height, format, stride, name, bits);
    }

    internal FSharpResult<Picture, ImageProblem> Prepare(ModelCard card) => prepare(card);

    private static (int Bands, int Depth, bool Swapped) Layout(PixelFormat format) =>
        format switch
        {
            PixelFormat.Grey8 => (1, 1, false),
            PixelFormat.Grey16 => (1, 2, false),
            PixelFormat.Rgb24 => (3, 1, false),
            PixelFormat.Bgr24 => (3, 1, true),
            PixelFormat.Rgbx32 => (4, 1, false),
            PixelFormat.Bgrx32 => (4, 1, true),
            _ => throw new ArgumentOutOfRangeException(nameof(format)),
        };

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
