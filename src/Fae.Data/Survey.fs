/// A look at some good pictures in their own size, before a working size is chosen.
namespace Fae.Data

open Fae.Core
open Fae.Imaging
open Fae.Kernels

[<RequireQualifiedAccess>]
module Survey =
    /// About as many pictures are looked at.
    let private sample = 16

    /// Of a larger picture a smaller copy is looked at: detail that is lost by it would be lost by every working size.
    let private largestSide = 2048

    let private shape (struct (height: int, width: int)) =
        let shrink = min 1.0 (float largestSide / float (min height width))
        let side (length: int) = max 1 (int (round (shrink * float length)))
        struct (side height, side width)

    /// How much detail of each picture a shorter side of `side` pixels loses.
    let private lost (pictures: Image list) side =
        pictures
        |> Array.ofList
        |> Array.Parallel.map (fun image ->
            let scale = float side / float (min image.Height image.Width)
            let small = ResampleKernel.Resize(image, int (round (scale * float image.Height)), int (round (scale * float image.Width)))
            Detail.lost image (ResampleKernel.Resize(small, image.Height, image.Width)))
        |> Array.average

    /// The shorter side at which light is told from detail.
    let private lightSide = 256

    /// `Detail.lightVariation` of pictures of any shapes.
    let private lightVariation height width (pictures: Image list) =
        let scale = float lightSide / float (min height width)
        let side (length: int) = int (round (scale * float length))
        let images = pictures |> List.map (fun image -> Image.meanPlane (ResampleKernel.Resize(image, side height, side width)))
        let filter = Illumination.filterSize (float32 lightSide / WorkingSize.lightScale)
        Detail.lightVariation images (images |> List.map (fun image -> ScoringKernel.Smooth(image, filter, 3)))

    let private ofRead (read: Picture list) =
        let images = read |> List.map _.Image
        let side of' = read |> List.map of' |> Array.ofList |> Statistics.median
        let height, width = side _.OriginalHeight, side _.OriginalWidth
        let smallest = images |> List.map (fun image -> min image.Height image.Width) |> List.min
        let sides = WorkingSize.candidates |> List.takeWhile (fun candidate -> candidate < smallest)

        {
            Height = height
            Width = width
            Lost = [ for side in sides -> side, lost images side ]
            IsBinary = Detail.isBinary images
            LightVariation = lightVariation height width images
        }

    /// The shapes and the detail of some of the pictures, evenly from first to last. Pictures that cannot be read are left to those who
    /// read all; if none of the sample can be read, all problems of all pictures are returned.
    let ofPictures settings channels (paths: string list) =
        let every = max 1 (paths.Length / sample)
        let some = paths |> List.indexed |> List.filter (fun (i, _) -> i % every = 0) |> List.map snd
        let read = ImageDecoder.readAs settings channels shape

        match some |> Array.ofList |> Array.Parallel.map read |> partition with
        | [], _ -> DataSet.readAll read paths |> Result.map ofRead
        | pictures, _ -> Ok(ofRead pictures)
