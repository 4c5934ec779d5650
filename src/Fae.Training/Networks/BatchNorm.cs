using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Fae.Training;

/// <summary>
/// Batch normalisation of (N, C, H, W) over N, H and W (Ioffe and Szegedy 2015), with the parameter names of torch's module but
/// without its batch counter, because TorchSharp increments it with an unsafe operator (see <see cref="Arithmetic"/>).
/// </summary>
internal sealed class BatchNorm : Module<Tensor, Tensor>
{
    private const double Momentum = 0.1;
    private const double Epsilon = 1e-5;
    private const string Weight = "weight";
    private const string Bias = "bias";
    private const string RunningMean = "running_mean";
    private const string RunningVariance = "running_var";

    public BatchNorm(long channels)
        : base(nameof(BatchNorm))
    {
        register_parameter(Weight, new Parameter(ones(channels)));
        register_parameter(Bias, new Parameter(zeros(channels)));
        register_buffer(RunningMean, zeros(channels));
        register_buffer(RunningVariance, ones(channels));
    }

    // Looked up by name: moving a module to another device replaces its tensors.
    public override Tensor forward(Tensor input) =>
        functional.batch_norm(
            input,
            get_buffer(RunningMean)!,
            get_buffer(RunningVariance)!,
            get_parameter(Weight)!,
            get_parameter(Bias)!,
            training,
            Momentum,
            Epsilon
        );
}
