using System;
using System.Collections.Generic;
using System.Linq;
using Fae.Core;
using TorchSharp;
using static TorchSharp.torch;

namespace Fae.Engine;

/// <summary>A network at work: images in, reconstructions f(x) out. Thread-safe; tensors never leave it.</summary>
public sealed class Network : IDisposable
{
    private readonly UNet net;
    private readonly Device device;
    private readonly object gate = new();

    /// <summary>A network of the settings with weights drawn from the seed.</summary>
    public Network(NetworkSettings settings, int channels, Seed seed, Device? device = null)
    {
        Settings = settings;
        Channels = channels;
        this.device = device ?? CPU;
        net = new UNet(settings, channels, seed);
        net.to(this.device);
    }

    /// <summary>What it was built from.</summary>
    public NetworkSettings Settings { get; }

    /// <summary>Planes of an image.</summary>
    public int Channels { get; }

    internal UNet Module => net;

    internal Device Device => device;

    /// <summary>All weights and buffers.</summary>
    public IReadOnlyList<NamedArray> Save() => Weights.Of(net);

    /// <summary>Takes weights over.</summary>
    /// <exception cref="System.IO.InvalidDataException">They do not fit the settings.</exception>
    public void Load(IEnumerable<NamedArray> arrays) => Weights.Load(net, arrays);

    /// <summary>f(x) for images of one size, in batches of at most <paramref name="batch"/>.</summary>
    public IReadOnlyList<Image> Reconstruct(IReadOnlyList<Image> images, int batch = 8)
    {
        ArgumentNullException.ThrowIfNull(images);
        return images.Chunk(batch).SelectMany(ReconstructBatch).ToList();
    }

    /// <summary>f(x) for one image.</summary>
    public Image Reconstruct(Image image) => ReconstructBatch([image])[0];

    /// <inheritdoc/>
    public void Dispose() => net.Dispose();

    private Image[] ReconstructBatch(Image[] images)
    {
        var (channels, height, width) = (images[0].Channels, images[0].Height, images[0].Width);
        var volume = channels * height * width;
        var input = new float[images.Length * volume];
        for (var i = 0; i < images.Length; i++)
            images[i].Pixels.CopyTo(input, i * volume);

        lock (gate)
        {
            using var off = no_grad();
            using var scope = NewDisposeScope();
            net.eval();
            var output = net.forward(tensor(input, [images.Length, channels, height, width]).to(device));
            var values = output.cpu().contiguous().data<float>().ToArray();
            return images.Select((_, i) => ImageModule.ofArray(channels, height, width, values[(i * volume)..((i + 1) * volume)])).ToArray();
        }
    }
}
