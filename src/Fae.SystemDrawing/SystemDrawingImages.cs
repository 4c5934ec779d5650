using System.Drawing;
using System.Drawing.Imaging;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Fae;

/// <summary>Pictures of System.Drawing, which works under Windows alone.</summary>
public static class SystemDrawingImages
{
    /// <summary>
    /// The picture, to inspect. Its pixels are copied, for GDI+ wants them back at once: pictures of 24 and 32 bits as they are, others
    /// (palettes, grey of 16 bits) converted to 24. Alpha is passed over.
    /// </summary>
    [SupportedOSPlatform("windows")]
    public static ImageSource ToImageSource(this Bitmap bitmap, string name = "image")
    {
        ArgumentNullException.ThrowIfNull(bitmap);
        var wide =
            bitmap.PixelFormat
            is System.Drawing.Imaging.PixelFormat.Format32bppRgb
                or System.Drawing.Imaging.PixelFormat.Format32bppArgb
                or System.Drawing.Imaging.PixelFormat.Format32bppPArgb;
        var (locked, format) = wide
            ? (System.Drawing.Imaging.PixelFormat.Format32bppRgb, PixelFormat.Bgrx32)
            : (System.Drawing.Imaging.PixelFormat.Format24bppRgb, PixelFormat.Bgr24);
        var area = new Rectangle(0, 0, bitmap.Width, bitmap.Height);
        var data = bitmap.LockBits(area, ImageLockMode.ReadOnly, locked);
        try
        {
            // Row by row: the stride may be negative, and the first row's address is the picture's top.
            var row = bitmap.Width * (wide ? 4 : 3);
            var bytes = new byte[checked(row * bitmap.Height)];
            for (var y = 0; y < bitmap.Height; y++)
                Marshal.Copy(data.Scan0 + (nint)y * data.Stride, bytes, y * row, row);
            return ImageSource.FromPixels(bytes, bitmap.Width, bitmap.Height, format, name: name);
        }
        finally
        {
            bitmap.UnlockBits(data);
        }
    }
}
