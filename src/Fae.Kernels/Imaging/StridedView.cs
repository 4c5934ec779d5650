namespace Fae.Kernels;

/// <summary>A picture seen through strides: pixel (y, x) lies at Offset + y·StrideY + x·StrideX of each plane.</summary>
public readonly record struct StridedView(int Height, int Width, int Offset, int StrideY, int StrideX)
{
    /// <summary>A picture as it lies in memory.</summary>
    public static StridedView Whole(int height, int width) => new(height, width, 0, width, 1);

    /// <summary>The rectangle of height × width whose first pixel is (top, left).</summary>
    public StridedView Crop(int top, int left, int height, int width)
    {
        if (top < 0 || left < 0 || top + height > Height || left + width > Width)
            throw new ArgumentException($"{height}×{width} at ({top}, {left}) leaves a picture of {Height}×{Width}", nameof(top));
        return this with { Height = height, Width = width, Offset = Offset + top * StrideY + left * StrideX };
    }

    /// <summary>Mirrored left to right.</summary>
    public StridedView Flip() => this with { Offset = Offset + (Width - 1) * StrideX, StrideX = -StrideX };

    /// <summary>A quarter turn against the clock.</summary>
    public StridedView Turn() => new(Width, Height, Offset + (Width - 1) * StrideX, -StrideX, StrideY);
}
