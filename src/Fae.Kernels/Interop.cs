using Microsoft.FSharp.Core;

namespace Fae.Kernels;

/// <summary>F# options for C#.</summary>
public static class Interop
{
    /// <summary>None for null.</summary>
    public static FSharpOption<T>? ToOption<T>(this T? value)
        where T : class => value is null ? null : FSharpOption<T>.Some(value);
}
