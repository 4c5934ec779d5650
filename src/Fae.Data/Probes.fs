/// Held-out good pictures as a camera would give them, with what a detector says of them. They travel in the model file, so that whatever is made of a
/// model (an ONNX graph, a program on another machine) can be asked whether it still sees what the model saw.
namespace Fae.Data

open System
open Fae.Core
open Fae.Detection

[<RequireQualifiedAccess>]
module Probes =
    /// Pictures that a model carries, and the longest side that they have, in pixels: a few hundred kilobytes.
    let private most, private longest = 3, 512

    /// Pixels with colours side by side, in bytes.
    let private toBuffer (image: Image) =
        let bytes = Array.zeroCreate<byte> image.Pixels.Length

        for c in 0 .. image.Channels - 1 do
            for i in 0 .. image.Area - 1 do
                bytes[i * image.Channels + c] <- byte (round (255.0f * image.Pixels[c * image.Area + i]))

        {
            Pixels = ReadOnlyMemory bytes
            Width = image.Width
            Height = image.Height
            Stride = image.Width * image.Channels
            Bands = image.Channels
            Depth = 1
            Swapped = false
        }

    let private probe (detector: Detector) path =
        let card = detector.Card
        let room = max longest (2 * card.Config.Image.Tile)

        let shape (struct (height, width)) =
            let shrink = max 1.0 (float (max height width) / float room)
            struct (max 1 (int (float height / shrink)), max 1 (int (float width / shrink)))

        ImageFile.readTo card.Channels shape path
        |> Result.bind (fun picture ->
            let buffer = toBuffer picture.Image

            ImageFile.preparePixels card.Config card.Channels path buffer
            |> Result.bind (ImageFile.fits card.Ignore path)
            |> Result.map (fun prepared ->
                let finding = (detector.Inspect [| prepared.Image |])[0]
                let pixels = buffer.Pixels.ToArray()
                Probe(buffer.Height, buffer.Width, card.Channels, pixels, finding.Verdict.Score, finding.Verdict.PValue)))

    /// Of the first few of these pictures; one that cannot be read is none.
    let take (detector: Detector) (heldOut: string list) =
        heldOut
        |> List.truncate most
        |> List.choose (probe detector >> Result.toOption)
        |> Array.ofList
