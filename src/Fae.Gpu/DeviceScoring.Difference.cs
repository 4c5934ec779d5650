using System.Diagnostics;
using Fae.Core;

namespace Fae.Gpu;

/// <summary>The difference maps D of equation (2) in device memory.</summary>
public sealed partial class DeviceScoring
{
    private void Map(Measure measure, DeviceSpan x, DeviceSpan r, DeviceSpan map, Shape shape)
    {
        switch (measure)
        {
            case Measure.Weighted weighted:
                Sum(weighted.terms, x, r, map, shape);
                break;
            case Measure.Geometric geometric:
                GeometricMean(geometric, map, shape, (measure, part) => Map(measure, x, r, part, shape));
                break;
            case Measure.Smoothed smoothed:
                Map(smoothed.Item3, x, r, map, shape);
                Smooth(map, 1, shape.Height, shape.Width, smoothed.filterSize, smoothed.passes);
                break;
            case { IsMse: true }:
                machine.Launch(nameof(DeviceKernels.Mse), shape.Area, x, r, map, shape.Channels);
                break;
            case { IsRelative: true }:
                machine.Launch(nameof(DeviceKernels.Relative), shape.Area, x, r, map, shape.Channels, Difference.relativeFloor);
                break;
            case { IsSsim: true }:
                Ssim(x, r, map, shape);
                break;
            case Measure.AnomalyMap own:
                Copy(map, shape, r.Slice((shape.Channels + own.number - 1) * shape.Area, shape.Area));
                break;
            case { IsGms: true }:
                Gms(x, r, map, shape, 1);
                break;
            case { IsMultiGms: true }:
                Gms(x, r, map, shape, Difference.scales(shape.Height, shape.Width));
                break;
            default:
                throw new UnreachableException($"unknown measure {measure}");
        }
    }

    /// <summary>The weighted geometric mean of maps, each written by <paramref name="write"/>.</summary>
    private void GeometricMean(Measure.Geometric geometric, DeviceSpan map, Shape shape, Action<Measure, DeviceSpan> write)
    {
        using var part = machine.Rent(DeviceValue.Real, shape.Area);
        machine.Launch(nameof(DeviceKernels.Clear), shape.Area, map);
        foreach (var (weight, measure) in geometric.terms)
        {
            write(measure, part.All);
            machine.Launch(nameof(DeviceKernels.AddLogarithm), shape.Area, part.All, map, weight, Difference.smallest);
        }
        machine.Launch(nameof(DeviceKernels.Exponential), shape.Area, map);
    }

    /// <summary>map ← plane.</summary>
    private void Copy(DeviceSpan map, Shape shape, DeviceSpan plane) =>
        machine.Launch(nameof(DeviceKernels.MeanPlane), shape.Area, plane, map, 1);

    private void Sum(IEnumerable<Tuple<float, Measure>> terms, DeviceSpan x, DeviceSpan r, DeviceSpan map, Shape shape)
    {
        using var sum = machine.Rent(DeviceValue.Real, shape.Area);
        machine.Launch(nameof(DeviceKernels.Clear), shape.Area, sum.All);
        foreach (var (weight, measure) in terms)
        {
            Map(measure, x, r, map, shape);
            machine.Launch(nameof(DeviceKernels.AddWeighted), shape.Area, map, sum.All, weight);
        }
        Copy(map, shape, sum.All);
    }

    private void Ssim(DeviceSpan x, DeviceSpan r, DeviceSpan map, Shape shape)
    {
        var volume = shape.Channels * shape.Area;
        using var buffers = machine.Rent(DeviceValue.Real, 7 * volume);
        DeviceSpan Part(int i) => buffers.All.Slice(i * volume, volume);
        var (between, products) = (Part(5), Part(6));
        Mean(x, Part(0), between, shape, Difference.ssimWindow);
        Mean(r, Part(1), between, shape, Difference.ssimWindow);
        MeanOfProduct(x, x, Part(2));
        MeanOfProduct(r, r, Part(3));
        MeanOfProduct(x, r, Part(4));
        machine.Launch(
            nameof(DeviceKernels.Ssim),
            shape.Area,
            buffers.All.Slice(0, 5 * volume),
            map,
            shape.Channels,
            Difference.ssimC1,
            Difference.ssimC2
        );

        void MeanOfProduct(DeviceSpan a, DeviceSpan b, DeviceSpan mean)
        {
            machine.Launch(nameof(DeviceKernels.Product), volume, a, b, products);
            Mean(products, mean, between, shape, Difference.ssimWindow);
        }
    }

    /// <summary>The mean over the scales, each half of the one before.</summary>
    private void Gms(DeviceSpan x, DeviceSpan r, DeviceSpan map, Shape shape, int scales)
    {
        using var planes = machine.Rent(DeviceValue.Real, 6 * shape.Area);
        DeviceSpan Part(int i, int length) => planes.All.Slice(i * shape.Area, length);
        var (a, b, sum) = (Part(0, shape.Area), Part(1, shape.Area), Part(5, shape.Area));
        machine.Launch(nameof(DeviceKernels.MeanPlane), shape.Area, x, a, shape.Channels);
        machine.Launch(nameof(DeviceKernels.MeanPlane), shape.Area, r, b, shape.Channels);
        machine.Launch(nameof(DeviceKernels.Clear), shape.Area, sum);
        for (var scale = 0; scale < scales; scale++)
        {
            var (height, width) = (shape.Height >> scale, shape.Width >> scale);
            var at = Part(4, height * width);
            machine.Launch(nameof(DeviceKernels.Gms), height * width, a, b, at, height, width, Difference.gmsConstant);
            machine.Launch(nameof(DeviceKernels.AddSpread), shape.Area, at, sum, shape.Height, shape.Width, scale, 1f / scales);
            if (scale + 1 == scales)
                break;
            // To and fro between two places: a plane is not halved into itself.
            var (halfA, halfB) = scale % 2 == 0 ? (2, 3) : (0, 1);
            var area = (height / 2) * (width / 2);
            machine.Launch(nameof(DeviceKernels.Halve), area, a, Part(halfA, area), width);
            machine.Launch(nameof(DeviceKernels.Halve), area, b, Part(halfB, area), width);
            (a, b) = (Part(halfA, area), Part(halfB, area));
        }
        Copy(map, shape, sum);
    }
}
