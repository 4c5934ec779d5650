// Inspects a stream of pictures: reading, resizing and the network overlap, answers come in order. Usage: AsyncStream MODEL PICTURE...
using Fae;

if (args.Length < 2)
{
    Console.Error.WriteLine("usage: AsyncStream MODEL PICTURE...");
    return 2;
}

using var detector = Detector.Load(args[0]);

await foreach (var part in detector.InspectAsync(Pictures(args.Skip(1))))
    Console.WriteLine($"{part.Name}: {part.Verdict}, p {part.PValue:F3}");

return 0;

// In a real program: pictures as the camera delivers them.
static async IAsyncEnumerable<ImageSource> Pictures(IEnumerable<string> paths)
{
    foreach (var path in paths)
    {
        await Task.Yield();
        yield return path;
    }
}
