using ILGPU;

namespace Fae.Gpu;

/// <summary>The mask of an occlusion at one pixel, as <c>Fae.Core.Shape</c>.</summary>
internal static partial class SampleKernels
{
    /// <summary>m of an occlusion's shape at a place in pixels; <paramref name="body"/> is where the shape's own numbers begin.</summary>
    private static float Cover(ArrayView<int> code, int body, OcclusionCode occlusion, int side, float x, float y)
    {
        if (x < occlusion.MinX || y < occlusion.MinY || x > occlusion.MaxX || y > occlusion.MaxY)
            return 0f;
        var dx = (x - occlusion.Pose.X) / side;
        var dy = (y - occlusion.Pose.Y) / side;
        var u = occlusion.Pose.A * dx + occlusion.Pose.B * dy;
        var v = occlusion.Pose.C * dx + occlusion.Pose.D * dy;
        float depth;
        if (occlusion.Shape == Ellipse)
            depth = InEllipse(code, body, occlusion.Count, u, v);
        else if (occlusion.Shape == Curve)
            depth = InCurve(code, body, occlusion.Count, u, v);
        else if (occlusion.Shape == Box)
            depth = InBox(code.Read<HalfSizes>(body), u, v);
        else if (occlusion.Shape == Cells)
            depth = InCells(code.Read<CellsCode>(body), occlusion.Count, u, v);
        else
            depth = InCloud(code.Read<CloudCode>(body), u, v);
        return Unit(0.5f + depth * side / occlusion.Ramp);
    }

    private static float InBox(HalfSizes box, float u, float v) =>
        IntrinsicMath.Min(box.X - IntrinsicMath.Abs(u), box.Y - IntrinsicMath.Abs(v));

    private static float InCloud(CloudCode cloud, float u, float v) =>
        0.5f * cloud.Scale * (ValueNoise(Word(cloud.Key), u / cloud.Scale, v / cloud.Scale) - cloud.Level);

    private static float InEllipse(ArrayView<int> code, int body, int waves, float u, float v)
    {
        var radius = code.Read<HalfSizes>(body);
        var pushedU = u;
        var pushedV = v;
        for (var number = 0; number < waves; number++)
        {
            var wave = code.Read<WaveCode>(body + RecipeLayout.Words<HalfSizes>() + number * RecipeLayout.Words<WaveCode>());
            var swing = Cosine(u * wave.FreqX + v * wave.FreqY + wave.Phase);
            pushedU += swing * wave.PushX;
            pushedV += swing * wave.PushY;
        }
        var a = pushedU / radius.X;
        var b = pushedV / radius.Y;
        var q = MathF.Sqrt(a * a + b * b);
        if (q < 1e-6f)
            return IntrinsicMath.Min(radius.X, radius.Y);
        var gx = a / radius.X;
        var gy = b / radius.Y;
        return (1f - q) * q / MathF.Sqrt(gx * gx + gy * gy);
    }

    /// <summary>The deepest of the strokes between two knots.</summary>
    private static float InCurve(ArrayView<int> code, int body, int knots, float u, float v)
    {
        var deepest = -1e9f;
        for (var number = 1; number < knots; number++)
        {
            var from = code.Read<KnotCode>(body + (number - 1) * RecipeLayout.Words<KnotCode>());
            var to = code.Read<KnotCode>(body + number * RecipeLayout.Words<KnotCode>());
            var ex = to.X - from.X;
            var ey = to.Y - from.Y;
            var fromX = u - from.X;
            var fromY = v - from.Y;
            var length = ex * ex + ey * ey;
            var t = length == 0f ? 0f : Unit((fromX * ex + fromY * ey) / length);
            var dx = fromX - t * ex;
            var dy = fromY - t * ey;
            var width = t * (to.Width - from.Width) + from.Width;
            deepest = IntrinsicMath.Max(deepest, width * 0.5f - MathF.Sqrt(dx * dx + dy * dy));
        }
        return deepest;
    }

    private static float InCells(CellsCode cells, int count, float u, float v)
    {
        var x = (u + 0.5f) * count;
        var y = (v + 0.5f) * count;
        var column = (int)MathF.Floor(x);
        var row = (int)MathF.Floor(y);
        var inside = Chosen(cells, column, row);
        var s = x - MathF.Floor(x);
        var t = y - MathF.Floor(y);
        var nearest = 1f;
        if (Chosen(cells, column - 1, row) != inside)
            nearest = IntrinsicMath.Min(nearest, s);
        if (Chosen(cells, column + 1, row) != inside)
            nearest = IntrinsicMath.Min(nearest, 1f - s);
        if (Chosen(cells, column, row - 1) != inside)
            nearest = IntrinsicMath.Min(nearest, t);
        if (Chosen(cells, column, row + 1) != inside)
            nearest = IntrinsicMath.Min(nearest, 1f - t);
        return (inside != 0 ? nearest : -nearest) / count;
    }

    /// <summary>1 if the cell is in the set.</summary>
    private static int Chosen(CellsCode cells, int column, int row) =>
        (int)(Hash(Word(cells.Key), Both(column, row)) % (ulong)cells.Sets) == cells.Which ? 1 : 0;
}
