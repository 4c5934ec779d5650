using ILGPU;

namespace Fae.Gpu;

/// <summary>The mask of an occlusion at one pixel, as <c>Fae.Core.Shape</c>.</summary>
internal static partial class SampleKernels
{
    /// <summary>m of an occlusion's shape at a place in pixels.</summary>
    private static float Cover(ArrayView<int> code, int at, int side, float x, float y)
    {
        if (
            x < Real(code, at + Bounds)
            || y < Real(code, at + Bounds + 1)
            || x > Real(code, at + Bounds + 2)
            || y > Real(code, at + Bounds + 3)
        )
            return 0f;
        var dx = (x - Real(code, at + Centre)) / side;
        var dy = (y - Real(code, at + Centre + 1)) / side;
        var u = Real(code, at + 6) * dx + Real(code, at + 7) * dy;
        var v = Real(code, at + 8) * dx + Real(code, at + 9) * dy;
        var kind = code[at + Kind];
        float depth;
        if (kind == Ellipse)
            depth = InEllipse(code, at, u, v);
        else if (kind == Curve)
            depth = InCurve(code, at, u, v);
        else if (kind == Box)
            depth = IntrinsicMath.Min(Real(code, at + Body) - IntrinsicMath.Abs(u), Real(code, at + Body + 1) - IntrinsicMath.Abs(v));
        else if (kind == Cells)
            depth = InCells(code, at, u, v);
        else
        {
            var scale = Real(code, at + Body);
            depth = 0.5f * scale * (ValueNoise(Word(code, at + Body + 2), u / scale, v / scale) - Real(code, at + Body + 1));
        }
        return Unit(0.5f + depth * side / Real(code, at + 3));
    }

    private static float InEllipse(ArrayView<int> code, int at, float u, float v)
    {
        var pushedU = u;
        var pushedV = v;
        for (var wave = 0; wave < code[at + Kind + 1]; wave++)
        {
            var of = at + Body + 2 + 5 * wave;
            var swing = Cosine(u * Real(code, of) + v * Real(code, of + 1) + Real(code, of + 2));
            pushedU += swing * Real(code, of + 3);
            pushedV += swing * Real(code, of + 4);
        }
        var radiusX = Real(code, at + Body);
        var radiusY = Real(code, at + Body + 1);
        var a = pushedU / radiusX;
        var b = pushedV / radiusY;
        var q = MathF.Sqrt(a * a + b * b);
        if (q < 1e-6f)
            return IntrinsicMath.Min(radiusX, radiusY);
        var gx = a / radiusX;
        var gy = b / radiusY;
        return (1f - q) * q / MathF.Sqrt(gx * gx + gy * gy);
    }

    /// <summary>The deepest of the strokes between two knots.</summary>
    private static float InCurve(ArrayView<int> code, int at, float u, float v)
    {
        var deepest = -1e9f;
        for (var knot = 1; knot < code[at + Kind + 1]; knot++)
        {
            var p = at + Body + 3 * (knot - 1);
            var ex = Real(code, p + 3) - Real(code, p);
            var ey = Real(code, p + 4) - Real(code, p + 1);
            var fromX = u - Real(code, p);
            var fromY = v - Real(code, p + 1);
            var length = ex * ex + ey * ey;
            var t = length == 0f ? 0f : Unit((fromX * ex + fromY * ey) / length);
            var dx = fromX - t * ex;
            var dy = fromY - t * ey;
            var width = t * (Real(code, p + 5) - Real(code, p + 2)) + Real(code, p + 2);
            deepest = IntrinsicMath.Max(deepest, width * 0.5f - MathF.Sqrt(dx * dx + dy * dy));
        }
        return deepest;
    }

    private static float InCells(ArrayView<int> code, int at, float u, float v)
    {
        var count = code[at + Kind + 1];
        var x = (u + 0.5f) * count;
        var y = (v + 0.5f) * count;
        var column = (int)MathF.Floor(x);
        var row = (int)MathF.Floor(y);
        var inside = Chosen(code, at, column, row);
        var s = x - MathF.Floor(x);
        var t = y - MathF.Floor(y);
        var nearest = 1f;
        if (Chosen(code, at, column - 1, row) != inside)
            nearest = IntrinsicMath.Min(nearest, s);
        if (Chosen(code, at, column + 1, row) != inside)
            nearest = IntrinsicMath.Min(nearest, 1f - s);
        if (Chosen(code, at, column, row - 1) != inside)
            nearest = IntrinsicMath.Min(nearest, t);
        if (Chosen(code, at, column, row + 1) != inside)
            nearest = IntrinsicMath.Min(nearest, 1f - t);
        return (inside != 0 ? nearest : -nearest) / count;
    }

    /// <summary>1 if the cell is in the set.</summary>
    private static int Chosen(ArrayView<int> code, int at, int column, int row)
    {
        return (int)(Hash(Word(code, at + Body + 2), Both(column, row)) % (ulong)code[at + Body]) == code[at + Body + 1] ? 1 : 0;
    }
}
