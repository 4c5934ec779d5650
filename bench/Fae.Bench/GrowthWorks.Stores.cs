using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Fae.Detection;
using Fae.Imaging;
using Fae.Server;
using Microsoft.FSharp.Collections;
using Microsoft.FSharp.Core;

namespace Fae.Bench;

/// <summary>What a line collects over years: files, inspections, models.</summary>
internal static partial class GrowthWorks
{
    /// <summary>Names that a file may have: the limit of ext4 is 65,000.</summary>
    private const int NamesOfOneFile = 60_000;

    private static Measured Watch(string folder, int count)
    {
        var (into, outside, model) = (Path.Combine(folder, "in"), Path.Combine(folder, "out"), Path.Combine(folder, "model.safetensors"));
        Directory.CreateDirectory(into);
        Directory.CreateDirectory(outside);
        Specimen.WriteModel(model, Specimen.Set(("image.size", 64), ("score.views", 1)));
        var bytes = ImageEncoder.toPng(Specimen.Picture(1, 64, 64));
        Inspected(into, bytes, count, Path.Combine(outside, "inspections.jsonl"));
        var fae = Path.Combine(AppContext.BaseDirectory, "..", "bin", "fae");
        using var watch =
            Process.Start(new ProcessStartInfo(fae, ["watch", into, "--model", model, "--out", outside]) { RedirectStandardError = true })
            ?? throw new InvalidOperationException($"{fae} does not start");
        void Until(string word)
        {
            while (watch.StandardError.ReadLine() is { } line)
                if (line.Contains(word, StringComparison.Ordinal))
                    return;
            throw new InvalidOperationException($"fae watch ended and did not say '{word}'");
        }
        Until("watching");
        var times = new List<double>();
        for (var i = 0; i < 5; i++)
        {
            File.WriteAllBytes(Path.Combine(folder, "new.png"), bytes);
            var clock = Stopwatch.StartNew();
            File.Move(Path.Combine(folder, "new.png"), Path.Combine(into, $"new-{i}.png"));
            Until($"new-{i}.png");
            times.Add(clock.Elapsed.TotalMilliseconds);
        }
        var peak = Growth.PeakMb(watch.Id.ToString(CultureInfo.InvariantCulture));
        watch.Kill();
        watch.WaitForExit();
        return new Measured(Comparison.Median(times), peak);
    }

    /// <summary>A folder of pictures that were inspected, as the journal says. They are links of a few files, not to fill the
    /// disk.</summary>
    private static void Inspected(string folder, byte[] bytes, int count, string journal)
    {
        using var lines = new StreamWriter(journal);
        for (var i = 0; i < count; i++)
        {
            var (name, first) = ($"{i:D7}.png", Path.Combine(folder, $"{i / NamesOfOneFile * NamesOfOneFile:D7}.png"));
            var path = Path.Combine(folder, name);
            if (path == first)
                File.WriteAllBytes(path, bytes);
            else if (Link(first, path) != 0)
                throw new IOException($"{path}: cannot be linked");
            var changed = File.GetLastWriteTimeUtc(path).Ticks;
            lines.WriteLine(FormattableString.Invariant($"{{\"path\":\"{name}\",\"size\":{bytes.Length},\"changed\":{changed}}}"));
        }
    }

    private static Measured History(string folder, int count)
    {
        var kept = Fae.Server.History.Open(Path.Combine(folder, "history.db"), new Retention(2 * count, 10_000)).ResultValue;
        var views = new Views(new byte[300], new byte[300], new byte[300], new byte[300]);
        var start = DateTimeOffset.UtcNow.AddDays(-90);
        foreach (var some in Enumerable.Range(0, count).Chunk(1_000))
            Task.WaitAll(some.Select(i => kept.Add(Inspection(i, start), views)).ToArray());
        foreach (var id in Enumerable.Range(1, count / 100))
            kept.Mark(id * 97L, FSharpOption<bool>.Some(id % 2 == 0));
        var filters = new[]
        {
            HistoryFilterModule.all,
            With(since: start.AddDays(5)),
            With(model: "left"),
            With(name: "burr-777"),
            With(anomalous: true),
            With(mark: MarkFilter.Wrong),
        };
        var clock = Stopwatch.StartNew();
        foreach (var filter in filters)
        {
            _ = kept.Latest(filter, 50);
            _ = kept.Counts(filter);
        }
        var ms = clock.Elapsed.TotalMilliseconds / filters.Length;
        kept.Close().Wait();
        return new Measured(ms);
    }

    private static HistoryFilter With(
        DateTimeOffset? since = null,
        string? model = null,
        string? name = null,
        bool? anomalous = null,
        MarkFilter? mark = null
    ) =>
        new(
            null,
            since is { } time ? FSharpOption<DateTimeOffset>.Some(time) : null,
            null,
            model is null ? null : FSharpOption<string>.Some(model),
            name is null ? null : FSharpOption<string>.Some(name),
            anomalous is { } verdict ? FSharpOption<bool>.Some(verdict) : null,
            mark is null ? null : FSharpOption<MarkFilter>.Some(mark)
        );

    private static Record Inspection(int number, DateTimeOffset start) =>
        new(
            0,
            start.AddSeconds(number),
            number % 3 == 0 ? "left" : "right",
            "0123456789abcdef",
            $"2026/burr-{number}.png",
            number % 100,
            0.01,
            number % 50 == 0,
            1024,
            1024,
            "[]",
            null
        );

    private static Measured Models(string folder, int count)
    {
        var config = Specimen.Set(("image.size", 256), ("score.views", 1));
        var reader = new ModelReader(
            FuncConvert.FromFunc<string, FSharpResult<ModelCard, string>>(path =>
                FSharpResult<ModelCard, string>.NewOk(ModelFile.Read(path).Card.WithoutArrays())
            ),
            FuncConvert.FromFunc<string, FSharpResult<Detector, string>>(path => FSharpResult<Detector, string>.NewOk(Detector.Load(path)))
        );
        var slots = new List<ModelSlot>();
        for (var i = 0; i < count; i++)
        {
            var path = Path.Combine(folder, $"{i}.safetensors");
            Specimen.WriteModel(path, config);
            slots.Add(ModelSlot.Open($"{i}", path, reader, withNetwork: false).ResultValue);
        }
        var models = new ModelSet(ListModule.OfSeq(slots), FSharpOption<long>.Some(800L << 20));
        using IDisposable _ = models;
        var picture = Specimen.Picture(1, 256, 256);
        var clock = Stopwatch.StartNew();
        foreach (var slot in slots)
        {
            var lease = models.Take(slot).ResultValue;
            lease.Detector.Inspect([picture]);
            lease.Release();
        }
        return new Measured(clock.Elapsed.TotalMilliseconds / count);
    }

    [LibraryImport("libc", EntryPoint = "link", StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Link(string file, string name);
}
