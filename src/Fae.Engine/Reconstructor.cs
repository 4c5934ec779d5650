using System;
using System.Collections.Generic;
using System.IO;
using Fae.Core;
using Fae.Detection;

namespace Fae.Engine;

/// <summary>Which machinery reconstructs.</summary>
public static class Reconstructor
{
    /// <summary>
    /// A network of these weights: ONNX Runtime on the CPU (a device of null), libtorch on every other device, and for the kinds of networks that there is no graph
    /// for. On a GPU it scores there too, where our kernels run; else <paramref name="remark"/> is told why not.
    /// </summary>
    /// <exception cref="System.IO.InvalidDataException">The weights do not fit the settings.</exception>
    public static IReconstructor Of(NetworkSettings settings, int channels, IReadOnlyList<NamedArray> weights, TorchSharp.torch.Device? device, Action<string>? remark = null)
    {
        if (device is null && OnnxNetwork.Knows(settings))
            return new OnnxNetwork(settings, channels, weights);
        var network = Network.Of(settings, channels, weights, device);
        return device?.type == TorchSharp.DeviceType.CUDA ? CudaInspector.Of(network, tell => CudaMachine.Start(device, tell), remark ?? (_ => { })) : network;
    }

    /// <summary>A detector of what a model file holds; without a device it works on the CPU, and for most networks needs no libtorch.</summary>
    /// <exception cref="InvalidDataException">The weights do not fit the configuration.</exception>
    public static Detector DetectorOf(ModelCard card, IReadOnlyList<NamedArray> weights, TorchSharp.torch.Device? device, Action<string>? remark = null)
    {
        ArgumentNullException.ThrowIfNull(card);
        return Detector.Of(card, Of(card.Config.Network, card.Channels, weights, device, remark));
    }
}
