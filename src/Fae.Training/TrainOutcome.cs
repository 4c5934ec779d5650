using Fae.Detection;

namespace Fae.Training;

/// <summary>One line of the training curve.</summary>
public sealed record TrainProgress(
    int Step,
    int Steps,
    double Loss,
    double ImagesPerSecond,
    double? CleanError,
    double? SyntheticAuroc,
    TimeSpan Left
);

/// <summary>How a training ended.</summary>
public enum TrainEnd
{
    /// <summary>All steps were taken.</summary>
    Finished,

    /// <summary>A stop was requested; the checkpoint holds the state.</summary>
    Stopped,

    /// <summary>The loss became NaN or infinite.</summary>
    Diverged,
}

/// <summary>The result of a training: best and last weights, the curve of validations, and the last step.</summary>
public sealed record TrainOutcome(
    TrainEnd End,
    int Step,
    IReadOnlyList<NamedArray> Best,
    IReadOnlyList<NamedArray> Last,
    IReadOnlyList<TrainProgress> Curve
)
{
    /// <summary>
    /// The best weights with memory banks that hold the held-out pictures too: thresholds are found by <see cref="Best"/>, and these
    /// inspect. Null without a memory bank.
    /// </summary>
    public IReadOnlyList<NamedArray>? WithHeldOut { get; init; }

    /// <summary>A memory bank, fitted in one pass.</summary>
    public static TrainOutcome OfBank(FittedBank bank)
    {
        ArgumentNullException.ThrowIfNull(bank);
        return new(TrainEnd.Finished, 1, bank.OfTraining, bank.OfTraining, []) { WithHeldOut = bank.OfAll };
    }

    /// <summary>A U-Net's weights with a memory bank beside them, as <c>network.perceptual = "memory_bank"</c> has them.</summary>
    public TrainOutcome WithBank(FittedBank bank)
    {
        ArgumentNullException.ThrowIfNull(bank);
        IReadOnlyList<NamedArray> Both(IReadOnlyList<NamedArray> weights, IReadOnlyList<NamedArray> arrays) =>
            [.. weights.Select(array => array with { Name = NetworkGraph.UNetPrefix + array.Name }), .. arrays];
        return this with { Best = Both(Best, bank.OfTraining), Last = Both(Last, bank.OfTraining), WithHeldOut = Both(Best, bank.OfAll) };
    }

    /// <summary>The weights with these of the memory banks beside the U-Net, counted from 1; without any, the U-Net's alone.</summary>
    public TrainOutcome WithBanks(IReadOnlyList<int> kept)
    {
        NamedArray? Kept(NamedArray array)
        {
            if (array.Name.StartsWith(NetworkGraph.UNetPrefix, StringComparison.Ordinal))
                return kept.Count > 0 ? array : array with { Name = array.Name[NetworkGraph.UNetPrefix.Length..] };
            for (var i = 0; i < kept.Count; i++)
                if (array.Name == MemoryBankGraph.Bank(kept[i]))
                    return array with { Name = MemoryBankGraph.Bank(i + 1) };
                else if (array.Name == MemoryBankGraph.Places(kept[i]))
                    return array with { Name = MemoryBankGraph.Places(i + 1) };
            return null;
        }
        IReadOnlyList<NamedArray> Some(IReadOnlyList<NamedArray> weights) => [.. weights.Select(Kept).OfType<NamedArray>()];
        return this with
        {
            Best = Some(Best),
            Last = Some(Last),
            WithHeldOut = kept.Count > 0 && WithHeldOut is { } all ? Some(all) : null,
        };
    }
}

/// <summary>Everything that the next step depends on, so that a training can be resumed.</summary>
public sealed record Checkpoint(
    int Step,
    IReadOnlyList<NamedArray> Weights,
    IReadOnlyList<NamedArray> Optimiser,
    IReadOnlyList<NamedArray> Best,
    double BestAuroc,
    IReadOnlyList<TrainProgress> Curve
);
