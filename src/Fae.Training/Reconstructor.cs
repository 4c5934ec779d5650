using Fae.Core;
using Fae.Detection;

namespace Fae.Training;

/// <summary>Which machinery reconstructs.</summary>
public static class Reconstructor
{
    /// <summary>
    /// Creates a reconstructor from weights. On the CPU (device null) it uses ONNX Runtime; on other devices, and for networks without an
    /// ONNX graph, libtorch. On a GPU scores are computed there too if the kernels run; otherwise <paramref name="warn"/> gets the reason.
    /// </summary>
    /// <exception cref="System.IO.InvalidDataException">The weights do not fit the settings.</exception>
    public static IReconstructor Of(
        NetworkSettings settings,
        int channels,
        IReadOnlyList<NamedArray> weights,
        TorchSharp.torch.Device? device,
        Action<string>? warn = null,
        Backbone? backbone = null
    )
    {
        if (device is null && OnnxNetwork.Knows(settings))
            return new OnnxNetwork(settings, channels, weights, backbone);
        var network = Network.Of(settings, channels, weights, device, backbone);
        return device?.type == TorchSharp.DeviceType.CUDA
            ? CudaInspector.Of(network, tell => CudaMachine.Start(device, tell), warn ?? (_ => { }))
            : network;
    }

    /// <summary>
    /// Creates a detector from a model file. Without a device it runs on the CPU; most networks then need no libtorch.
    /// </summary>
    /// <exception cref="InvalidDataException">The weights do not fit the configuration.</exception>
    public static Detector DetectorOf(
        ModelCard card,
        IReadOnlyList<NamedArray> weights,
        TorchSharp.torch.Device? device,
        Action<string>? warn = null
    )
    {
        ArgumentNullException.ThrowIfNull(card);
        return Detector.Of(card, Of(card.Config.Network, card.Channels, weights, device, warn, card.Backbone));
    }
}
