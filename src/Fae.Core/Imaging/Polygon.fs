/// Regions that people drew as polygons.
namespace Fae.Core

[<RequireQualifiedAccess>]
module Polygon =
    /// Where a row's middle line crosses the edges, ascending.
    let private crossings (points: (float * float)[]) (row: int) =
        let y = float row + 0.5

        [|
            for i in 0 .. points.Length - 1 do
                let (x0, y0), (x1, y1) = points[i], points[(i + 1) % points.Length]

                if (y0 <= y) <> (y1 <= y) then x0 + (y - y0) / (y1 - y0) * (x1 - x0)
        |]
        |> Array.sort

    /// Numbers of the pixels, row by row, whose middles lie in a polygon of points (x, y) in pixels, by the even-odd rule; and the pixels
    /// that its points lie in, so that none vanishes. What is outside of the picture is cut off.
    let pixels height width (points: (float * float)[]) : int[] =
        let inside =
            [|
                for row in 0 .. height - 1 do
                    for pair in Array.chunkBySize 2 (crossings points row) do
                        // Middles x + 0.5 with left ≤ x + 0.5 < right.
                        let first = int (ceil (max 0.0 (min (float width) (pair[0] - 0.5))))
                        let last = int (ceil (max 0.0 (min (float width) (pair[pair.Length - 1] - 0.5)))) - 1

                        for x in first..last do
                            yield row * width + x
            |]

        let corners =
            points
            |> Array.choose (fun (x, y) ->
                if x >= 0.0 && y >= 0.0 && x < float width && y < float height then
                    Some(int y * width + int x)
                else
                    None)

        Array.append inside corners

    /// One plane, 1 in any of the polygons.
    let mask height width (polygons: (float * float)[] list) : Image =
        let values = Array.zeroCreate<float32>(height * width)

        for polygon in polygons do
            for pixel in pixels height width polygon do
                values[pixel] <- 1.0f

        Image.ofArray 1 height width values
