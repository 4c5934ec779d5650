using OpenCvSharp;

namespace Fae;

/// <summary>Pictures of OpenCV.</summary>
public static class OpenCvImages
{
    /// <summary>
    /// The picture, to inspect. Its memory is used as it is, also that of a part of a larger picture: 8 or 16 bits, one channel, or three
    /// or four in OpenCV's order (blue, green, red). Do not change or dispose of it before it is inspected. Alpha is passed over.
    /// <paramref name="bits"/> are those that sixteen-bit values use, 0 where they are as the training pictures had them.
    /// </summary>
    /// <exception cref="ArgumentException">It is empty, or of another type; the message says which.</exception>
    public static ImageSource ToImageSource(this Mat image, string name = "image", int bits = 0)
    {
        ArgumentNullException.ThrowIfNull(image);
        if (image.Empty() || image.Dims != 2)
            throw new ArgumentException("it has no pixels, or more than two dimensions", nameof(image));
        var type = image.Type();
        var format =
            type == MatType.CV_8UC1 ? PixelFormat.Grey8
            : type == MatType.CV_8UC3 ? PixelFormat.Bgr24
            : type == MatType.CV_8UC4 ? PixelFormat.Bgrx32
            : type == MatType.CV_16UC1 ? PixelFormat.Grey16
            : type == MatType.CV_16UC3 ? PixelFormat.Bgr48
            : throw new ArgumentException(
                $"a picture of {type}; there are CV_8UC1, CV_8UC3, CV_8UC4, CV_16UC1 and CV_16UC3: convert it first (Mat.ConvertTo)",
                nameof(image)
            );
        return ImageSource.FromPixels(image.Data, image.Width, image.Height, format, checked((int)image.Step()), name, bits, image);
    }
}
