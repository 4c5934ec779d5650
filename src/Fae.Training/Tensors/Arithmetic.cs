using TorchSharp;
using static TorchSharp.torch;

namespace Fae.Training;

/// <summary>
/// Arithmetic with scalars that stay alive during the call. TorchSharp's operators create Scalar objects with finalizers (also the hidden
/// alpha of a + b) and pass only the handle. A garbage collection during the call can free the scalar; training then fails with "Expected
/// false to be true" (Scalar.h; TorchSharp pull requests 1434 and 1496). Fae.Training uses these methods instead of the operators.
/// </summary>
internal static class Arithmetic
{
    private static readonly Scalar One = 1.ToScalar();

    public static Tensor Plus(this Tensor a, Tensor b) => a.add(b, One);

    public static Tensor Minus(this Tensor a, Tensor b) => a.sub(b);

    public static Tensor Squared(this Tensor a) => a.mul(a);

    public static Tensor Plus(this Tensor a, double b)
    {
        using var scalar = b.ToScalar();
        return a.add(scalar, One);
    }

    public static Tensor Times(this Tensor a, double b)
    {
        using var scalar = b.ToScalar();
        return a.mul(scalar);
    }

    public static Tensor AtLeast(this Tensor a, double b)
    {
        using var scalar = b.ToScalar();
        return a.clamp_min(scalar);
    }

    /// <summary>1 where a is not negative, 0 elsewhere.</summary>
    public static Tensor NotNegative(this Tensor a)
    {
        using var zero = 0.ToScalar();
        return a.ge(zero).to_type(ScalarType.Float32);
    }

    /// <summary>Clamped to [−b, b].</summary>
    public static Tensor Within(this Tensor a, double b)
    {
        using var low = (-b).ToScalar();
        using var high = b.ToScalar();
        return a.clamp(low, high);
    }

    /// <summary>1 where a is greater, 0 elsewhere.</summary>
    public static Tensor Above(this Tensor a, double b)
    {
        using var scalar = b.ToScalar();
        return a.gt(scalar).to_type(ScalarType.Float32);
    }

    public static Tensor TimesInPlace(this Tensor a, double b)
    {
        using var scalar = b.ToScalar();
        return a.mul_(scalar);
    }

    public static Tensor PlusInPlace(this Tensor a, double b)
    {
        using var scalar = b.ToScalar();
        return a.add_(scalar, One);
    }

    /// <summary>a += factor·b.</summary>
    public static Tensor PlusInPlace(this Tensor a, Tensor b, double factor)
    {
        using var scalar = factor.ToScalar();
        return a.add_(b, scalar);
    }

    /// <summary>a += factor·b·c.</summary>
    public static Tensor PlusProductInPlace(this Tensor a, Tensor b, Tensor c, double factor)
    {
        using var scalar = factor.ToScalar();
        return a.addcmul_(b, c, scalar);
    }

    /// <summary>a += factor·b/c.</summary>
    public static Tensor PlusQuotientInPlace(this Tensor a, Tensor b, Tensor c, double factor)
    {
        using var scalar = factor.ToScalar();
        return a.addcdiv_(b, c, scalar);
    }
}
