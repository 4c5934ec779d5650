/// From a picture to the network's input: decoded, resized, illumination corrected.
namespace Fae.Imaging

open Fae.Core
open Fae.Kernels

[<RequireQualifiedAccess>]
module ImagePreparation =
    /// Illumination correction of a picture that was read.
    let private correct (config: Config) (picture: Picture) =
        { picture with Image = ScoringKernel.CorrectIllumination(config.Image.IlluminationSigma, picture.Image) }

    /// A picture made ready for the network: read, resized, the light divided out.
    let ofFile (config: Config) channels path =
        ImageDecoder.readAs config.Image.Values channels (InputGeometry.preparedShape config) path
        |> Result.map (correct config)

    /// The same from the bytes of a file.
    let ofBytes (config: Config) channels name bytes =
        ImageDecoder.readBytesAs config.Image.Values channels (InputGeometry.preparedShape config) name bytes
        |> Result.map (correct config)

    /// The same from a camera's buffer.
    let ofBuffer (config: Config) channels name buffer =
        CameraBuffer.read config.Image.Values channels (InputGeometry.preparedShape config) name buffer
        |> Result.map (correct config)

    /// The prepared picture, if the ignore mask has its shape.
    let fits (ignore: Image | null) name (picture: Picture) =
        match ignore with
        | null -> Ok picture
        | mask when (mask.Height, mask.Width) = (picture.Image.Height, picture.Image.Width) -> Ok picture
        | _ ->
            Error
                {
                    Path = name
                    Reason =
                        ($"its {picture.OriginalWidth}×{picture.OriginalHeight} pixels are not of the shape of the mask "
                         + "that says what to ignore")
                }

    /// A file, prepared; where an ignore mask is given, it must have the prepared shape.
    let ofFileWithMask (config: Config) channels (ignore: Image option) path =
        ofFile config channels path |> Result.bind (fits (Option.toObj ignore) path)
