// A line's inspection: pictures come one after the other, verdicts go out in the same order. Inspect MODEL PICTURE...
using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using Fae;

if (args.Length < 2)
{
    Console.Error.WriteLine("usage: Inspect MODEL PICTURE...");
    return 2;
}

if (!Detector.TryLoad(args[0], out var detector, out var problem))
{
    Console.Error.WriteLine(problem);
    return 4;
}

using (detector)
{
    // As many at once as the machine likes: reading, resizing and the network overlap.
    await foreach (var part in detector.InspectAsync(Pictures(args.Skip(1))))
        Console.WriteLine(part.Verdict == Verdict.Unreadable ? $"{part.Name}: unreadable: {part.Problem}" : part.ToJson());

    // A camera's buffer needs no file: here a grey frame of 640×480 with rows padded to 704 bytes.
    var frame = new byte[704 * 480];
    var live = detector.Inspect(ImageSource.FromPixels(frame, 640, 480, PixelFormat.Grey8, stride: 704, name: "camera"));
    Console.WriteLine($"{live.Name}: {live.Verdict}, score {live.Score:G4}, p {live.PValue:F3}, {live.Regions.Count} region(s)");
}

return 0;

static async IAsyncEnumerable<ImageSource> Pictures(IEnumerable<string> paths)
{
    foreach (var path in paths)
    {
        await Task.Yield();
        yield return path;
    }
}
