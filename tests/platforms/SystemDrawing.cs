// Inspects one picture from its file and from bitmaps of System.Drawing: the scores must agree. Run by tests/platforms.sh.
using System.Drawing;
using System.Drawing.Imaging;
using System.Runtime.Versioning;
using Fae;

[assembly: SupportedOSPlatform("windows")]

using var detector = Detector.Load(args[0]);
using var read = new Bitmap(args[1]);
var whole = new Rectangle(0, 0, read.Width, read.Height);
var expected = detector.Inspect(args[1]).Score;

using var colour = read.Clone(whole, System.Drawing.Imaging.PixelFormat.Format24bppRgb);
using var alpha = read.Clone(whole, System.Drawing.Imaging.PixelFormat.Format32bppArgb);
using var opaque = read.Clone(whole, System.Drawing.Imaging.PixelFormat.Format32bppRgb);

// Upside down in memory, and read from the last row upwards.
using var flipped = read.Clone(whole, System.Drawing.Imaging.PixelFormat.Format24bppRgb);
flipped.RotateFlip(RotateFlipType.RotateNoneFlipY);
var locked = flipped.LockBits(whole, ImageLockMode.ReadOnly, flipped.PixelFormat);
var bottom = locked.Scan0 + locked.Stride * (locked.Height - 1);
using var upwards = new Bitmap(locked.Width, locked.Height, -locked.Stride, locked.PixelFormat, bottom);

foreach (var (name, bitmap) in new[] { ("24 bits", colour), ("32 bits, alpha", alpha), ("32 bits", opaque), ("upwards", upwards) })
{
    var score = detector.Inspect(bitmap.ToImageSource(name)).Score;
    if (!(Math.Abs(score / expected - 1) <= 1e-6)) // a picture that cannot be read has the score NaN
        throw new InvalidOperationException($"System.Drawing, {name}: score {score}, from the file {expected}");
}
flipped.UnlockBits(locked);

using var palette = new Bitmap(16, 16, System.Drawing.Imaging.PixelFormat.Format8bppIndexed);
if (detector.Inspect(palette.ToImageSource("palette")).Verdict == Verdict.Unreadable)
    throw new InvalidOperationException("System.Drawing: a picture with a palette cannot be read");
Console.WriteLine("System.Drawing: scores as from the file");
