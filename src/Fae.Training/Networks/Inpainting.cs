using Fae.Core;
using static TorchSharp.torch;

namespace Fae.Training;

/// <summary>
/// Reconstruction by inpainting (RIAD; Zavrtanik, Kristan, Skočaj, Pattern Recognition 2021). The cells of a grid are divided into
/// disjoint sets. Each set is masked once and inpainted: f(x) = Σⱼ Mⱼ ⊙ g((1 − Mⱼ) ⊙ x), so that no pixel is an input of its own
/// reconstruction. The results of several cell sizes are averaged.
/// </summary>
internal sealed class Inpainting : AnomalyNet
{
    private const ulong Key = 0x5E75;
    private readonly AnomalyNet inner;
    private readonly List<int> counts;
    private readonly int sets;

    public Inpainting(AnomalyNet inner, NetworkSettings settings)
        : base(nameof(Inpainting))
    {
        this.inner = inner;
        counts = settings.InpaintGrids.ToList();
        sets = settings.InpaintSets;
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var sum = zeros_like(input);
        foreach (var count in counts)
            for (var set = 0; set < sets; set++)
            {
                using var inside = NewDisposeScope();
                var removed = Removed(count, set, (int)input.shape[2], (int)input.shape[3]).to(input.device);
                sum.PlusInPlace(inner.forward(input.mul(removed.Times(-1).Plus(1))).mul(removed), 1);
            }
        return sum.Times(1.0 / counts.Count).MoveToOuterDisposeScope();
    }

    internal override ScalarType ComputeType
    {
        get => inner.ComputeType;
        set => inner.ComputeType = value;
    }

    internal override TrainingOutput TrainingForward(TrainingBatch batch) => inner.TrainingForward(batch);

    /// <summary>1 where a cell belongs to the set, in the cells of <c>Shape.Cells</c>.</summary>
    private Tensor Removed(int count, int set, int height, int width)
    {
        float side = Math.Min(height, width);
        int Cell(int pixel, int length) => (int)MathF.Floor(((pixel + 0.5f - 0.5f * length) / side + 0.5f) * count);
        var values = new float[height * width];
        for (var y = 0; y < height; y++)
        for (var x = 0; x < width; x++)
            values[y * width + x] = Lattice.setOf(Key + (ulong)count, sets, Cell(x, width), Cell(y, height)) == set ? 1 : 0;
        return tensor(values, 1, 1, height, width);
    }
}
