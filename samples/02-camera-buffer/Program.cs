// Inspects a camera's buffer without copying it. Usage: CameraBuffer MODEL
using Fae;

if (args.Length != 1)
{
    Console.Error.WriteLine("usage: CameraBuffer MODEL");
    return 2;
}

using var detector = Detector.Load(args[0]);

// A grey picture of 640×480. Each row has 704 bytes: 64 of padding.
const int Width = 640;
const int Height = 480;
const int Stride = 704;
var frame = new byte[Stride * Height];

var part = detector.Inspect(ImageSource.FromPixels(frame, Width, Height, PixelFormat.Grey8, Stride, name: "camera"));
Console.WriteLine($"{part.Name}: {part.Verdict}, score {part.Score:G4}, p {part.PValue:F3}, {part.Regions.Count} region(s)");

foreach (var region in part.Regions)
    Console.WriteLine($"  {region.Width}×{region.Height} at ({region.Left}, {region.Top})");

return 0;
