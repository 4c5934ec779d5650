module Fae.Tests.DifferenceTests

open Expecto
open Fae.Core
open Fae.Kernels
open Fae.Tests.Generators

let private kernel measure (x: Image) (r: Image) =
    let map = Array.zeroCreate x.Area

    DifferenceKernel.Map(
        measure,
        System.ReadOnlySpan x.Pixels,
        System.ReadOnlySpan r.Pixels,
        System.Span map,
        x.Channels,
        x.Height,
        x.Width
    )

    Image.ofArray 1 x.Height x.Width map

let private laws name (map: Measure -> Image -> Image -> Image) =
    testList
        name
        [
            law "D(x, x) = 0" (fun (Grey x) ->
                Difference.all
                |> List.forall (fun m -> (map m x x).Pixels |> Array.forall (fun v -> abs v < 2e-3f)))
            law "D ≥ 0, and symmetric" (fun (Pair(x, r)) ->
                Difference.all
                |> List.forall (fun m ->
                    (map m x r).Pixels |> Array.forall (fun v -> v >= 0.0f)
                    && distance (map m x r) (map m r x) < 1e-4f))
            law "stays in its range" (fun (Pair(x, r)) ->
                [ Mse, 1.0f; Relative, 1.0f; Ssim, 2.0f; Gms, 1.0f ]
                |> List.forall (fun (m, most) -> (map m x r).Pixels |> Array.forall (fun v -> v <= most + 1e-3f)))
            law "equals the plain definition" (fun (Pair(x, r)) ->
                Difference.all
                |> List.forall (fun m -> distance (map m x r) (Difference.map m x r) < 1e-3f))
        ]

let tests =
    testList
        "Difference"
        [
            laws "plain" Difference.map
            laws "kernel" kernel
            test "GMS of a vertical and a horizontal edge differs, of a brightness offset it does not" {
                let vertical = Image.init 1 16 16 (fun _ _ x -> if x < 8 then 0.2f else 0.8f)
                let offset = Image.map (fun v -> v + 0.1f) vertical
                Expect.isLessThan (Array.max (Difference.gms vertical offset).Pixels) 1e-4f "offset"
                let flat = Image.constant 1 16 16 0.5f
                Expect.isGreaterThan (Array.max (Difference.gms vertical flat).Pixels) 0.9f "lost edge"
            }
        ]
