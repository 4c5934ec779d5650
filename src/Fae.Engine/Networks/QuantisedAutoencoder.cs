using System;
using Fae.Core;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Fae.Engine;

/// <summary>A convolution that sees what comes before its middle, row by row: PixelCNN's (van den Oord et al. 2016).</summary>
internal sealed class CausalConvolution : Module<Tensor, Tensor>
{
    private const string Weight = "weight";
    private const string Bias = "bias";
    private const string Visible = "visible";
    private readonly int reach;

    /// <param name="from">Planes in.</param>
    /// <param name="to">Planes out.</param>
    /// <param name="size">Side of the window, odd.</param>
    /// <param name="middle">Whether the middle itself is seen.</param>
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
/// LSR (Wang, Zhang, Guo, Han, "Image Anomaly Detection Using Normal Data Only by Latent Space Resampling", Applied Sciences 2020): a VQ-VAE, and a causal model of
/// how probable each of its codes is after those before it. At work, codes less probable than all but a few of good pictures' are replaced by the most probable ones, a few times over, and
/// decoded.
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
    private readonly Conv2d guess;

    public QuantisedAutoencoder(NetworkSettings settings, int channels, Seed seed)
        : base(nameof(QuantisedAutoencoder))
    {
        encoder = new Encoder(settings, channels, Planes);
        decoder = new Decoder(settings, Planes, channels);
        guess = Conv2d(Hidden, settings.Latent, 1);
        register_parameter(Codes, new Parameter(zeros(settings.Latent, Planes)));
        register_buffer(Improbable, ones(1));
        RegisterComponents();
        Initialise(seed);
        using var off = no_grad();
        // Latents are normalised: codes of the same spread find users.
        get_parameter(Codes)!.TimesInPlace(Math.Sqrt(Planes / 2.0));
    }

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var found = Nearest(even.forward(encoder.forward(input)));
        for (var round = 0; round < Rounds; round++)
        {
            var guesses = Guesses(Look(found));
            var doubt = functional.cross_entropy(guesses, found, reduction: nn.Reduction.None);
            found = where(doubt.gt(get_buffer(Improbable)!), guesses.argmax(1), found);
        }
        return decoder.forward(Look(found)).MoveToOuterDisposeScope();
    }

    internal override Lesson Study(Lecture lecture)
    {
        var latent = even.forward(encoder.forward(lecture.Input));
        var found = Nearest(latent);
        var code = Look(found);
        var codeLoss = code.Minus(latent.detach()).Squared().mean().Plus(latent.Minus(code.detach()).Squared().mean().Times(Commitment));
        var doubt = functional.cross_entropy(Guesses(code.detach()), found, reduction: nn.Reduction.None);
        Remember(doubt.detach());
        // The decoder sees codes; its gradient reaches the encoder as if it had seen latents.
        var straight = latent.Plus(code.Minus(latent).detach());
        return new(decoder.forward(straight), codeLoss.Plus(doubt.mean().Times(0.1)));
    }

    /// <summary>The number of the nearest code at each place: (N, D, h, w) → (N, h, w).</summary>
    private Tensor Nearest(Tensor latent)
    {
        using var off = no_grad();
        var codes = get_parameter(Codes)!;
        var (n, h, w) = (latent.shape[0], latent.shape[2], latent.shape[3]);
        var flat = latent.permute(0, 2, 3, 1).reshape(-1, Planes);
        var distance = codes.Squared().sum(1).Minus(flat.matmul(codes.t()).Times(2));
        return distance.argmin(1).reshape(n, h, w);
    }

    /// <summary>The codes of these numbers: (N, h, w) → (N, D, h, w).</summary>
    private Tensor Look(Tensor numbers)
    {
        var shape = numbers.shape;
        return get_parameter(Codes)!.index_select(0, numbers.reshape(-1)).reshape(shape[0], shape[1], shape[2], Planes).permute(0, 3, 1, 2);
    }

    /// <summary>Log odds of each code at each place after those before it.</summary>
    private Tensor Guesses(Tensor codes)
    {
        var h = functional.relu(first.forward(codes.contiguous()));
        h = functional.relu(second.forward(h)).Plus(h);
        h = functional.relu(third.forward(h)).Plus(h);
        return guess.forward(h);
    }

    private void Remember(Tensor doubt)
    {
        using var off = no_grad();
        var kept = get_buffer(Improbable)!;
        kept.copy_(kept.Times(1 - Momentum).Plus(doubt.reshape(-1).quantile(tensor((float)Common).to(doubt.device)).Times(Momentum)));
    }
}
