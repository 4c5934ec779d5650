/// The Sinkhorn divergence between two sets of points of equal weights (Feydy et al., AISTATS 2019), of RD++: entropic optimal transport
/// without its bias. Cost: ½·‖x − y‖²; ε = 0.05².
namespace Fae.Core

[<RequireQualifiedAccess>]
module Sinkhorn =
    let epsilon = 0.0025
    let iterations = 50

    let private logSumExp (values: float[]) =
        let largest = Array.max values
        largest + log (Array.sumBy (fun v -> exp (v - largest)) values)

    /// min over plans of ⟨plan, cost⟩ + ε·KL, by its dual potentials.
    let private cost (a: float32[][]) (b: float32[][]) =
        let between = a |> Array.map (fun x -> b |> Array.map (fun y -> 0.5 * MemoryBank.squaredDistance x y))
        let even (points: float32[][]) = -log(float points.Length)
        let columns = Array.transpose between

        let soft rows weight (potential: float[]) =
            rows
            |> Array.map (fun row -> -epsilon * logSumExp (Array.map2 (fun p c -> (p - c) / epsilon + weight) potential row))

        let step (_, g) _ =
            let f = soft between (even b) g
            f, soft columns (even a) f

        let f, g = List.fold step (Array.zeroCreate a.Length, Array.zeroCreate b.Length) [ 1..iterations ]
        Array.average f + Array.average g

    /// cost(a, b) − ½·(cost(a, a) + cost(b, b)), at least zero, and zero if a = b.
    let divergence (a: float32[][]) (b: float32[][]) = cost a b - 0.5 * (cost a a + cost b b)
