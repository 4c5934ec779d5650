namespace Fae.Gpu;

/// <summary>
/// GPU kernels in C#, which ILGPU compiles to PTX. An image is a sequence of planes. A kernel's index is a column, a pixel or a lane; the
/// mean filter and the reductions use groups with shared memory. The kernels equal <c>Fae.Core</c>, and the specification tests them.
/// </summary>
internal static partial class DeviceKernels
{
    /// <summary>Threads of a group that adds up or counts: one for each value of a digit.</summary>
    public const int Reducing = 256;

    /// <summary>Groups that add up or count together at most, and values that a thread takes before there is another group.</summary>
    public const int MostGroups = 1024,
        ValuesPerThread = 8;
}
