using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Fae.Training;

/// <summary>
/// A convolution with "same" padding in the data type of its input. Weights stay 32-bit floats and are cast in the call, so that their
/// gradients are 32-bit floats (TorchSharp has no autocast). The parameter names are those of torch's module.
/// </summary>
internal sealed class Conv : Module<Tensor, Tensor>
{
    private const string Weight = "weight";
    private const string Bias = "bias";
    private readonly long dilation;
    private readonly long padding;
    private readonly bool biased;

    public Conv(long from, long to, long side, long dilation = 1, bool bias = true)
        : base(nameof(Conv))
    {
        this.dilation = dilation;
        biased = bias;
        padding = side / 2 * dilation;
        register_parameter(Weight, new Parameter(zeros(to, from, side, side)));
        if (bias)
            register_parameter(Bias, new Parameter(zeros(to)));
    }

    // Looked up by name: moving a module to another device replaces its tensors.
    public override Tensor forward(Tensor input) =>
        functional.conv2d(
            input,
            Like(input, get_parameter(Weight)!),
            biased ? Like(input, get_parameter(Bias)!) : null,
            padding: [padding, padding],
            dilation: [dilation, dilation]
        );

    private static Tensor Like(Tensor input, Tensor array) => array.dtype == input.dtype ? array : array.to_type(input.dtype);
}
