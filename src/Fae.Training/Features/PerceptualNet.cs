using Fae.Core;
using Fae.Detection;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using DataType = Onnx.TensorProto.Types.DataType;

namespace Fae.Training;

/// <summary>
/// A U-Net whose anomaly map compares features of the picture and of its reconstruction, or those of the picture with a memory bank,
/// <see cref="PerceptualGraph"/>. The U-Net is trained by the pixels as ever; a discriminator of the features learns the mask beside it
/// and sends no gradient to it.
/// </summary>
internal sealed class PerceptualNet : FeatureNet
{
    private const string Picture = "image";
    private const string Repaired = "reconstruction";
    private readonly UNet unet;
    private readonly Perceptual map;

    public PerceptualNet(UNet unet, NetworkSettings settings, int channels, WeightSource weights, Backbone? backbone, Device device)
        : base(
            nameof(PerceptualNet),
            weights,
            backbone,
            device,
            layers =>
            {
                layers.Graph.Input(Picture, DataType.Float, "batch", channels, "height", "width");
                layers.Graph.Input(Repaired, DataType.Float, "batch", channels, "height", "width");
                PerceptualGraph.Append(layers, Picture, Repaired, channels, settings, backbone);
            }
        )
    {
        this.unet = unet;
        map = settings.Perceptual;
        register_module("unet", unet);
    }

    internal override ScalarType ComputeType
    {
        get => unet.ComputeType;
        set => unet.ComputeType = value;
    }

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var repaired = unet.forward(input);
        var anomaly = Layers.Upsample(Map(input, repaired), input.shape[2], input.shape[3]);
        return cat([repaired, anomaly], 1).MoveToOuterDisposeScope();
    }

    internal override TrainingOutput TrainingForward(TrainingBatch batch)
    {
        var output = unet.TrainingForward(batch);
        if (!map.IsDiscriminator)
            return output;
        var logits = Map(batch.Input, output.Reconstruction!.detach());
        var mask = functional.adaptive_max_pool2d(batch.Corrupted, logits.shape[2..]);
        var visible = functional.adaptive_max_pool2d(batch.Mask.NotNegative(), logits.shape[2..]);
        var wrong = functional.binary_cross_entropy_with_logits(logits, mask, reduction: nn.Reduction.None);
        return new(output.Reconstruction, wrong.mul(visible).mean());
    }

    private Tensor Map(Tensor picture, Tensor repaired)
    {
        var feeds = new Dictionary<string, Tensor> { [Picture] = picture, [Repaired] = repaired };
        IReadOnlyList<Tensor> apart;
        if (map.IsMemoryBank)
            return Values(feeds, PerceptualGraph.Map)[0];
        using (no_grad())
            apart = Values(feeds, PerceptualGraph.Apart);
        return Value(PerceptualGraph.Map, PerceptualGraph.Apart, apart[0]);
    }
}
