using Fae.Core;
using Fae.Kernels;

namespace Fae.Gpu;

/// <summary>
/// Makes training batches in device memory from recipes. The pictures are uploaded once; each sample uploads only its recipe. The samples
/// equal those of <see cref="ISampleSource.Fill"/> up to float rounding. Not thread-safe.
/// </summary>
public sealed class DeviceSamples : IDisposable
{
    /// <summary>Limit of the values of all pictures together: a gigabyte.</summary>
    private const long MostValues = 1L << 28;

    private readonly DeviceMachine machine;
    private readonly IRecipeSource source;
    private readonly int channels;
    private readonly int side;
    private readonly DeviceMemory atlas;
    private readonly RecipeEncoder code;

    /// <summary>Puts the source's pictures there.</summary>
    /// <exception cref="ArgumentException">They do not fit; see <see cref="Fits"/>.</exception>
    public DeviceSamples(DeviceMachine machine, IRecipeSource source, int channels, int side)
    {
        ArgumentNullException.ThrowIfNull(machine);
        if (!Fits(source) || source.Pictures is not { } pictures)
            throw new ArgumentException("the pictures do not fit", nameof(source));
        (this.machine, this.source, this.channels, this.side) = (machine, source, channels, side);
        var places = new Dictionary<Image, int>(ReferenceEqualityComparer.Instance);
        var values = new List<float>();
        foreach (var image in All(source))
        {
            places[image] = values.Count;
            values.AddRange(image.Pixels);
        }
        atlas = machine.Upload<float>(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(values));
        code = new(places, pictures, source.Bank, source.Ignored, side);
    }

    /// <summary>Whether the pictures stay in memory, are few enough, and are as large as what is to be ignored in them.</summary>
    public static bool Fits(IRecipeSource source)
    {
        ArgumentNullException.ThrowIfNull(source);
        return source.Pictures is { } pictures
            && (
                source.Ignored is not { } ignored
                || pictures.All(picture => (picture.Height, picture.Width) == (ignored.Height, ignored.Width))
            )
            && All(source).Sum(image => (long)image.Pixels.Length) <= MostValues;
    }

    /// <summary>What <see cref="Make"/> needs of the samples of a step.</summary>
    public int[] Code(IReadOnlyList<SampleRecipe> recipes) => code.Of(recipes);

    /// <summary>
    /// Makes the batch of so many samples that <paramref name="recipes"/> says (<see cref="Code"/>, on the machine): input and target of
    /// N × C × side × side, mask of N × side × side.
    /// </summary>
    public void Make(DeviceSpan recipes, int count, DeviceSpan input, DeviceSpan target, DeviceSpan mask)
    {
        machine.Launch(nameof(SampleKernels.SeeClean), count * side * side, atlas.All, recipes, target, channels, side);
        machine.Launch(nameof(SampleKernels.Corrupt), count * side * side, atlas.All, recipes, target, input, mask, channels, side);
        var volume = channels * side * side;
        machine.Launch(
            nameof(SampleKernels.AddNoise),
            count * ((volume + 1) / 2),
            recipes,
            input,
            target,
            volume,
            source.NoiseOnTarget ? 1 : 0
        );
    }

    /// <summary>The batch of a step, fetched: for tests.</summary>
    public HostBatch Fetch(int step, int count)
    {
        using var recipes = machine.Upload<int>(Code([.. Enumerable.Range(0, count).Select(index => source.Recipe(step, index))]));
        using var input = machine.Rent(DeviceValue.Real, count * channels * side * side);
        using var target = machine.Rent(DeviceValue.Real, count * channels * side * side);
        using var mask = machine.Rent(DeviceValue.Real, count * side * side);
        Make(recipes.All, count, input.All, target.All, mask.All);
        var batch = new HostBatch(count, channels, side);
        machine.Download(input.All).CopyTo(batch.Input, 0);
        machine.Download(target.All).CopyTo(batch.Target, 0);
        machine.Download(mask.All).CopyTo(batch.Mask, 0);
        return batch;
    }

    /// <inheritdoc/>
    public void Dispose() => atlas.Dispose();

    private static IEnumerable<Image> All(IRecipeSource source) =>
        (source.Pictures ?? [])
            .Concat(source.Bank)
            .Concat(source.Ignored is { } ignored ? [ignored] : [])
            .Distinct<Image>(ReferenceEqualityComparer.Instance);
}
