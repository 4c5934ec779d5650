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
    /// for.
    /// </summary>
    /// <exception cref="System.IO.InvalidDataException">The weights do not fit the settings.</exception>
    public static IReconstructor Of(NetworkSettings settings, int channels, IReadOnlyList<NamedArray> weights, TorchSharp.torch.Device? device) =>
        device is null && OnnxNetwork.Knows(settings) ? new OnnxNetwork(settings, channels, weights) : Network.Of(settings, channels, weights, device);

    /// <summary>A detector of what a model file holds; without a device it works on the CPU, and for most networks needs no libtorch.</summary>
    /// <exception cref="InvalidDataException">The weights do not fit the configuration.</exception>
    public static Detector DetectorOf(ModelCard card, IReadOnlyList<NamedArray> weights, TorchSharp.torch.Device? device)
    {
        System.ArgumentNullException.ThrowIfNull(card);
        return Detector.Of(card, Of(card.Config.Network, card.Channels, weights, device));
    }
}
