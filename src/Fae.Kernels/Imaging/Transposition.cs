using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Fae.Kernels;

/// <summary>Rows become columns.</summary>
internal static class Transpose
{
    private const int Block = 8;

    /// <summary>
    /// Writes source[y, x] of <paramref name="rows"/> × <paramref name="columns"/> to destination[x, y]; strides in values.
    /// </summary>
    public static void Apply(
        ReadOnlySpan<float> source,
        int sourceStride,
        int rows,
        int columns,
        Span<float> destination,
        int destinationStride
    )
    {
        var (wholeRows, wholeColumns) = Avx.IsSupported ? (rows / Block * Block, columns / Block * Block) : (0, 0);
        for (var y = 0; y < wholeRows; y += Block)
        for (var x = 0; x < wholeColumns; x += Block)
            Eight(source[(y * sourceStride + x)..], sourceStride, destination[(x * destinationStride + y)..], destinationStride);
        for (var y = 0; y < rows; y++)
        for (var x = y < wholeRows ? wholeColumns : 0; x < columns; x++)
            destination[x * destinationStride + y] = source[y * sourceStride + x];
    }

    /// <summary>8×8 values in registers: pairs, then fours, then halves change places.</summary>
    private static void Eight(ReadOnlySpan<float> source, int sourceStride, Span<float> destination, int destinationStride)
    {
        ref var from = ref MemoryMarshal.GetReference(source.Slice(0, 7 * sourceStride + Block));
        ref var to = ref MemoryMarshal.GetReference(destination.Slice(0, 7 * destinationStride + Block));
        var s = (nuint)sourceStride;
        var d = (nuint)destinationStride;
        var r0 = Vector256.LoadUnsafe(ref from);
        var r1 = Vector256.LoadUnsafe(ref from, s);
        var r2 = Vector256.LoadUnsafe(ref from, 2 * s);
        var r3 = Vector256.LoadUnsafe(ref from, 3 * s);
        var r4 = Vector256.LoadUnsafe(ref from, 4 * s);
        var r5 = Vector256.LoadUnsafe(ref from, 5 * s);
        var r6 = Vector256.LoadUnsafe(ref from, 6 * s);
        var r7 = Vector256.LoadUnsafe(ref from, 7 * s);

        var p0 = Avx.UnpackLow(r0, r1);
        var p1 = Avx.UnpackHigh(r0, r1);
        var p2 = Avx.UnpackLow(r2, r3);
        var p3 = Avx.UnpackHigh(r2, r3);
        var p4 = Avx.UnpackLow(r4, r5);
        var p5 = Avx.UnpackHigh(r4, r5);
        var p6 = Avx.UnpackLow(r6, r7);
        var p7 = Avx.UnpackHigh(r6, r7);

        var q0 = Avx.Shuffle(p0, p2, 0b01_00_01_00);
        var q1 = Avx.Shuffle(p0, p2, 0b11_10_11_10);
        var q2 = Avx.Shuffle(p1, p3, 0b01_00_01_00);
        var q3 = Avx.Shuffle(p1, p3, 0b11_10_11_10);
        var q4 = Avx.Shuffle(p4, p6, 0b01_00_01_00);
        var q5 = Avx.Shuffle(p4, p6, 0b11_10_11_10);
        var q6 = Avx.Shuffle(p5, p7, 0b01_00_01_00);
        var q7 = Avx.Shuffle(p5, p7, 0b11_10_11_10);

        Avx.Permute2x128(q0, q4, 0x20).StoreUnsafe(ref to);
        Avx.Permute2x128(q1, q5, 0x20).StoreUnsafe(ref to, d);
        Avx.Permute2x128(q2, q6, 0x20).StoreUnsafe(ref to, 2 * d);
        Avx.Permute2x128(q3, q7, 0x20).StoreUnsafe(ref to, 3 * d);
        Avx.Permute2x128(q0, q4, 0x31).StoreUnsafe(ref to, 4 * d);
        Avx.Permute2x128(q1, q5, 0x31).StoreUnsafe(ref to, 5 * d);
        Avx.Permute2x128(q2, q6, 0x31).StoreUnsafe(ref to, 6 * d);
        Avx.Permute2x128(q3, q7, 0x31).StoreUnsafe(ref to, 7 * d);
    }
}
