/// What the ignore mask hides, and masks at another size.
module Fae.Spec.IgnoreMaskLaws

open FsCheck
open Fae.Core
open Fae.Kernels
open Fae.Spec.Generators

[<NoComparison; NoEquality>]
type Masks = { Fill: Image -> Image -> Image; Grown: int -> Image -> Image; Resize: Image -> int -> int -> Image }

let private hidesSome (image: Image) = Image.init 1 image.Height image.Width (fun _ y x -> if (3 * y + x) % 4 = 0 then 1.0f else 0.0f)

/// Other content under the mask.
let private changed (mask: Image) (image: Image) =
    Image.init image.Channels image.Height image.Width (fun c y x ->
        if IgnoreMask.hides mask[0, y, x] then 1.0f - image[c, y, x] else image[c, y, x])

/// Dots of a pixel each, none beside another, in rows and columns that come from numbers.
let private dots (PositiveInt a) (PositiveInt b) =
    Image.init 1 40 50 (fun _ y x -> if y % (3 + a % 9) = 1 && x % (2 + b % 11) = 1 then 1.0f else 0.0f)

let private laws: Law<Masks> list =
    [
        Law.forAll "any content under the mask gives the same picture" (fun m (Coloured(image, _)) ->
            let mask = hidesSome image
            m.Fill mask image = m.Fill mask (changed mask image))
        Law.forAll "what is visible stays as it is" (fun m (Coloured(image, _)) ->
            let mask = hidesSome image
            let filled = m.Fill mask image

            Seq.forall
                id
                (seq {
                    for c in 0 .. image.Channels - 1 do
                        for y in 0 .. image.Height - 1 do
                            for x in 0 .. image.Width - 1 -> IgnoreMask.hides mask[0, y, x] || filled[c, y, x] = image[c, y, x]
                }))
        Law.once "what is hidden is the mean of what is visible, channel by channel" (fun m ->
            let image = Image.init 2 1 3 (fun c _ x -> float32 (c + 1) * 0.1f * float32 (x + 1))
            let mask = Image.init 1 1 3 (fun _ _ x -> if x = 0 then 1.0f else 0.0f)
            let filled = m.Fill mask image
            abs (filled[0, 0, 0] - 0.25f) < 1e-6f && abs (filled[1, 0, 0] - 0.5f) < 1e-6f)
        Law.forAll "a mask grows by so many rows and columns and no more" (fun m (r: PositiveInt) ->
            let radius = r.Get % 5
            let middle = Image.init 1 15 17 (fun _ y x -> if y = 7 && x = 8 then 1.0f else 0.0f)

            m.Grown radius middle = Image.init 1 15 17 (fun _ y x -> if abs (y - 7) <= radius && abs (x - 8) <= radius then 1.0f else 0.0f))
        Law.forAll "no region of a mask vanishes at a smaller size" (fun m (a, b) ->
            // Dots four pixels apart and more stay apart at half the size.
            let mask = dots a b
            let small = m.Resize mask 20 25

            let isThere y x = small[0, y / 2, x / 2] > 0.0f

            seq {
                for y in 0..39 do
                    for x in 0..49 do
                        if mask[0, y, x] > 0.0f then isThere y x
            }
            |> Seq.forall id)
        Law.once "a large region has the area that it had" (fun m ->
            let half = Image.init 1 64 64 (fun _ _ x -> if x < 32 then 1.0f else 0.0f)
            IgnoreMask.share (m.Resize half 16 16) = 0.5)
    ]

let private plain =
    { Fill = IgnoreMask.fill; Grown = IgnoreMask.grown; Resize = fun mask h w -> MaskKernel.Resize(mask, h, w) }

let private mutants =
    [
        "nothing is filled", "any content under the mask gives the same picture", { plain with Fill = fun _ image -> image }
        "all is filled",
        "what is visible stays as it is",
        { plain with Fill = fun _ image -> Image.constant image.Channels image.Height image.Width 0.5f }
        "black",
        "what is hidden is the mean of what is visible, channel by channel",
        { plain with
            Fill =
                fun mask image ->
                    Image.init image.Channels image.Height image.Width (fun c y x ->
                        if IgnoreMask.hides mask[0, y, x] then 0.0f else image[c, y, x])
        }
        "one pixel more",
        "a mask grows by so many rows and columns and no more",
        { plain with Grown = fun radius -> IgnoreMask.grown (radius + 1) }
        "half of a pixel must be covered",
        "no region of a mask vanishes at a smaller size",
        { plain with
            Resize = fun mask h w -> ResampleKernel.Resize(mask, h, w) |> Image.map (fun v -> if v >= 0.5f then 1.0f else 0.0f)
        }
        "whatever is touched",
        "a large region has the area that it had",
        { plain with
            Resize =
                fun mask h w -> ResampleKernel.Resize(IgnoreMask.grown 3 mask, h, w) |> Image.map (fun v -> if v > 0.0f then 1.0f else 0.0f)
        }
    ]

let suites =
    [
        Suite.create
            "Ignore mask"
            "What a mask hides is as if it were not there; no region of a mask vanishes when it is shrunk."
            laws
            [ "plain", plain ]
            mutants
    ]
