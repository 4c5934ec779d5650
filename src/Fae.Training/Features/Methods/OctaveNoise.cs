using static TorchSharp.torch;

namespace Fae.Training;

/// <summary>Smooth noise in random boxes, RD++'s pseudo-anomalies: value noise of six octaves in the place of simplex noise.</summary>
internal static class OctaveNoise
{
    private const int Octaves = 6;
    private const double Persistence = 0.6;

    /// <summary>Smallest and largest side of a box, as fractions of the picture's: 10 and 32 of 256 pixels.</summary>
    private const double Smallest = 10.0 / 256;
    private const double Largest = 32.0 / 256;

    /// <summary>(N, C, H, W) pictures, each with noise in a box of its own.</summary>
    public static Tensor InBoxes(Tensor images, double strength, StepRandom random)
    {
        using var scope = NewDisposeScope();
        var (n, h, w) = (images.shape[0], images.shape[2], images.shape[3]);
        var noise = zeros([n, 1, h, w], device: images.device);
        double amplitude = 1,
            total = 0;
        for (var octave = 0; octave < Octaves; octave++)
        {
            var cells = 2L << octave;
            noise = noise.Plus(Layers.Upsample(random.Normal([n, 1, Math.Min(h, cells), Math.Min(w, cells)]), h, w).Times(amplitude));
            total += amplitude * amplitude;
            amplitude *= Persistence;
        }
        noise = noise.Times(strength / Math.Sqrt(total));
        return images.Plus(noise.mul(Boxes(n, h, w, random).to(images.device))).MoveToOuterDisposeScope();
    }

    /// <summary>(N, 1, H, W): 1 in one box of each picture, 0 elsewhere.</summary>
    private static Tensor Boxes(long n, long h, long w, StepRandom random)
    {
        var drawn = random.Uniform([n, 4]).cpu().data<float>().ToArray();
        var boxes = zeros(n, 1, h, w);
        for (var i = 0; i < n; i++)
        {
            var (height, top) = Span(h, drawn[4 * i], drawn[4 * i + 1]);
            var (width, left) = Span(w, drawn[4 * i + 2], drawn[4 * i + 3]);
            boxes.narrow(0, i, 1).narrow(2, top, height).narrow(3, left, width).fill_(1);
        }
        return boxes;
    }

    private static (long Length, long From) Span(long side, float length, float place)
    {
        var size = Math.Max(1, (long)(side * (Smallest + (Largest - Smallest) * length)));
        return (size, (long)((side - size) * place));
    }
}
