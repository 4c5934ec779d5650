using Fae.Core;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Fae.Training;

/// <summary>A masked convolution in raster order (PixelCNN, van den Oord et al. 2016).</summary>
internal sealed class CausalConvolution : Module<Tensor, Tensor>
{
    private const string Weight = "weight";
    private const string Bias = "bias";
    private const string Visible = "visible";
    private readonly int reach;

    /// <param name="from">Input channels.</param>
    /// <param name="to">Output channels.</param>
    /// <param name="size">Kernel size, odd.</param>
    /// <param name="middle">Whether the centre is included (mask B).</param>
    public CausalConvolution(long from, long to, int size, bool middle)
        : base(nameof(CausalConvolution))
    {
        reach = size / 2;
        var seen = new float[size * size];
        Array.Fill(seen, 1f, 0, size * reach + reach + (middle ? 1 : 0));
        register_parameter(Weight, new Parameter(zeros(to, from, size, size)));
        register_parameter(Bias, new Parameter(zeros(to)));
        register_buffer(Visible, tensor(seen, 1, 1, size, size));
    }

    public override Tensor forward(Tensor input) =>
        functional.conv2d(input, get_parameter(Weight)!.mul(get_buffer(Visible)!), get_parameter(Bias)!, padding: [reach, reach]);
}

/// <summary>
/// LSR (Wang, Zhang, Guo, Han, "Image Anomaly Detection Using Normal Data Only by Latent Space Resampling", Applied Sciences 2020): a
/// VQ-VAE with an autoregressive prior over its codes. At inference, codes that are improbable compared with those of good pictures are
/// replaced by the most probable codes, a few times in turn, and decoded.
/// </summary>
internal sealed class QuantisedAutoencoder : AnomalyNet
{
    private const int Planes = 16;
    private const int Hidden = 64;
    private const int Rounds = 4;
    private const double Commitment = 0.25;
    private const double Common = 0.995;
    private const double Momentum = 0.05;
    private const string Codes = "codes";
    private const string Improbable = "improbable";
    private readonly Encoder encoder;
    private readonly BatchNorm even = new(Planes);
    private readonly Decoder decoder;
    private readonly CausalConvolution first = new(Planes, Hidden, 5, middle: false);
    private readonly CausalConvolution second = new(Hidden, Hidden, 3, middle: true);
    private readonly CausalConvolution third = new(Hidden, Hidden, 3, middle: true);
    private readonly Conv2d logitsLayer;

    public QuantisedAutoencoder(NetworkSettings settings, int channels, Seed seed)
        : base(nameof(QuantisedAutoencoder))
    {
        encoder = new Encoder(settings, channels, Planes);
        decoder = new Decoder(settings, Planes, channels);
        logitsLayer = Conv2d(Hidden, settings.Latent, 1);
        register_parameter(Codes, new Parameter(zeros(settings.Latent, Planes)));
        register_buffer(Improbable, ones(1));
        RegisterComponents();
        Initialise(seed);
        using var off = no_grad();
        // Latents are normalised; this avoids codebook collapse.
        get_parameter(Codes)!.TimesInPlace(Math.Sqrt(Planes / 2.0));
    }

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var found = Nearest(even.forward(encoder.forward(input)));
        for (var round = 0; round < Rounds; round++)
        {
            var logits = Logits(Look(found));
            var negativeLogLikelihood = functional.cross_entropy(logits, found, reduction: nn.Reduction.None);
            found = where(negativeLogLikelihood.gt(get_buffer(Improbable)!), logits.argmax(1), found);
        }
        return decoder.forward(Look(found)).MoveToOuterDisposeScope();
    }

    internal override TrainingOutput TrainingForward(TrainingBatch batch)
    {
        var latent = even.forward(encoder.forward(batch.Input));
        var found = Nearest(latent);
        var code = Look(found);
        var codeLoss = code.Minus(latent.detach()).Squared().mean().Plus(latent.Minus(code.detach()).Squared().mean().Times(Commitment));
        var negativeLogLikelihood = functional.cross_entropy(Logits(code.detach()), found, reduction: nn.Reduction.None);
        Remember(negativeLogLikelihood.detach());
        // Straight-through estimator: the decoder receives codes, the encoder receives its gradient.
        var straight = latent.Plus(code.Minus(latent).detach());
        return new(decoder.forward(straight), codeLoss.Plus(negativeLogLikelihood.mean().Times(0.1)));
    }

    /// <summary>The index of the nearest code at each position: (N, D, h, w) → (N, h, w).</summary>
    private Tensor Nearest(Tensor latent)
    {
        using var off = no_grad();
        var codes = get_parameter(Codes)!;
        var (n, h, w) = (latent.shape[0], latent.shape[2], latent.shape[3]);
        var flat = latent.permute(0, 2, 3, 1).reshape(-1, Planes);
        var distance = codes.Squared().sum(1).Minus(flat.matmul(codes.t()).Times(2));
        return distance.argmin(1).reshape(n, h, w);
    }

    /// <summary>The codes of these indices: (N, h, w) → (N, D, h, w).</summary>
    private Tensor Look(Tensor numbers)
    {
        var shape = numbers.shape;
        return get_parameter(Codes)!.index_select(0, numbers.reshape(-1)).reshape(shape[0], shape[1], shape[2], Planes).permute(0, 3, 1, 2);
    }

    /// <summary>Logits of the prior for each code at each position.</summary>
    private Tensor Logits(Tensor codes)
    {
        var h = functional.relu(first.forward(codes.contiguous()));
        h = functional.relu(second.forward(h)).Plus(h);
        h = functional.relu(third.forward(h)).Plus(h);
        return logitsLayer.forward(h);
    }

    private void Remember(Tensor negativeLogLikelihood)
    {
        using var off = no_grad();
        var kept = get_buffer(Improbable)!;
        kept.copy_(
            kept.Times(1 - Momentum)
                .Plus(negativeLogLikelihood.reshape(-1).quantile(tensor((float)Common).to(negativeLogLikelihood.device)).Times(Momentum))
        );
    }
}
