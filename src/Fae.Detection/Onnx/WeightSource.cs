using Fae.Core;

namespace Fae.Detection;

/// <summary>What a weight is before training.</summary>
internal enum Initial
{
    /// <summary>Normal numbers of variance 2 / fan-in (He et al. 2015).</summary>
    He,

    Zero,

    One,
}

/// <summary>Where the arrays of a network's graph come from: drawn before training, or read from a model.</summary>
internal abstract class WeightSource
{
    /// <summary>Whether there is an array of this name to take; none of those that are drawn is.</summary>
    public virtual bool Has(string name) => false;

    /// <summary>The array of a name. A side of −1 stands for any number, of which a new array has none.</summary>
    /// <exception cref="InvalidDataException">It is missing or of another shape.</exception>
    public abstract NamedArray Take(string name, long[] shape, Initial initial);

    /// <summary>The arrays of a model.</summary>
    public static WeightSource Of(IEnumerable<NamedArray> arrays) => new Stored(arrays.ToDictionary(array => array.Name));

    /// <summary>Drawn from a seed; each array has numbers of its own, whatever else the network has.</summary>
    public static WeightSource Of(Seed seed) => new Drawn(seed);

    /// <summary>Normal numbers of variance 2 / fan-in for the array of a number, in its order.</summary>
    public static float[] He(Seed seed, ulong number, long[] shape)
    {
        var fanIn = shape.Skip(1).Aggregate(1L, (a, b) => a * b);
        var key = Fae.Core.Random.mix64(Fae.Core.Random.fork(number, seed).State);
        return Noise.field(key, MathF.Sqrt(2f / fanIn), 1, 1, checked((int)(shape[0] * fanIn))).Pixels;
    }

    private sealed class Stored(Dictionary<string, NamedArray> arrays) : WeightSource
    {
        public override bool Has(string name) => arrays.ContainsKey(name);

        public override NamedArray Take(string name, long[] shape, Initial initial) =>
            arrays.TryGetValue(name, out var array) && array.Shape.Length == shape.Length
                ? NamedArray.Find(arrays, name, [.. shape.Select((side, i) => side < 0 ? array.Shape[i] : side)])
                : NamedArray.Find(arrays, name, shape);
    }

    private sealed class Drawn(Seed seed) : WeightSource
    {
        private ulong taken;

        public override NamedArray Take(string name, long[] shape, Initial initial)
        {
            taken++;
            var sides = shape.Select(side => Math.Max(0, side)).ToArray();
            var length = checked((int)sides.Aggregate(1L, (a, b) => a * b));
            return new NamedArray(
                name,
                sides,
                initial is Initial.He ? He(seed, taken, sides) : Filled(length, initial is Initial.One ? 1 : 0)
            );
        }

        private static float[] Filled(int length, float value)
        {
            var values = new float[length];
            Array.Fill(values, value);
            return values;
        }
    }
}
