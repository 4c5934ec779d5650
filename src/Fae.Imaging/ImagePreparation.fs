/// From a picture to the network's input: decoded, resized, illumination corrected.
namespace Fae.Imaging

open Fae.Core
open Fae.Kernels

[<RequireQualifiedAccess>]
module ImagePreparation =
    /// Illumination correction of a picture that was read.
    let private correct (config: Config) (picture: Picture) =
        { picture with Image = ScoringKernel.CorrectIllumination(config.Image.IlluminationSigma, picture.Image) }

    /// The picture without what the ignore mask hides, if the mask has its shape.
    let private hidden (ignore: Image | null) name (picture: Picture) =
        match ignore with
        | null -> Ok picture
        | mask when (mask.Height, mask.Width) = (picture.Image.Height, picture.Image.Width) ->
            Ok { picture with Image = IgnoreMask.fill mask picture.Image }
        | _ ->
            Error
                {
                    Path = name
                    Reason =
                        ($"its {picture.OriginalWidth}×{picture.OriginalHeight} pixels are not of the shape of the mask "
                         + "that says what to ignore")
                }

    let private prepared config ignore name read = read |> Result.bind (hidden ignore name) |> Result.map (correct config)

    /// A picture made ready for the network: read, resized, what the ignore mask hides filled, the light divided out. The mask must have
    /// the prepared shape.
    let ofFile (config: Config) channels (ignore: Image | null) path =
        ImageDecoder.readAs config.Image.Values channels (InputGeometry.preparedShape config) path
        |> prepared config ignore path

    /// The same from the bytes of a file.
    let ofBytes (config: Config) channels (ignore: Image | null) name bytes =
        ImageDecoder.readBytesAs config.Image.Values channels (InputGeometry.preparedShape config) name bytes
        |> prepared config ignore name

    /// The same from a camera's buffer.
    let ofBuffer (config: Config) channels (ignore: Image | null) name buffer =
        CameraBuffer.read config.Image.Values channels (InputGeometry.preparedShape config) name buffer
        |> prepared config ignore name
