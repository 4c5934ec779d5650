using SkiaSharp;

namespace Fae;

/// <summary>Pictures of SkiaSharp.</summary>
public static class SkiaSharpImages
{
    /// <summary>
    /// The picture, to inspect. Its memory is used as it is where its colour type is Gray8, Rgb888x, Rgba8888 or Bgra8888; other pictures
    /// are converted. Do not change or dispose of it before it is inspected. Alpha is passed over.
    /// </summary>
    /// <exception cref="ArgumentException">It has no pixels, or cannot be converted.</exception>
    public static ImageSource ToImageSource(this SKBitmap bitmap, string name = "image")
    {
        ArgumentNullException.ThrowIfNull(bitmap);
        return FormatOf(bitmap.ColorType) is { } format ? Of(bitmap, format, name) : Of(Converted(bitmap), PixelFormat.Rgbx32, name);
    }

    private static PixelFormat? FormatOf(SKColorType type) =>
        type switch
        {
            SKColorType.Gray8 => PixelFormat.Grey8,
            SKColorType.Rgb888x or SKColorType.Rgba8888 => PixelFormat.Rgbx32,
            SKColorType.Bgra8888 => PixelFormat.Bgrx32,
            _ => null,
        };

    private static SKBitmap Converted(SKBitmap bitmap) =>
        bitmap.Copy(SKColorType.Rgba8888)
        ?? throw new ArgumentException($"a picture of {bitmap.ColorType} cannot be converted", nameof(bitmap));

    private static ImageSource Of(SKBitmap bitmap, PixelFormat format, string name)
    {
        var pixels = bitmap.GetPixels();
        return pixels == nint.Zero
            ? throw new ArgumentException("it has no pixels", nameof(bitmap))
            : ImageSource.FromPixels(pixels, bitmap.Width, bitmap.Height, format, bitmap.RowBytes, name, owner: bitmap);
    }
}
