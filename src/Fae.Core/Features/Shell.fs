/// The shell that GLASS (Chen et al., ECCV 2024) keeps its synthetic features in: all points at a distance between r and 2·r from a centre.
namespace Fae.Core

[<RequireQualifiedAccess>]
module Shell =
    /// The point of the shell around `centre` that is nearest to `point`, in the direction of `point`.
    let project (radius: float) (centre: float32[]) (point: float32[]) =
        let away = Array.map2 (fun (p: float32) c -> float p - float c) point centre
        let length = max 1e-12 (sqrt (Array.sumBy (fun d -> d * d) away))
        let factor = (length |> max radius |> min (2.0 * radius)) / length
        Array.map2 (fun (c: float32) d -> float32 (float c + factor * d)) centre away
