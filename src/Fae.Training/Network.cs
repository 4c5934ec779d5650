using Fae.Core;
using Fae.Detection;
using TorchSharp;
using static TorchSharp.torch;

namespace Fae.Training;

/// <summary>A network for inference: images in, reconstructions f(x) out. Thread-safe. No tensors in its public interface.</summary>
public sealed class Network : IReconstructor
{
    private readonly AnomalyNet net;
    private readonly Device device;
    private readonly object gate = new();
    private bool disposed;

    /// <summary>A network of the settings with weights drawn from the seed, and of the backbone if it uses features.</summary>
    /// <exception cref="System.IO.InvalidDataException">It uses features and has no backbone.</exception>
    public Network(NetworkSettings settings, int channels, Seed seed, Device? device = null, Backbone? backbone = null)
        : this(settings, channels, AnomalyNet.Of(settings, channels, seed, backbone, device ?? CPU), device) { }

    private Network(NetworkSettings settings, int channels, AnomalyNet net, Device? device)
    {
        Settings = settings;
        Channels = channels;
        this.device = device ?? CPU;
        this.net = net;
        net.to(this.device);
    }

    /// <summary>A network of these weights.</summary>
    /// <exception cref="System.IO.InvalidDataException">They do not fit the settings.</exception>
    public static Network Of(
        NetworkSettings settings,
        int channels,
        IEnumerable<NamedArray> weights,
        Device? device = null,
        Backbone? backbone = null
    )
    {
        ArgumentNullException.ThrowIfNull(weights);
        var arrays = weights.ToList();
        var net = AnomalyNet.Of(settings, channels, Fae.Core.Random.ofSeed(0), backbone, device ?? CPU, arrays);
        var network = new Network(settings, channels, net, device);
        network.Load(arrays);
        return network;
    }

    /// <summary>The settings of the architecture.</summary>
    public NetworkSettings Settings { get; }

    /// <summary>Channels of an image.</summary>
    public int Channels { get; }

    internal AnomalyNet Module => net;

    internal Device Device => device;

    /// <summary>All weights and buffers.</summary>
    public IReadOnlyList<NamedArray> Save() => Weights.Of(net);

    /// <summary>Loads weights.</summary>
    /// <exception cref="System.IO.InvalidDataException">They do not fit the settings.</exception>
    public void Load(IEnumerable<NamedArray> arrays) => Weights.Load(net, arrays);

    /// <inheritdoc/>
    public IReadOnlyList<Image> Reconstruct(IReadOnlyList<Image> images) => Batches.Run(images, Forward);

    /// <summary>f(x) for one image.</summary>
    public Image Reconstruct(Image image) => Reconstruct([image])[0];

    /// <inheritdoc/>
    public void Dispose()
    {
        // Another thread's pictures are finished first.
        lock (gate)
        {
            disposed = true;
            net.Dispose();
        }
    }

    private List<Image> Forward(float[] values, long[] shape, Image[] images)
    {
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(disposed, this);
            using var off = no_grad();
            using var scope = NewDisposeScope();
            net.eval();
            var output = net.forward(tensor(values, shape).to(device));
            return Batches.Split(output.cpu().contiguous().data<float>().ToArray(), images);
        }
    }
}
