using System.Buffers;
using System.Runtime.InteropServices;
using SixLabors.ImageSharp;
using SixLabors.ImageSharp.PixelFormats;

namespace Fae;

/// <summary>Pictures of ImageSharp.</summary>
public static class ImageSharpImages
{
    /// <summary>
    /// The picture, to inspect. Its memory is used as it is where it lies in one piece and its pixels are of L8, L16, Rgb24, Bgr24,
    /// Rgba32, Bgra32 or Rgb48; other pictures are converted to Rgba32. Do not change or dispose of it before it is inspected. Alpha is
    /// passed over.
    /// </summary>
    public static ImageSource ToImageSource(this Image image, string name = "image") =>
        image switch
        {
            null => throw new ArgumentNullException(nameof(image)),
            Image<L8> grey => Of(grey, PixelFormat.Grey8, name),
            Image<L16> grey => Of(grey, PixelFormat.Grey16, name),
            Image<Rgb24> colour => Of(colour, PixelFormat.Rgb24, name),
            Image<Bgr24> colour => Of(colour, PixelFormat.Bgr24, name),
            Image<Rgba32> colour => Of(colour, PixelFormat.Rgbx32, name),
            Image<Bgra32> colour => Of(colour, PixelFormat.Bgrx32, name),
            Image<Rgb48> colour => Of(colour, PixelFormat.Rgb48, name),
            _ => Converted(image, name),
        };

    private static ImageSource Converted(Image image, string name)
    {
        using var converted = image.CloneAs<Rgba32>();
        return ImageSource.FromPixels(Copied(converted), image.Width, image.Height, PixelFormat.Rgbx32, name: name);
    }

    private static ImageSource Of<TPixel>(Image<TPixel> image, PixelFormat format, string name)
        where TPixel : unmanaged, IPixel<TPixel>
    {
        var pixels = image.DangerousTryGetSinglePixelMemory(out var memory) ? new Bytes<TPixel>(image, memory).Memory : Copied(image);
        return ImageSource.FromPixels(pixels, image.Width, image.Height, format, name: name);
    }

    private static byte[] Copied<TPixel>(Image<TPixel> image)
        where TPixel : unmanaged, IPixel<TPixel>
    {
        var bytes = new byte[checked(image.Width * image.Height * Marshal.SizeOf<TPixel>())];
        image.CopyPixelDataTo(bytes);
        return bytes;
    }

    /// <summary>Pixels as bytes; the picture lives as long as these.</summary>
    private sealed class Bytes<TPixel>(Image<TPixel> owner, Memory<TPixel> pixels) : MemoryManager<byte>
        where TPixel : unmanaged, IPixel<TPixel>
    {
        public override Span<byte> GetSpan() => MemoryMarshal.AsBytes(pixels.Span);

        public override unsafe MemoryHandle Pin(int elementIndex = 0)
        {
            var handle = pixels.Pin();
            return new MemoryHandle((byte*)handle.Pointer + elementIndex, default, new Pinned(owner, handle));
        }

        public override void Unpin() { }

        protected override void Dispose(bool disposing) { }
    }

    /// <summary>Ends the pin of the pixels with that of the bytes.</summary>
    private sealed class Pinned(Image owner, MemoryHandle handle) : IPinnable
    {
        public MemoryHandle Pin(int elementIndex) => throw new NotSupportedException();

        public void Unpin()
        {
            handle.Dispose();
            GC.KeepAlive(owner);
        }
    }
}
