using Fae.Core;
using Fae.Imaging;
using Microsoft.FSharp.Core;

namespace Fae.Detection;

/// <summary>A picture as a camera gives it, height × width × channels bytes, and the score and p-value that the model gave it.</summary>
public sealed record SelfCheckPicture(int Height, int Width, int Channels, byte[] Pixels, float Score, double PValue);

/// <summary>
/// Makes the self-check pictures of a model: held-out good pictures with the model's own scores. They travel in the model file, so that
/// an export or another machine can be compared with the model.
/// </summary>
public static class SelfCheck
{
    /// <summary>Pictures that a model carries.</summary>
    private const int Count = 3;

    /// <summary>Their longest side in pixels, so that they take a few hundred kilobytes.</summary>
    private const int LongestSide = 512;

    /// <summary>Of the first few of these files; one that cannot be read is left out.</summary>
    public static IReadOnlyList<SelfCheckPicture> Make(Detector detector, IReadOnlyList<string> heldOut) =>
        heldOut.Take(Count).Select(path => Make(detector, path)).Where(made => made.IsOk).Select(made => made.ResultValue).ToList();

    private static FSharpResult<SelfCheckPicture, ImageProblem> Make(Detector detector, string path)
    {
        var card = detector.Card;
        var longest = Math.Max(LongestSide, 2 * card.Config.Image.Tile);
        FSharpFunc<ValueTuple<int, int>, ValueTuple<int, int>> shape = FuncConvert.FromFunc(
            ((int Height, int Width) own) => Shrunk(own, longest)
        );
        var read = ImageDecoder.readAs(card.Config.Image.Values, card.Channels, shape, path);
        if (read.IsError)
            return FSharpResult<SelfCheckPicture, ImageProblem>.NewError(read.ErrorValue);
        var image = read.ResultValue.Image;
        var bytes = ImageEncoder.toBytes(image);
        var buffer = new PixelBuffer(bytes, image.Width, image.Height, image.Width * image.Channels, image.Channels, 1, false, 0);
        // The picture's values became 0 to 255, whatever they were.
        var prepared = ImagePreparation.ofBuffer(ConfigModule.ofBytes(card.Config), card.Channels, card.Ignore, path, buffer);
        if (prepared.IsError)
            return FSharpResult<SelfCheckPicture, ImageProblem>.NewError(prepared.ErrorValue);
        var prediction = detector.Inspect([prepared.ResultValue.Image])[0].Prediction;
        return FSharpResult<SelfCheckPicture, ImageProblem>.NewOk(
            new(image.Height, image.Width, card.Channels, bytes, prediction.Score, prediction.PValue)
        );
    }

    private static (int Height, int Width) Shrunk((int Height, int Width) own, int longest)
    {
        var factor = Math.Max(1.0, Math.Max(own.Height, own.Width) / (double)longest);
        return (Math.Max(1, (int)(own.Height / factor)), Math.Max(1, (int)(own.Width / factor)));
    }
}
