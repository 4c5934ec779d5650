/// Drift detection by a two-sample Kolmogorov–Smirnov test between held-out and later scores. The test allows for the size of both samples.
namespace Fae.Core

/// The largest distance between the two distributions, and the probability of one as large if nothing has changed.
[<Struct>]
type Drift =
    {
        Distance: float
        Significance: float
    }

    /// Whether the distance is too improbable for chance: below a probability of 0.001.
    member drift.IsAlarm = drift.Significance < 0.001

[<RequireQualifiedAccess>]
module Drift =
    /// sup |F(s) − G(s)| of the empirical distributions of two samples.
    let distance (a: float32[]) (b: float32[]) =
        let a, b = Array.sort a, Array.sort b
        let mutable i, j, most = 0, 0, 0.0

        // Both walked together, past every tie.
        while i < a.Length && j < b.Length do
            let at = min a[i] b[j]

            while i < a.Length && a[i] <= at do
                i <- i + 1

            while j < b.Length && b[j] <= at do
                j <- j + 1

            most <- max most (abs (float i / float a.Length - float j / float b.Length))

        most

    /// Kolmogorov's tail Q(λ) = 2·Σ (−1)^(k−1)·exp(−2k²λ²), with Stephens's correction for small samples.
    let significance (distance: float) (n: int) (m: int) =
        let effective = float n * float m / float (n + m)
        let root = sqrt effective
        let lambda = (root + 0.12 + 0.11 / root) * distance

        if lambda < 0.2 then
            1.0
        else
            let term k = (if k % 2 = 1 then 2.0 else -2.0) * exp (-2.0 * float (k * k) * lambda * lambda)
            max 0.0 (min 1.0 (List.sumBy term [ 1..100 ]))

    /// Held-out scores against later ones; `None` of fewer than ten and twenty, which say nothing.
    let test (heldOut: float32[]) (later: float32[]) =
        if heldOut.Length < 10 || later.Length < 20 then
            None
        else
            let d = distance heldOut later

            Some { Distance = d; Significance = significance d heldOut.Length later.Length }

    /// How many of the latest scores a running monitor tests.
    let window = 500
