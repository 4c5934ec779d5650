using Fae.Core;
using Fae.Detection;
using Onnx;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Fae.Training;

/// <summary>
/// A method on features of a frozen backbone: its network is <see cref="FeatureGraph"/>, run in torch. A method that is trained by gradient
/// steps adds its loss. Backbone arrays are constants: no optimiser sees them.
/// </summary>
internal class FeatureNet : AnomalyNet
{
    private const string Image = "image";
    private const string Output = "output";
    private readonly HashSet<string> trained = [];
    private readonly HashSet<string> fixedArrays = [];
    private readonly TorchGraph graph;

    public FeatureNet(NetworkSettings settings, int channels, WeightSource weights, Backbone? backbone, Device device)
        : this(
            nameof(FeatureNet),
            weights,
            backbone,
            device,
            layers =>
            {
                layers.Graph.Input(Image, TensorProto.Types.DataType.Float, "batch", channels, "height", "width");
                layers.Graph.Name(FeatureGraph.Append(layers, Image, channels, settings, backbone), Output);
            }
        ) { }

    /// <summary>A network whose graph <paramref name="build"/> makes.</summary>
    private protected FeatureNet(string name, WeightSource weights, Backbone? backbone, Device device, Action<GraphLayers> build)
        : base(name)
    {
        var layers = new GraphLayers(new OnnxGraph(), weights);
        build(layers);
        foreach (var (array, trainable) in layers.Arrays)
        {
            var value = tensor(array.Values, array.Shape);
            (trainable ? trained : fixedArrays).Add(array.Name);
            if (trainable)
                register_parameter(array.Name, new Parameter(value));
            else
                register_buffer(array.Name, value);
        }
        graph = new TorchGraph(layers.Graph.Proto, device, Find);
        Backbone = backbone!;
    }

    /// <summary>The backbone.</summary>
    protected Backbone Backbone { get; }

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        return graph.Run(training, new Dictionary<string, Tensor> { [Image] = input }, Output)[0].MoveToOuterDisposeScope();
    }

    /// <summary>Values that no trained array affects, such as stages and embeddings of pictures, without gradients.</summary>
    protected IReadOnlyList<Tensor> Frozen(Tensor images, params IReadOnlyList<string> wanted)
    {
        using var off = no_grad();
        return graph.Run(false, new Dictionary<string, Tensor> { [Image] = images }, wanted);
    }

    /// <summary>The backbone's stages by their names.</summary>
    protected Dictionary<string, Tensor> Stages(IReadOnlyList<Tensor> values) =>
        Backbone.Stages.Zip(values).ToDictionary(pair => pair.First, pair => pair.Second);

    /// <summary>Values of the network, with gradients if it is training, from others.</summary>
    protected IReadOnlyList<Tensor> Values(IReadOnlyDictionary<string, Tensor> feeds, params IReadOnlyList<string> wanted) =>
        graph.Run(training, feeds, wanted);

    /// <summary>One value from one other.</summary>
    /// <param name="wanted">The name of the value.</param>
    /// <param name="from">The name of the other.</param>
    /// <param name="value">The other's value.</param>
    /// <param name="training">Whether batch normalisation uses the batch's statistics; null: as the network is.</param>
    protected Tensor Value(string wanted, string from, Tensor value, bool? training = null) =>
        graph.Run(training ?? this.training, new Dictionary<string, Tensor> { [from] = value }, wanted)[0];

    // Looked up by name: moving a module to another device replaces its tensors.
    private Tensor? Find(string name) =>
        trained.Contains(name) ? get_parameter(name)
        : fixedArrays.Contains(name) ? get_buffer(name)
        : null;

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            graph.Dispose();
        base.Dispose(disposing);
    }
}
