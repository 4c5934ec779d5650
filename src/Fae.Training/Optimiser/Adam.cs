using static TorchSharp.torch;

namespace Fae.Training;

/// <summary>Adam (Kingma and Ba 2015) whose full state can be read, so that a checkpoint resumes bit by bit.</summary>
public sealed class Adam : IDisposable
{
    private const double Beta1 = 0.9;
    private const double Beta2 = 0.999;
    private const double Epsilon = 1e-8;
    private readonly IReadOnlyList<(string Name, Tensor Value, double Rate)> parameters;
    private readonly Dictionary<string, Tensor> state = [];

    /// <summary>An optimiser of these parameters, at step 0; each has its own multiple of the learning rate.</summary>
    public Adam(IEnumerable<(string Name, Tensor Value, double Rate)> parameters)
    {
        this.parameters = parameters.ToList();
        foreach (var (name, value, _) in this.parameters)
        {
            state["adam.m." + name] = zeros_like(value).DetachFromDisposeScope();
            state["adam.v." + name] = zeros_like(value).DetachFromDisposeScope();
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
        var root = Math.Sqrt(1 - Math.Pow(Beta2, step));
        foreach (var (name, value, rate) in parameters)
        {
            if (value.grad is not { } gradient)
                continue;
            var m = state["adam.m." + name].TimesInPlace(Beta1).PlusInPlace(gradient, 1 - Beta1);
            var v = state["adam.v." + name].TimesInPlace(Beta2).PlusProductInPlace(gradient, gradient, 1 - Beta2);
            value.PlusQuotientInPlace(m, v.sqrt().TimesInPlace(1 / root).PlusInPlace(Epsilon), -scale * rate);
        }
    }

    /// <summary>Sets all gradients to zero.</summary>
    public void ZeroGradients()
    {
        foreach (var (_, value, _) in parameters)
            value.grad?.zero_();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in state.Values)
            tensor.Dispose();
    }
}
