using Fae.Core;

namespace Fae.Kernels;

/// <summary>Stages one after the other, as one.</summary>
public sealed class RowChain(IReadOnlyList<IRowStage> stages) : IRowStage
{
    /// <inheritdoc/>
    public IEnumerable<Image> Push(Image rows) => Through(0, rows);

    /// <inheritdoc/>
    public IEnumerable<Image> Complete() =>
        Enumerable.Range(0, stages.Count).SelectMany(stage => stages[stage].Complete().SelectMany(part => Through(stage + 1, part)));

    private IEnumerable<Image> Through(int stage, Image rows) =>
        stage == stages.Count ? [rows] : stages[stage].Push(rows).SelectMany(part => Through(stage + 1, part));
}
