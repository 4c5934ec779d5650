using System.Buffers;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Fae.Core;

namespace Fae.Kernels;

/// <summary>
/// A shape on pixels: <c>Fae.Core.Shape.render</c>, sixteen pixels at a time, to float rounding. Lives in a rented buffer until it is
/// disposed; remembers in each row where the mask is not zero, so that a thin curve costs what it covers and not what its box covers.
/// </summary>
internal sealed class ShapeMask : IDisposable
{
    private const int Lanes = 16;
    private readonly float[] values;
    private readonly int[] first;
    private readonly int[] last;
    private readonly int columns;
    private readonly int stride;
    private readonly Pose pose;
    private readonly float side;
    private readonly float ramp;
    private readonly float centreX;
    private readonly float centreY;

    public ShapeMask(Shape shape, float softness, int height, int width)
    {
        side = Math.Min(height, width);
        pose = ShapeModule.pose(shape);
        ramp = Math.Max(1f, softness * side);
        centreX = pose.X * width;
        centreY = pose.Y * height;
        var margin = ShapeModule.reach(shape) * side + 0.5f * ramp + 1f;
        Left = Math.Max(0, Floor(centreX - margin));
        Top = Math.Max(0, Floor(centreY - margin));
        columns = Math.Max(0, Math.Min(width, Ceiling(centreX + margin)) - Left);
        Rows = Math.Max(0, Math.Min(height, Ceiling(centreY + margin)) - Top);

        // Whole vectors may be written past the last column.
        stride = columns + Lanes;
        values = ArrayPool<float>.Shared.Rent(Rows * stride + Lanes);
        first = ArrayPool<int>.Shared.Rent(Rows + 1);
        last = ArrayPool<int>.Shared.Rent(Rows + 1);
        Array.Clear(values, 0, Rows * stride);
        Array.Fill(first, columns, 0, Rows);
        Array.Clear(last, 0, Rows);

        switch (shape)
        {
            case Shape.Ellipse ellipse:
                RaiseAll(new EllipseDepth(ellipse.radiusX, ellipse.radiusY, ellipse.waves));
                break;
            case Shape.Curve curve:
                for (var i = 1; i < curve.knots.Length; i++)
                    RaiseStroke(curve.knots[i - 1], curve.knots[i]);
                break;
            case Shape.Box box:
                RaiseAll(new BoxDepth(box.halfX, box.halfY));
                break;
            case Shape.Cells cells:
                RaiseAll(new CellsDepth(cells));
                break;
            case Shape.Cloud cloud:
                RaiseAll(new CloudDepth(cloud));
                break;
            default:
                throw new UnreachableException($"unknown shape {shape}");
        }
    }

    /// <summary>Signed distance inside the outline, in shorter sides, at sixteen local points.</summary>
    private interface IDepth
    {
        Vector512<float> At(Vector512<float> u, Vector512<float> v);
    }

    public int Left { get; }

    public int Top { get; }

    public int Rows { get; }

    /// <summary>The part of a row that is not zero: where it begins, counted from <see cref="Left"/>, and its values.</summary>
    public ReadOnlySpan<float> Row(int row, out int start)
    {
        start = first[row];
        return values.AsSpan(row * stride + start, Math.Max(0, Math.Min(columns, last[row]) - start));
    }

    public void Dispose()
    {
        ArrayPool<float>.Shared.Return(values);
        ArrayPool<int>.Shared.Return(first);
        ArrayPool<int>.Shared.Return(last);
    }

    // Clamped, so that coordinates far outside of the picture do not overflow.
    private static int Floor(float v) => (int)Math.Clamp(MathF.Floor(v), -1e9f, 1e9f);

    private static int Ceiling(float v) => (int)Math.Clamp(MathF.Ceiling(v), -1e9f, 1e9f);

    /// <summary>The stroke's own rectangle: local axes are orthogonal, so the inverse of the pose is its transpose.</summary>
    private void RaiseStroke(Knot p, Knot q)
    {
        var px = centreX + side * (pose.A * p.AtX + pose.C * p.AtY);
        var py = centreY + side * (pose.B * p.AtX + pose.D * p.AtY);
        var qx = centreX + side * (pose.A * q.AtX + pose.C * q.AtY);
        var qy = centreY + side * (pose.B * q.AtX + pose.D * q.AtY);
        var pad = 0.5f * side * Math.Max(p.Width, q.Width) + 0.5f * ramp + 1f;
        Raise(
            new StrokeDepth(p, q),
            Floor(Math.Min(px, qx) - pad) - Left,
            Floor(Math.Min(py, qy) - pad) - Top,
            Ceiling(Math.Max(px, qx) + pad) - Left,
            Ceiling(Math.Max(py, qy) + pad) - Top
        );
    }

    private void RaiseAll<TDepth>(TDepth depth)
        where TDepth : struct, IDepth => Raise(depth, 0, 0, columns, Rows);

    /// <summary>Raises the mask inside a rectangle of the box to m = ½ + depth · side / ramp, cut to [0, 1].</summary>
    private void Raise<TDepth>(TDepth depth, int x0, int y0, int x1, int y1)
        where TDepth : struct, IDepth
    {
        x0 = Math.Max(0, x0);
        x1 = Math.Min(columns, x1);
        var half = Vector512.Create(0.5f);
        var lanes = Vector512<float>.Indices + half;
        var (a, b, c, d) = (pose.A, pose.B, pose.C, pose.D);
        for (var y = Math.Max(0, y0); y < Math.Min(Rows, y1); y++)
        {
            var dy = (Top + y + 0.5f - centreY) / side;
            for (var x = x0; x < x1; x += Lanes)
            {
                var dx = (lanes + Vector512.Create((float)(Left + x)) - Vector512.Create(centreX)) / side;
                var at = depth.At(dx * a + Vector512.Create(b * dy), dx * c + Vector512.Create(d * dy));
                var m = Vector512.Max(Vector512<float>.Zero, Vector512.Min(Vector512<float>.One, half + at * side / ramp));
                if (m == Vector512<float>.Zero)
                    continue;
                ref var to = ref MemoryMarshal.GetReference(values.AsSpan(y * stride + x, Lanes));
                Vector512.Max(m, Vector512.LoadUnsafe(ref to)).StoreUnsafe(ref to);
                first[y] = Math.Min(first[y], x);
                last[y] = Math.Max(last[y], x + Lanes);
            }
        }
    }

    private readonly struct EllipseDepth(float radiusX, float radiusY, Wave[] waves) : IDepth
    {
        public Vector512<float> At(Vector512<float> u, Vector512<float> v)
        {
            var (pushedU, pushedV) = (Vector512<float>.Zero, Vector512<float>.Zero);
            foreach (var wave in waves)
            {
                var swing = Vector512.Cos((u * wave.FreqX + v * wave.FreqY) * (2f * MathF.PI) + Vector512.Create(wave.Phase));
                pushedU += swing * wave.PushX;
                pushedV += swing * wave.PushY;
            }
            var a = (u + pushedU) / radiusX;
            var b = (v + pushedV) / radiusY;
            var q = Vector512.Sqrt(a * a + b * b);
            var gx = a / radiusX;
            var gy = b / radiusY;
            var depth = (Vector512<float>.One - q) * q / Vector512.Sqrt(gx * gx + gy * gy);
            return Vector512.ConditionalSelect(
                Vector512.LessThan(q, Vector512.Create(1e-6f)),
                Vector512.Create(Math.Min(radiusX, radiusY)),
                depth
            );
        }
    }

    private readonly struct BoxDepth(float halfX, float halfY) : IDepth
    {
        public Vector512<float> At(Vector512<float> u, Vector512<float> v) =>
            Vector512.Min(Vector512.Create(halfX) - Vector512.Abs(u), Vector512.Create(halfY) - Vector512.Abs(v));
    }

    private readonly struct CloudDepth(Shape.Cloud cloud) : IDepth
    {
        public Vector512<float> At(Vector512<float> u, Vector512<float> v) =>
            (FillKernel.ValueNoise(cloud.key, u / cloud.scale, v / cloud.scale) - Vector512.Create(cloud.level)) * (0.5f * cloud.scale);
    }

    /// <summary>Cells are hashed one by one: there is nothing to vectorise.</summary>
    private readonly struct CellsDepth(Shape.Cells cells) : IDepth
    {
        public Vector512<float> At(Vector512<float> u, Vector512<float> v)
        {
            Span<float> depths = stackalloc float[Lanes];
            for (var lane = 0; lane < Lanes; lane++)
                depths[lane] = Geometry.cellsDepth(cells.count, cells.sets, cells.which, cells.key, u[lane], v[lane]);
            return Vector512.Create<float>(depths);
        }
    }

    private readonly struct StrokeDepth(Knot p, Knot q) : IDepth
    {
        public Vector512<float> At(Vector512<float> u, Vector512<float> v)
        {
            var (ex, ey) = (q.AtX - p.AtX, q.AtY - p.AtY);
            var length = ex * ex + ey * ey;
            var fromX = u - Vector512.Create(p.AtX);
            var fromY = v - Vector512.Create(p.AtY);
            var t =
                length == 0
                    ? Vector512<float>.Zero
                    : Vector512.Max(Vector512<float>.Zero, Vector512.Min(Vector512<float>.One, (fromX * ex + fromY * ey) / length));
            var dx = fromX - t * ex;
            var dy = fromY - t * ey;
            return (t * (q.Width - p.Width) + Vector512.Create(p.Width)) * 0.5f - Vector512.Sqrt(dx * dx + dy * dy);
        }
    }
}
