using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using ILGPU;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.PTX;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;

namespace Fae.Gpu;

/// <summary>
/// A kernel as PTX: its name in C#, the entry point, the bytes of each parameter (a span is an address and a length; an indexed kernel
/// has its extent before them), the bytes of one value of those that are spans and 0 of the others, and the text.
/// </summary>
public sealed record PtxKernel(string Name, string Entry, IReadOnlyList<int> ParameterBytes, IReadOnlyList<int> ElementBytes, string Text);

/// <summary>The kernels as PTX, made without a GPU and without a CUDA toolkit.</summary>
public static partial class PtxKernels
{
    /// <summary>
    /// All kernels for an architecture: 7.0 (Volta), 8.0 (Ampere), 9.0 (Hopper). A GPU runs the PTX of every architecture before its own.
    /// </summary>
    /// <exception cref="NotSupportedException">There is no PTX for it.</exception>
    public static IReadOnlyList<PtxKernel> Compile(int major, int minor)
    {
        // The oldest instruction set that knows the architecture: drivers accept all older ones.
        var (architecture, instructions) = (major, minor) switch
        {
            (>= 9, _) => (CudaArchitecture.SM_90, CudaInstructionSet.ISA_78),
            (8, _) => (CudaArchitecture.SM_80, CudaInstructionSet.ISA_70),
            (7, _) => (CudaArchitecture.SM_70, CudaInstructionSet.ISA_60),
            _ => throw new NotSupportedException($"GPUs of compute capability {major}.{minor} are too old: 7.0 is the least"),
        };
        using var context = Context.Create(builder => builder.Optimize(OptimizationLevel.O2));
        using var backend = new PTXBackend(context, new CudaCapabilityContext(architecture), architecture, instructions, null);
        return DeviceMachine
            .Kernels.OrderBy(pair => pair.Key, StringComparer.Ordinal)
            .Select(pair => Compile(backend, pair.Key, pair.Value))
            .ToList();
    }

    private static PtxKernel Compile(PTXBackend backend, string name, MethodInfo method)
    {
        var entry = DeviceMachine.IsIndexed(method)
            ? EntryPointDescription.FromImplicitlyGroupedKernel(method)
            : EntryPointDescription.FromExplicitlyGroupedKernel(method);
        // ILGPU writes no target after 8.0, whose PTX is that of 9.0 too.
        var text = Target()
            .Replace(
                ((PTXCompiledKernel)backend.Compile(entry, KernelSpecialization.Empty)).PTXAssembly,
                ".target " + backend.Architecture.ToString().ToLowerInvariant()
            );
        var head = Head().Match(text);
        if (!head.Success)
            throw new InvalidOperationException($"the PTX of {name} has no entry point");
        return new PtxKernel(
            name,
            head.Groups["name"].Value,
            Parameter().Matches(head.Groups["parameters"].Value).Select(Bytes).ToList(),
            method.GetParameters().Select(ElementBytes).ToList(),
            text
        );
    }

    private static int ElementBytes(ParameterInfo parameter) =>
        parameter.ParameterType.IsGenericType ? Marshal.SizeOf(parameter.ParameterType.GetGenericArguments()[0]) : 0;

    private static int Bytes(Match parameter)
    {
        var each = int.Parse(parameter.Groups["bits"].Value, CultureInfo.InvariantCulture) / 8;
        return parameter.Groups["count"] is { Success: true, Value: var count }
            ? each * int.Parse(count, CultureInfo.InvariantCulture)
            : each;
    }

    [GeneratedRegex(@"\.target\s+sm_\d+")]
    private static partial Regex Target();

    [GeneratedRegex(@"\.visible\s+\.entry\s+(?<name>\w+)\s*\((?<parameters>[^)]*)\)")]
    private static partial Regex Head();

    [GeneratedRegex(@"\.param\s+(\.align\s+\d+\s+)?\.[bfus](?<bits>\d+)\s+\w+(\[(?<count>\d+)\])?")]
    private static partial Regex Parameter();
}
