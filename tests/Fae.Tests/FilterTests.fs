module Fae.Tests.FilterTests

open System
open Expecto
open Fae.Core
open Fae.Kernels
open Fae.Tests.Generators

let private transpose (image: Image) = Image.init 1 image.Width image.Height (fun _ y x -> image[0, x, y])

/// The laws of G_k^n, for any implementation of it.
let private laws name (apply: int -> int -> Image -> Image) =
    let near a b = distance a b < 1e-5f

    testList
        name
        [
            law "G_1 and n = 0 are the identity" (fun (Grey image) -> apply 1 3 image = image && apply 5 0 image = image)
            law "keeps constants, borders included" (fun (Grey image) ->
                let flat = Image.map (fun _ -> 0.7f) image
                near (apply 5 2 flat) flat)
            law "is bounded by the extremes" (fun (Grey image) ->
                let low, high = Array.min image.Pixels, Array.max image.Pixels

                (apply 7 2 image).Pixels
                |> Array.forall (fun v -> v >= low - 1e-6f && v <= high + 1e-6f))
            law "is linear" (fun (Pair(a, b)) ->
                let mix = Image.map2 (fun x y -> 2.0f * x - 0.5f * y) a b
                near (apply 5 2 mix) (Image.map2 (fun x y -> 2.0f * x - 0.5f * y) (apply 5 2 a) (apply 5 2 b)))
            law "G^n after G^m is G^(n+m)" (fun (Grey image) -> near (apply 3 2 (apply 3 1 image)) (apply 3 3 image))
            law "commutes with flips and turns" (fun (Grey image) ->
                near (apply 5 2 (Image.flip image)) (Image.flip (apply 5 2 image))
                && near (apply 5 2 (Image.turn image)) (Image.turn (apply 5 2 image)))
            law "commutes with transposition" (fun (Grey image) -> near (apply 5 1 (transpose image)) (transpose (apply 5 1 image)))
            law "equals the plain definition" (fun (Grey image) ->
                [ 3; 7; 21 ]
                |> List.forall (fun k -> near (apply k 2 image) (MeanFilter.apply k 2 image)))
            test "refuses even, zero and negative sizes, and negative passes" {
                let image = Image.constant 1 4 4 0.5f

                for size, passes in [ 2, 1; 0, 1; -3, 1; 3, -1 ] do
                    Expect.throwsT<ArgumentException> (fun () -> apply size passes image |> ignore) $"k = {size}, n = {passes}"
            }
        ]

let tests =
    testList
        "Mean filter"
        [
            laws "plain" MeanFilter.apply
            laws "kernel" (fun size passes image -> ScoringKernel.Smooth(image, size, passes))
            test "light division: kernel and plain agree, and σ = 0 is the identity" {
                let image = Image.init 1 40 30 (fun _ y x -> float32 (y + x) / 70.0f)
                Expect.isLessThan (distance (ScoringKernel.DivideLight(6.0f, image)) (Light.divide 6.0f image)) 1e-4f "values"
                Expect.equal (ScoringKernel.DivideLight(0.0f, image)) image "identity"
            }
        ]
