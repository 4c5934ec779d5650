/// The affine coupling of normalising flows (Dinh et al., ICLR 2017), of MSFlow: half of the values is scaled and shifted by what a network
/// makes of the other half, so that the inverse and the log-determinant are at hand.
namespace Fae.Core

[<RequireQualifiedAccess>]
module Coupling =
    /// The largest log of a scale.
    let clamp = 1.9

    /// c·2/π·atan(s/c): about 2/π·s near zero, never beyond ±c.
    let softClamp (s: float32) = float32 (clamp * 2.0 / System.Math.PI * atan (float s / clamp))

    /// y₁ = x₁, y₂ = x₂·exp(softClamp s) + t with (s, t) = network x₁; and log |∂y/∂x| = Σ softClamp s.
    let forward (network: float32[] -> float32[] * float32[]) (x: float32[]) =
        let kept, changed = Array.splitAt (x.Length / 2) x
        let s, t = network kept
        let scale = Array.map softClamp s
        let moved = Array.map3 (fun (v: float32) (k: float32) u -> v * exp k + u) changed scale t
        Array.append kept moved, Array.sumBy float scale

    /// x of y.
    let inverse (network: float32[] -> float32[] * float32[]) (y: float32[]) =
        let kept, moved = Array.splitAt (y.Length / 2) y
        let s, t = network kept
        Array.append kept (Array.map3 (fun (v: float32) k u -> (v - u) * exp (-(softClamp k))) moved s t)
