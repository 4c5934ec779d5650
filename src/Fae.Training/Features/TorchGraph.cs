using Onnx;
using static TorchSharp.torch;

namespace Fae.Training;

/// <summary>
/// An ONNX graph in torch, node by node: the definition that ONNX Runtime runs, with gradients and on every device. Values may be fed in
/// the place of what the graph would compute; only the nodes that the wanted values need are run.
/// </summary>
internal sealed class TorchGraph : IDisposable
{
    private readonly Dictionary<string, NodeProto> producers = [];
    private readonly Dictionary<string, Tensor> constants = [];
    private readonly Device device;
    private readonly Func<string, Tensor?> weight;

    /// <summary>
    /// A graph whose arrays come from <paramref name="weight"/>, by name; those that it does not know are constants of the graph.
    /// </summary>
    public TorchGraph(GraphProto graph, Device device, Func<string, Tensor?> weight)
    {
        this.device = device;
        this.weight = weight;
        foreach (var node in graph.Node)
        foreach (var output in node.Output)
            producers.Add(output, node);
        foreach (var array in graph.Initializer.Where(array => weight(array.Name) is null))
            constants[array.Name] = TensorOf(array, device).DetachFromDisposeScope();
    }

    /// <summary>
    /// The wanted values; they belong to the caller's dispose scope, as does all that is computed on the way.
    /// </summary>
    /// <param name="training">Batch normalisation uses the statistics of the batch and updates its running ones.</param>
    /// <param name="feeds">Values by name: inputs, or what the graph would compute itself.</param>
    /// <param name="wanted">Names of values.</param>
    public IReadOnlyList<Tensor> Run(bool training, IReadOnlyDictionary<string, Tensor> feeds, params IReadOnlyList<string> wanted)
    {
        var values = new Dictionary<string, Tensor>(feeds);
        Tensor Value(string name)
        {
            if (values.TryGetValue(name, out var known))
                return known;
            if (constants.TryGetValue(name, out var constant))
                return constant;
            if (!producers.TryGetValue(name, out var node))
                return weight(name) ?? throw new InvalidDataException($"its graph has no value '{name}'");
            var inputs = node.Input.Select(input => input.Length == 0 ? null : Value(input)).ToList();
            foreach (var (output, result) in node.Output.Zip(TorchOperations.Run(node, inputs, training, device)))
                values[output] = result;
            return values[name];
        }
        return wanted.Select(Value).ToList();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var constant in constants.Values)
            constant.Dispose();
    }

    /// <summary>Whole numbers are shapes and places; shapes are read by the CPU, so they stay there.</summary>
    private static Tensor TensorOf(TensorProto array, Device device)
    {
        var shape = array.Dims.ToArray();
        return (TensorProto.Types.DataType)array.DataType switch
        {
            TensorProto.Types.DataType.Int64 => tensor(array.Int64Data.Count > 0 ? [.. array.Int64Data] : Cast<long>(array), shape),
            TensorProto.Types.DataType.Uint8 => tensor(Cast<byte>(array), shape).to(device),
            TensorProto.Types.DataType.Int8 => tensor(Cast<sbyte>(array), shape).to(device),
            TensorProto.Types.DataType.Int32 => tensor(Cast<int>(array), shape).to(device),
            _ => tensor(Cast<float>(array), shape).to(device),
        };
    }

    private static T[] Cast<T>(TensorProto array)
        where T : unmanaged => System.Runtime.InteropServices.MemoryMarshal.Cast<byte, T>(array.RawData.Span).ToArray();
}
