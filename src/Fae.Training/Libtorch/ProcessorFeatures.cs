using System.Runtime.Intrinsics.X86;

namespace Fae.Training;

/// <summary>What this machine's processor computes in hardware.</summary>
public static class ProcessorFeatures
{
    private const int Features = 7;
    private const int Avx512BFloat16 = 1 << 5;
    private const int AmxBFloat16 = 1 << 22;

    /// <summary>
    /// Whether torch trains faster on it with bfloat16: it has AVX-512 instructions for bfloat16 (Zen 4 and 5, Cooper Lake). Processors
    /// with AMX are left out: a thread that has used it has no room for its registers on .NET's signal stack.
    /// </summary>
    public static bool TrainsInBFloat16 { get; } =
        Avx512F.IsSupported
        && X86Base.CpuId(0, 0).Eax >= Features
        && X86Base.CpuId(Features, 0).Eax >= 1
        && (X86Base.CpuId(Features, 1).Eax & Avx512BFloat16) != 0
        && (X86Base.CpuId(Features, 0).Edx & AmxBFloat16) == 0;
}
