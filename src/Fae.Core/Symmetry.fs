/// Which mirrorings and turns leave a good part good: asked of the good pictures themselves.
namespace Fae.Core

/// The changes of a square that training may use.
type Symmetry =
    {
        FlipHorizontal: bool
        FlipVertical: bool
        QuarterTurns: bool
    }

[<RequireQualifiedAccess>]
module Symmetry =
    let private side = 48
    let private most = 48

    /// A changed picture may be this much farther from the others than an unchanged one.
    let private tolerance = 1.1

    /// Mean 0 and deviation 1 (about; a flat picture stays flat): an exposure is no change of the part.
    let private normalise (image: Image) =
        let mean = Array.average image.Pixels
        let deviation = sqrt (image.Pixels |> Array.averageBy (fun v -> (v - mean) * (v - mean)))
        Image.map (fun v -> (v - mean) / (deviation + 0.01f)) image

    /// The picture by mean grey, `side` pixels square.
    let private thumbnail (image: Image) =
        let plane = Difference.meanPlane image
        // Rounded outwards at both ends, so that the mirrored picture has the mirrored thumbnail.
        let span n i = i * n / side, ((i + 1) * n + side - 1) / side

        Image.init 1 side side (fun _ y x ->
            let top, bottom = span plane.Height y
            let left, right = span plane.Width x
            let mutable sum = 0.0f

            for v in top .. bottom - 1 do
                for u in left .. right - 1 do
                    sum <- sum + plane[0, v, u]

            sum / float32 ((bottom - top) * (right - left)))
        |> normalise

    let private distance (a: Image) (b: Image) =
        Array.fold2 (fun sum (x: float32) y -> sum + float ((x - y) * (x - y))) 0.0 a.Pixels b.Pixels

    /// The median distance between two different pictures, the second one changed. (Not the mean: several exposures of one part are
    /// much more alike than two parts.)
    let private spread (thumbnails: Image[]) change =
        let changed = Array.map change thumbnails

        let distances =
            [|
                for i in 0 .. thumbnails.Length - 1 do
                    for j in 0 .. thumbnails.Length - 1 do
                        if i <> j then
                            distance thumbnails[i] changed[j]
            |]
            |> Array.sort

        distances[distances.Length / 2]

    /// A change is allowed if pictures stay as like to each other under it as they are without: always for a texture and for parts that lie in any
    /// direction, for an aligned part only where it is symmetric itself. Needs at least two pictures; with one, nothing is allowed.
    let ofImages (images: Image list) =
        let every = max 1 (images.Length / most)

        let thumbnails =
            images
            |> List.indexed
            |> List.filter (fun (i, _) -> i % every = 0)
            |> List.map (snd >> thumbnail)
            |> Array.ofList

        if thumbnails.Length < 2 then
            {
                FlipHorizontal = false
                FlipVertical = false
                QuarterTurns = false
            }
        else
            let unchanged = spread thumbnails id
            let alike change = spread thumbnails change <= tolerance * unchanged

            {
                FlipHorizontal = alike Image.flip
                FlipVertical = alike (Image.flip >> Image.turn >> Image.turn)
                QuarterTurns = alike Image.turn && alike (Image.turn >> Image.turn)
            }

    /// In words.
    let describe symmetry =
        match
            [
                if symmetry.FlipHorizontal then
                    "left to right"
                if symmetry.FlipVertical then
                    "top to bottom"
                if symmetry.QuarterTurns then
                    "by quarter turns"
            ]
        with
        | [] -> "no mirroring and no turn leaves these parts as they are"
        | changes -> "good parts stay good mirrored or turned " + String.concat ", " changes
