using System;
using System.Collections.Generic;
using Fae.Core;
using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;

namespace Fae.Kernels;

/// <summary>
/// Mean filter and difference maps on an ILGPU accelerator. Not for two threads at once. The CPU accelerator is there for tests: it runs the very
/// kernels that a GPU would run, slowly.
/// </summary>
public sealed class DeviceScoring : IDisposable
{
    private readonly Context context;
    private readonly Accelerator accelerator;
    private readonly Action<Index1D, ArrayView<float>, ArrayView<float>, int, int> rows;
    private readonly Action<Index1D, ArrayView<float>, ArrayView<float>, int, int, int> columns;
    private readonly Action<Index1D, ArrayView<float>, ArrayView<float>, ArrayView<float>> product;
    private readonly Action<Index1D, ArrayView<float>, ArrayView<float>, ArrayView<float>, int> mse;
    private readonly Action<Index1D, ArrayView<float>, ArrayView<float>, ArrayView<float>, int, float> relative;
    private readonly Action<Index1D, DeviceKernels.SsimMeans, ArrayView<float>, int, float, float> ssim;
    private readonly Action<Index1D, ArrayView<float>, ArrayView<float>, int> meanPlane;
    private readonly Action<Index1D, ArrayView<float>, ArrayView<float>, ArrayView<float>, int, int, float> gms;
    private readonly Action<Index1D, ArrayView<float>, ArrayView<float>, float> addWeighted;

    private DeviceScoring(Context context, Accelerator accelerator)
    {
        this.context = context;
        this.accelerator = accelerator;
        rows = accelerator.LoadAutoGroupedStreamKernel<Index1D, ArrayView<float>, ArrayView<float>, int, int>(DeviceKernels.MeanOfRows);
        columns = accelerator.LoadAutoGroupedStreamKernel<Index1D, ArrayView<float>, ArrayView<float>, int, int, int>(DeviceKernels.MeanOfColumns);
        product = accelerator.LoadAutoGroupedStreamKernel<Index1D, ArrayView<float>, ArrayView<float>, ArrayView<float>>(DeviceKernels.Product);
        mse = accelerator.LoadAutoGroupedStreamKernel<Index1D, ArrayView<float>, ArrayView<float>, ArrayView<float>, int>(DeviceKernels.Mse);
        relative = accelerator.LoadAutoGroupedStreamKernel<Index1D, ArrayView<float>, ArrayView<float>, ArrayView<float>, int, float>(DeviceKernels.Relative);
        ssim = accelerator.LoadAutoGroupedStreamKernel<Index1D, DeviceKernels.SsimMeans, ArrayView<float>, int, float, float>(DeviceKernels.Ssim);
        meanPlane = accelerator.LoadAutoGroupedStreamKernel<Index1D, ArrayView<float>, ArrayView<float>, int>(DeviceKernels.MeanPlane);
        gms = accelerator.LoadAutoGroupedStreamKernel<Index1D, ArrayView<float>, ArrayView<float>, ArrayView<float>, int, int, float>(DeviceKernels.Gms);
        addWeighted = accelerator.LoadAutoGroupedStreamKernel<Index1D, ArrayView<float>, ArrayView<float>, float>(DeviceKernels.AddWeighted);
    }

    /// <summary>On ILGPU's CPU accelerator.</summary>
    public static DeviceScoring OnCpu()
    {
        var context = Context.Create(builder => builder.CPU());
        return new DeviceScoring(context, context.CreateCPUAccelerator(0));
    }

    /// <summary>G_k^n on every plane.</summary>
    /// <exception cref="ArgumentException">An even or non-positive size, or negative passes.</exception>
    public Image Smooth(Image image, int size, int passes)
    {
        ArgumentNullException.ThrowIfNull(image);
        MeanFilterKernel.Check(size, passes);
        using var buffer = accelerator.Allocate1D(image.Pixels);
        using var between = accelerator.Allocate1D<float>(image.Pixels.Length);
        if (size > 1)
            for (var pass = 0; pass < passes; pass++)
                Mean(buffer.View, buffer.View, between.View, image, size);
        return Fetch(buffer, image.Channels, image);
    }

    /// <summary>The map of a measure, one plane.</summary>
    public Image Map(Measure measure, Image x, Image r)
    {
        ArgumentNullException.ThrowIfNull(x);
        ArgumentNullException.ThrowIfNull(r);
        using var a = accelerator.Allocate1D(x.Pixels);
        using var b = accelerator.Allocate1D(r.Pixels);
        using var map = accelerator.Allocate1D<float>(x.Area);
        Map(measure, a.View, b.View, map.View, x);
        return Fetch(map, 1, x);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        accelerator.Dispose();
        context.Dispose();
    }

    private Image Fetch(MemoryBuffer1D<float, Stride1D.Dense> buffer, int channels, Image like)
    {
        accelerator.Synchronize();
        return ImageModule.ofArray(channels, like.Height, like.Width, buffer.GetAsArray1D());
    }

    /// <summary>One pass of G_k; source and destination may be the same.</summary>
    private void Mean(ArrayView<float> source, ArrayView<float> destination, ArrayView<float> between, Image shape, int size)
    {
        rows(shape.Channels * shape.Height, source, between, shape.Width, size / 2);
        columns(shape.Channels * shape.Width, between, destination, shape.Height, shape.Width, size / 2);
    }

    private void Map(Measure measure, ArrayView<float> x, ArrayView<float> r, ArrayView<float> map, Image shape)
    {
        if (measure is Measure.Weighted weighted)
            Sum(weighted.Item, x, r, map, shape);
        else if (measure.IsMse)
            mse(shape.Area, x, r, map, shape.Channels);
        else if (measure.IsRelative)
            relative(shape.Area, x, r, map, shape.Channels, Difference.relativeFloor);
        else if (measure.IsSsim)
            Ssim(x, r, map, shape);
        else if (measure.IsOwn)
            r.SubView(shape.Channels * shape.Area, shape.Area).CopyTo(map);
        else if (measure.IsMultiGms)
            throw new NotSupportedException("the multi-scale GMS has no device kernel");
        else
            Gms(x, r, map, shape);
    }

    private void Sum(IEnumerable<Tuple<float, Measure>> terms, ArrayView<float> x, ArrayView<float> r, ArrayView<float> map, Image shape)
    {
        using var term = accelerator.Allocate1D<float>(shape.Area);
        map.MemSetToZero();
        foreach (var (weight, measure) in terms)
        {
            Map(measure, x, r, term.View, shape);
            addWeighted(shape.Area, term.View, map, weight);
            accelerator.Synchronize();
        }
    }

    private void Ssim(ArrayView<float> x, ArrayView<float> r, ArrayView<float> map, Image shape)
    {
        var volume = shape.Pixels.Length;
        using var buffers = accelerator.Allocate1D<float>(7 * volume);
        ArrayView<float> Part(int i) => buffers.View.SubView(i * volume, volume);
        var (between, products) = (Part(5), Part(6));
        Mean(x, Part(0), between, shape, Difference.ssimWindow);
        Mean(r, Part(1), between, shape, Difference.ssimWindow);
        MeanOfProduct(x, x, Part(2));
        MeanOfProduct(r, r, Part(3));
        MeanOfProduct(x, r, Part(4));
        ssim(shape.Area, new DeviceKernels.SsimMeans(Part(0), Part(1), Part(2), Part(3), Part(4)), map, shape.Channels, Difference.ssimC1, Difference.ssimC2);
        accelerator.Synchronize();

        void MeanOfProduct(ArrayView<float> a, ArrayView<float> b, ArrayView<float> mean)
        {
            product(volume, a, b, products);
            Mean(products, mean, between, shape, Difference.ssimWindow);
        }
    }

    private void Gms(ArrayView<float> x, ArrayView<float> r, ArrayView<float> map, Image shape)
    {
        using var planes = accelerator.Allocate1D<float>(2 * shape.Area);
        var a = planes.View.SubView(0, shape.Area);
        var b = planes.View.SubView(shape.Area, shape.Area);
        meanPlane(shape.Area, x, a, shape.Channels);
        meanPlane(shape.Area, r, b, shape.Channels);
        gms(shape.Area, a, b, map, shape.Height, shape.Width, Difference.gmsConstant);
        accelerator.Synchronize();
    }
}
