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
            law "a weighted sum is the sum of its parts" (fun (Pair(x, r)) ->
                let sum = map (Weighted [ 0.5f, Mse; 2.0f, Gms ]) x r
                let parts = Image.map2 (fun a b -> 0.5f * a + 2.0f * b) (map Mse x r) (map Gms x r)
                distance sum parts < 1e-4f)
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
            test "a measure is read as it is named" {
                for measure in Weighted [ 0.5f, Mse; 2.0f, Ssim ] :: Difference.all do
                    Expect.equal (Difference.tryParse (Difference.name measure)) (Some measure) (Difference.name measure)

                Expect.equal (Difference.tryParse "mse + ssim") (Some(Weighted [ 1.0f, Mse; 1.0f, Ssim ])) "weights of one"

                for text in [ ""; "msee"; "0*mse"; "-1*mse"; "mse+"; "nan*mse"; "2*3*mse" ] do
                    Expect.isNone (Difference.tryParse text) text
            }
            test "GMS of a vertical and a horizontal edge differs, of a brightness offset it does not" {
                let vertical = Image.init 1 16 16 (fun _ _ x -> if x < 8 then 0.2f else 0.8f)
                let offset = Image.map (fun v -> v + 0.1f) vertical
                Expect.isLessThan (Array.max (Difference.gms vertical offset).Pixels) 1e-4f "offset"
                let flat = Image.constant 1 16 16 0.5f
                Expect.isGreaterThan (Array.max (Difference.gms vertical flat).Pixels) 0.9f "lost edge"
            }
        ]
