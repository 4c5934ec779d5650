/// The coreset of a memory bank: greedy farthest points.
module Fae.Spec.CoresetLaws

open Fae.Core
open Fae.Kernels

/// The number of first points that are given → indices of so many points.
type Chooser = int -> int -> float32[][] -> int[]

/// Points of small whole numbers: every distance is exact, and there are ties and equal points.
let private points (seed: uint64) (n: uint8) (dimensions: uint8) =
    let at i = float32 (Random.hash seed (uint64 i) % 9UL)
    let width = 1 + int dimensions % 37
    Array.init (2 + int n % 40) (fun i -> Array.init width (fun d -> at (i * width + d)))

let private some (count: uint8) (all: 'a[]) = 1 + int count % all.Length

let private toNearest (chosen: float32[][]) point = MemoryBank.nearest chosen point

let private laws: Law<Chooser> list =
    [
        Law.forAll "as many points as were asked for, the given ones first, none twice" (fun choose (seed, n, d, k, g) ->
            let all = points seed n d
            let chosen = choose (some g all) (some k all) all
            let first = min (some g all) (some k all)

            chosen.Length = some k all
            && Array.truncate first chosen = [| 0 .. first - 1 |]
            && (Array.distinct chosen).Length = chosen.Length)
        Law.forAll "each choice is the farthest from those before it" (fun choose (seed, n, d, k, g) ->
            let all = points seed n d
            let chosen = choose (some g all) (some k all) all |> Array.map (fun i -> all[i])

            [ some g all .. chosen.Length - 1 ]
            |> List.forall (fun i ->
                let before = Array.truncate i chosen
                toNearest before chosen[i] >= Array.max (Array.map (toNearest before) all) - 1e-5))
        Law.forAll "every point is within the covering radius: no farther than the last choice was" (fun choose (seed, n, d, k) ->
            let all = points seed n d
            let chosen = choose 1 (some k all) all
            let last = all[Array.last chosen]
            let before = chosen |> Array.truncate (chosen.Length - 1) |> Array.map (fun i -> all[i])
            before.Length = 0 || MemoryBank.coveringRadius chosen all <= toNearest before last + 1e-5)
        Law.forAll "equals the plain definition" (fun choose (seed, n, d, k, g) ->
            let all = points seed n d
            choose (some g all) (some k all) all = MemoryBank.coreset (some g all) (some k all) all)
    ]

let private plain: Chooser = MemoryBank.coreset

let private kernel: Chooser =
    fun given count points -> CoresetKernel.Choose(Array.concat points, points[0].Length, given, count)

let private mutants: (string * string * Chooser) list =
    [
        "points may be chosen again",
        "as many points as were asked for, the given ones first, none twice",
        (fun _ count points ->
            let rec choose chosen =
                if List.length chosen = count then
                    List.rev chosen
                else
                    let bank = chosen |> List.map (fun i -> points[i]) |> Array.ofList
                    choose (fst (Array.indexed points |> Array.maxBy (snd >> toNearest bank)) :: chosen)

            Array.ofList (choose [ 0 ]))
        "the farthest from the last choice alone",
        "each choice is the farthest from those before it",
        (fun _ count points ->
            let rec choose chosen =
                if List.length chosen = count then
                    List.rev chosen
                else
                    let left =
                        [
                            for i in 0 .. points.Length - 1 do
                                if not (List.contains i chosen) then i
                        ]

                    choose (List.maxBy (fun i -> MemoryBank.squaredDistance points[i] points[List.head chosen]) left :: chosen)

            Array.ofList (choose [ 0 ]))
        "the first points",
        "every point is within the covering radius: no farther than the last choice was",
        (fun _ count _ -> [| 0 .. count - 1 |])
        "of equals the last one",
        "equals the plain definition",
        (fun given count points ->
            let n = points.Length
            let turned = Array.append [| points[0] |] (Array.rev (Array.tail points))
            MemoryBank.coreset given count turned |> Array.map (fun i -> if i = 0 then 0 else n - i))
        "the given points are farthest ones too",
        "as many points as were asked for, the given ones first, none twice",
        (fun _ count points -> MemoryBank.coreset 1 count points)
    ]

let suite =
    Suite.create
        "Coreset"
        "The points that a memory bank keeps of all good patches: greedy farthest points (PatchCore)."
        laws
        [ "plain", plain; "kernel", kernel ]
        mutants
