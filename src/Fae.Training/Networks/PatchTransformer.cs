using Fae.Core;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Fae.Training;

/// <summary>
/// A pre-norm transformer block: self-attention with four heads, then an MLP of four times the width, both residual.
/// </summary>
internal sealed class AttentionBlock : Module<Tensor, Tensor>
{
    private const int Heads = 4;
    private readonly LayerNorm before;
    private readonly Linear qkv;
    private readonly Linear projection;
    private readonly LayerNorm between;
    private readonly Linear wide;
    private readonly Linear narrow;

    public AttentionBlock(long width)
        : base(nameof(AttentionBlock))
    {
        before = LayerNorm(width);
        qkv = Linear(width, 3 * width);
        projection = Linear(width, width);
        between = LayerNorm(width);
        wide = Linear(width, 4 * width);
        narrow = Linear(4 * width, width);
        RegisterComponents();
    }

    /// <summary>(N, patches, width) → the same.</summary>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var (n, patches, width) = (input.shape[0], input.shape[1], input.shape[2]);
        var each = width / Heads;
        var parts = qkv.forward(before.forward(input)).reshape(n, patches, 3, Heads, each).permute(2, 0, 3, 1, 4).unbind(0);
        var attention = functional.softmax(parts[0].matmul(parts[1].transpose(-1, -2)).Times(1 / Math.Sqrt(each)), -1);
        var seen = attention.matmul(parts[2]).transpose(1, 2).reshape(n, patches, width);
        var h = input.Plus(projection.forward(seen));
        return h.Plus(narrow.forward(functional.gelu(wide.forward(between.forward(h))))).MoveToOuterDisposeScope();
    }
}

/// <summary>
/// InTra (Pirnay and Chai, "Inpainting Transformer for Anomaly Detection", ICIAP 2022): a picture is a set of patches with
/// global attention; a masked patch is inpainted from all others. The blocks have the skip connections of a U-Net. The positional
/// encoding is sinusoidal, so that any picture size works.
/// </summary>
internal sealed class PatchTransformer : AnomalyNet
{
    private readonly int patch;
    private readonly long width;
    private readonly Conv2d entry;
    private readonly ModuleList<Module<Tensor, Tensor>> blocks = new();
    private readonly LayerNorm last;
    private readonly Linear exit;

    public PatchTransformer(NetworkSettings settings, int channels, Seed seed)
        : base(nameof(PatchTransformer))
    {
        patch = settings.Patch;
        width = (settings.Latent + 15) / 16 * 16;
        entry = Conv2d(channels, width, patch, stride: patch);
        for (var i = 0; i < 2 * settings.Depth; i++)
            blocks.Add(new AttentionBlock(width));
        last = LayerNorm(width);
        exit = Linear(width, (long)channels * patch * patch);
        RegisterComponents();
        // Every block starts as the identity; training converges faster.
        Initialise(
            seed,
            static name =>
                name.EndsWith("projection.weight", StringComparison.Ordinal) || name.EndsWith("narrow.weight", StringComparison.Ordinal)
        );
    }

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var tokens = entry.forward(input);
        var (n, rows, columns) = (tokens.shape[0], tokens.shape[2], tokens.shape[3]);
        var h = tokens.reshape(n, width, rows * columns).transpose(1, 2).Plus(PositionalEncoding(rows, columns).to(input.device));
        var skips = new Stack<Tensor>();
        for (var i = 0; i < blocks.Count; i++)
        {
            if (i >= blocks.Count / 2)
                h = h.Plus(skips.Pop());
            h = blocks[i].forward(h);
            if (i < blocks.Count / 2)
                skips.Push(h);
        }
        var planes = exit.forward(last.forward(h)).transpose(1, 2).reshape(n, -1, rows, columns);
        return functional.pixel_shuffle(planes, patch).MoveToOuterDisposeScope();
    }

    /// <summary>Sinusoidal encoding, (1, patches, width): one half encodes the row, the other the column.</summary>
    private Tensor PositionalEncoding(long rows, long columns)
    {
        var values = new float[rows * columns * width];
        var pairs = width / 4;
        for (var place = 0L; place < rows * columns; place++)
        for (var i = 0L; i < pairs; i++)
        {
            var pitch = Math.Pow(1000, -(double)i / pairs);
            var (row, column) = (place / columns * pitch, place % columns * pitch);
            var at = place * width + 4 * i;
            (values[at], values[at + 1]) = ((float)Math.Sin(row), (float)Math.Cos(row));
            (values[at + 2], values[at + 3]) = ((float)Math.Sin(column), (float)Math.Cos(column));
        }
        return tensor(values, 1, rows * columns, width);
    }
}
