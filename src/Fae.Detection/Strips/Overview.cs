using Fae.Core;

namespace Fae.Detection;

/// <summary>
/// A large picture and its heatmap at a size for people, made of rows as they come: the mean of each block of the picture, the largest
/// value of each block of the heatmap.
/// </summary>
internal sealed class Overview
{
    /// <summary>The longer side, at most.</summary>
    private const int Longest = 2048;

    private readonly int block;
    private readonly int height;
    private readonly int width;
    private readonly float[] heat;
    private float[] sums = [];
    private readonly int ownHeight;
    private readonly int ownWidth;

    public Overview(int ownHeight, int ownWidth)
    {
        (this.ownHeight, this.ownWidth) = (ownHeight, ownWidth);
        block = Math.Max(1, (Math.Max(ownHeight, ownWidth) + Longest - 1) / Longest);
        (height, width) = ((ownHeight + block - 1) / block, (ownWidth + block - 1) / block);
        heat = new float[height * width];
        Array.Fill(heat, float.NegativeInfinity);
    }

    /// <summary>The next rows.</summary>
    public void Add(StripRows rows)
    {
        if (sums.Length == 0)
            sums = new float[rows.Picture.Channels * height * width];
        var area = rows.Heatmap.Area;
        for (var y = 0; y < rows.Heatmap.Height; y++)
        {
            var into = (int)((rows.Top + y) / block) * width;
            for (var x = 0; x < ownWidth; x++)
            {
                ref var most = ref heat[into + x / block];
                most = Math.Max(most, rows.Heatmap.Pixels[y * ownWidth + x]);
                for (var c = 0; c < rows.Picture.Channels; c++)
                    sums[c * heat.Length + into + x / block] += rows.Picture.Pixels[c * area + y * ownWidth + x];
            }
        }
    }

    /// <summary>The picture so far.</summary>
    public Image Picture()
    {
        int Pixels(int at, int own) => Math.Min(block, own - at * block);
        var pixels = new float[sums.Length];
        for (var i = 0; i < pixels.Length; i++)
            pixels[i] = sums[i] / (Pixels(i / width % height, ownHeight) * Pixels(i % width, ownWidth));
        return ImageModule.ofArray(sums.Length / heat.Length, height, width, pixels);
    }

    /// <summary>The heatmap so far.</summary>
    public Image Heatmap() => ImageModule.ofArray(1, height, width, heat);
}
