using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using ILGPU;

namespace Fae.Gpu;

// The layout of encoded recipes in a buffer of 32-bit words. RecipeEncoder writes it and SampleKernels reads it. After the offset of each
// sample come the samples: SampleCode, then for each occlusion OcclusionCode, its shape, FillCode and its fill. Lengths are in pixels if
// nothing else is said.

/// <summary>Access to the structs of a recipe in its words.</summary>
internal static class RecipeLayout
{
    /// <summary>How many words a struct has.</summary>
    public static int Words<T>()
        where T : unmanaged => Interop.SizeOf<T>() / sizeof(int);

    /// <summary>The struct at a word.</summary>
    public static T Read<T>(this ArrayView<int> code, int at)
        where T : unmanaged => Unsafe.As<int, T>(ref code[at]);
}

/// <summary>A key of the random generator. It has two words, so that a struct that holds it needs no padding.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct KeyCode(ulong key)
{
    public int Low = (int)(uint)key,
        High = (int)(uint)(key >> 32);
}

/// <summary>
/// A window of a picture of the atlas: its first value, strides, the side of its neighbourhood, its corner there, and how it is moved
/// (unless it is pixel-exact) and its brightness changed. <c>IgnoredPlane</c> is −1 without an ignore mask.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal struct SampleCode
{
    public int Plane,
        PlaneStride,
        RowStride,
        ColumnStride,
        Context,
        Top,
        Left,
        IsPixelExact;
    public float Cosine,
        Sine,
        ShiftX,
        ShiftY,
        Gain,
        Offset;
    public int IgnoredPlane;
    public float Sigma;
    public KeyCode NoiseKey;
    public int Occlusions;
}

/// <summary>A position and the matrix from pixels to the unit frame of a shape or a texture.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct PoseCode
{
    public float X,
        Y,
        A,
        B,
        C,
        D;
}

/// <summary>
/// An occlusion: the words up to the next one, where its fill begins, and its shape. <c>Count</c> is the number of an ellipse's waves, of a
/// curve's knots, or of the cells of a row.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal struct OcclusionCode
{
    public int Length,
        Fill;
    public float Opacity,
        Ramp;
    public PoseCode Pose;
    public float MinX,
        MinY,
        MaxX,
        MaxY;
    public int Shape,
        Count;
}

/// <summary>Half axes of an ellipse, half sides of a box; waves follow an ellipse.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct HalfSizes(float x, float y)
{
    public float X = x,
        Y = y;
}

/// <summary>A wave that deforms an ellipse; the phase is in turns.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct WaveCode
{
    public float FreqX,
        FreqY,
        Phase,
        PushX,
        PushY;
}

/// <summary>A knot of a curve.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct KnotCode(float x, float y, float width)
{
    public float X = x,
        Y = y,
        Width = width;
}

/// <summary>The cells of one of several random sets.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct CellsCode(int sets, int which, ulong key)
{
    public int Sets = sets,
        Which = which;
    public KeyCode Key = new(key);
}

/// <summary>Value noise above a level.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct CloudCode(float scale, float level, ulong key)
{
    public float Scale = scale,
        Level = level;
    public KeyCode Key = new(key);
}

/// <summary>The kind of a fill and a number: how many colours, or which pattern.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct FillCode(int kind, int detail)
{
    public int Kind = kind,
        Detail = detail;
}

/// <summary>A change of brightness.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ShadeCode(float gain, float bias)
{
    public float Gain = gain,
        Bias = bias;
}

/// <summary>A texture; its low colours and its high ones follow.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct TextureCode
{
    public PoseCode Pose;
    public float Scale;
    public KeyCode Key;
    public int Lows,
        Highs;
}

/// <summary>A patch of the sample itself, shifted.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct OwnPatchCode
{
    public int ShiftX,
        ShiftY;
    public ShadeCode Shade;
}

/// <summary>A patch of another picture of the atlas; <c>Zoom</c> is its pixels per unit of the pose.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct PatchCode
{
    public PoseCode Pose;
    public float Zoom;
    public ShadeCode Shade;
    public int Plane,
        Height,
        Width,
        Channels;
}
