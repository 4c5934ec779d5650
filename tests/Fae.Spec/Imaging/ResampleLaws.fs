/// Pictures at another size.
module Fae.Spec.ResampleLaws

open System
open Fae.Core
open Fae.Kernels
open Fae.Spec.Generators

[<NoComparison; NoEquality>]
type Resampler = { Resize: int -> int -> Image -> Image }

let private side (a: uint8) = 1 + int a % 29

/// Rows become columns.
let private transpose (image: Image) = Image.init image.Channels image.Width image.Height (fun c y x -> image[c, x, y])

/// A wave along the columns, so many pixels long, of a line of so many, seen at `count` places.
let private wave (period: float) length count =
    Image.init 1 4 count (fun _ _ x ->
        let place = (float x + 0.5) * float length / float count - 0.5
        float32 (0.5 + 0.4 * cos (2.0 * Math.PI * place / period)))

let private inner margin (image: Image) = Image.crop 0 margin image.Height (image.Width - 2 * margin) image

let private laws: Law<Resampler> list =
    [
        Law.forAll "the picture has the size asked for, and a constant one stays constant" (fun r (Grey image, a, b) ->
            let height, width = side a, side b
            let constant = Image.constant 1 image.Height image.Width 0.7f
            Near.images 1e-5f (r.Resize height width constant) (Image.constant 1 height width 0.7f))
        Law.forAll "at its own size a picture stays as it is" (fun r (Grey image) ->
            Near.images 1e-5f (r.Resize image.Height image.Width image) image)
        Law.forAll "sums and multiples of pictures are those of the resized ones" (fun r (Pair(x, y), a, b) ->
            let resize = r.Resize (side a) (side b)

            Near.images
                1e-4f
                (resize (Image.map2 (fun u v -> 3.0f * u - 2.0f * v) x y))
                (Image.map2 (fun u v -> 3.0f * u - 2.0f * v) (resize x) (resize y)))
        Law.forAll "a mirrored picture becomes the mirrored picture" (fun r (Grey image, a, b) ->
            let resize = r.Resize (side a) (side b)
            Near.images 1e-5f (resize (Image.flip image)) (Image.flip (resize image)))
        Law.forAll "rows and columns are treated alike" (fun r (Grey image, a, b) ->
            Near.images 1e-5f (r.Resize (side b) (side a) (transpose image)) (transpose (r.Resize (side a) (side b) image)))
        Law.forAll "each plane is resized by itself" (fun r (Coloured(image, _), a, b) ->
            let resize = r.Resize (side a) (side b)
            let whole = resize image

            List.forall (fun c -> Near.images 1e-5f (Image.plane c whole) (resize (Image.plane c image))) [ 0 .. image.Channels - 1 ])
        Law.once "what is finer than the new pixels becomes grey" (fun r ->
            let fine = Image.init 1 64 64 (fun _ y x -> float32 ((y + x) % 2))
            Near.images 0.02f (r.Resize 13 13 fine |> Image.crop 2 2 9 9) (Image.constant 1 9 9 0.5f))
        Law.once "what is coarser stays, in its place" (fun r ->
            List.forall
                (fun count -> Near.images 0.01f (r.Resize 4 count (wave 24.0 96 96) |> inner 4) (wave 24.0 96 count |> inner 4))
                [ 24; 41; 96; 150 ])
    ]

let private plain = { Resize = Resample.resize }

let private kernel = { Resize = fun height width image -> ResampleKernel.Resize(image, height, width) }

/// Lanczos with another idea of where places lie, how wide windows are, or what weights sum to.
let private other (centre: float -> int -> float) widen normalise height width (image: Image) =
    let taps count available =
        let scale = float available / float count
        let wide = if widen then max 1.0 scale else 1.0

        Array.init count (fun i ->
            let at = centre scale i

            let near = [| for j in 0 .. available - 1 -> struct (j, Resample.lanczos ((float j - at) / wide)) |]

            let total = if normalise then near |> Array.sumBy (fun struct (_, w) -> w) else wide

            near |> Array.map (fun struct (j, w) -> struct (j, w / total)))

    let down, along = taps height image.Height, taps width image.Width

    Image.init image.Channels height width (fun c y x ->
        let mutable sum = 0.0

        for struct (v, p) in down[y] do
            for struct (u, q) in along[x] do
                sum <- sum + p * q * float image[c, v, u]

        float32 sum)

/// Rows as they come, five at once.
let private strip =
    {
        Resize = fun height width image -> StripLaws.through 5 (RowResampler(width, float image.Height / float height)) image
    }

let private middle scale i = (float i + 0.5) * scale - 0.5

let private mutants =
    [
        "weights that the border cuts off are lost",
        "the picture has the size asked for, and a constant one stays constant",
        { Resize = other middle true false }
        "the filter is a box",
        "at its own size a picture stays as it is",
        { Resize = fun height width image -> Resample.resize height width (MeanFilter.once 3 image) }
        "values are cut to [0, 1]",
        "sums and multiples of pictures are those of the resized ones",
        {
            Resize = fun height width image -> Resample.resize height width image |> Image.map (fun v -> max 0.0f (min 1.0f v))
        }
        "places begin at the first pixel's corner",
        "a mirrored picture becomes the mirrored picture",
        { Resize = other (fun scale i -> float i * scale) true true }
        "columns are not averaged",
        "rows and columns are treated alike",
        {
            Resize =
                fun height width image ->
                    let tall = Resample.resize height image.Width image
                    Image.init image.Channels height width (fun c y x -> tall[c, y, min (image.Width - 1) (x * image.Width / width)])
        }
        "the first plane is taken for all",
        "each plane is resized by itself",
        {
            Resize =
                fun height width image ->
                    let first = Resample.resize height width (Image.plane 0 image)
                    Image.init image.Channels height width (fun _ y x -> first[0, y, x])
        }
        "windows are not widened", "what is finer than the new pixels becomes grey", { Resize = other middle false true }
        "places are half a pixel off",
        "what is coarser stays, in its place",
        { Resize = other (fun scale i -> middle scale i + 0.5) true true }
    ]

let suite =
    Suite.create
        "Resample"
        "Pictures at another size, by Lanczos' windowed sinc: what files, cameras and exported graphs are seen through."
        laws
        [ "plain", plain; "kernel", kernel; "strip", strip ]
        mutants
