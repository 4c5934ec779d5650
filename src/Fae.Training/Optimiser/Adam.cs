using static TorchSharp.torch;

namespace Fae.Training;

/// <summary>
/// Adam (Kingma and Ba 2015) whose full state can be read, so that a checkpoint resumes bit by bit. It moves the parameters, which stay the
/// same tensors, and their gradients into one array each: an update is then a few operations whatever the number of parameters is. On a
/// GPU, launching an operation for each parameter takes longer than the network.
/// </summary>
public sealed class Adam : IDisposable
{
    private const double Beta1 = 0.9;
    private const double Beta2 = 0.999;
    private const double Epsilon = 1e-8;

    /// <summary>Values between two beginnings are a multiple of it: 64 bytes, a cache line.</summary>
    private const long Alignment = 16;

    private readonly Tensor values;
    private readonly Tensor gradients;
    private readonly Tensor first;
    private readonly Tensor second;
    private readonly List<(Tensor Values, Tensor First, Tensor Root, double Rate)> ranges = [];
    private readonly Dictionary<string, Tensor> state = [];
    private readonly Tensor root;

    /// <summary>An optimiser of these parameters, at step 0; each has its own multiple of the learning rate.</summary>
    public Adam(IEnumerable<(string Name, Tensor Value, double Rate)> parameters)
    {
        // Those of one rate lie together.
        var ordered = parameters.OrderBy(parameter => parameter.Rate).ToList();
        static long Room(Tensor value) => (value.numel() + Alignment - 1) / Alignment * Alignment;
        var device = ordered.Count > 0 ? ordered[0].Value.device : CPU;
        var total = ordered.Sum(parameter => Room(parameter.Value));
        using var off = no_grad();
        using var scope = NewDisposeScope();
        Tensor Zeros() => zeros(total, device: device).DetachFromDisposeScope();
        (values, gradients, first, second, root) = (Zeros(), Zeros(), Zeros(), Zeros(), Zeros());
        var offset = 0L;
        foreach (var (name, value, _) in ordered)
        {
            Tensor Part(Tensor all) => all.narrow(0, offset, value.numel()).view(value.shape);
            var part = Part(values);
            part.copy_(value);
            value.set_(part);
            if (value.requires_grad)
                value.grad = Part(gradients);
            state["adam.m." + name] = Part(first).DetachFromDisposeScope();
            state["adam.v." + name] = Part(second).DetachFromDisposeScope();
            offset += Room(value);
        }
        offset = 0;
        foreach (var some in ordered.GroupBy(parameter => parameter.Rate))
        {
            var length = some.Sum(parameter => Room(parameter.Value));
            Tensor Range(Tensor all) => all.narrow(0, offset, length).DetachFromDisposeScope();
            ranges.Add((Range(values), Range(first), Range(root), some.Key));
            offset += length;
        }
    }

    /// <summary>The first and second moments by name.</summary>
    public IReadOnlyDictionary<string, Tensor> State => state;

    /// <summary>One update with this learning rate; <paramref name="step"/> counts from 1.</summary>
    public void Step(long step, double learningRate)
    {
        using var off = no_grad();
        using var scope = NewDisposeScope();
        var scale = learningRate / (1 - Math.Pow(Beta1, step));
        first.TimesInPlace(Beta1).PlusInPlace(gradients, 1 - Beta1);
        second.TimesInPlace(Beta2).PlusProductInPlace(gradients, gradients, 1 - Beta2);
        root.copy_(second).sqrt_().TimesInPlace(1 / Math.Sqrt(1 - Math.Pow(Beta2, step))).PlusInPlace(Epsilon);
        foreach (var range in ranges)
            range.Values.PlusQuotientInPlace(range.First, range.Root, -scale * range.Rate);
    }

    /// <summary>Scales the gradients to a norm of at most <paramref name="largest"/>; nothing is read back from a GPU.</summary>
    public void ClipGradients(double largest)
    {
        using var off = no_grad();
        using var scope = NewDisposeScope();
        var norm = gradients.Squared().sum().sqrt();
        gradients.mul_(norm.Plus(1e-6).reciprocal().Times(largest).Within(1));
    }

    /// <summary>Sets all gradients to zero.</summary>
    public void ZeroGradients() => gradients.zero_();

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in state.Values)
            tensor.Dispose();
        foreach (var range in ranges)
        {
            range.Values.Dispose();
            range.First.Dispose();
            range.Root.Dispose();
        }
        foreach (var tensor in new[] { values, gradients, first, second, root })
            tensor.Dispose();
    }
}
