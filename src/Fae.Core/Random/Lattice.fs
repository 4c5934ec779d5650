/// Random values on the integer lattice, by number and not in order: smooth noise, and cells that are in or out.
namespace Fae.Core

[<RequireQualifiedAccess>]
module Lattice =
    let private word (u: int) (v: int) = uint64 (uint32 u) ||| (uint64 (uint32 v) <<< 32)

    /// Value noise: the lattice's values, smoothly joined. In [0, 1].
    let noise (key: uint64) (u: float32) (v: float32) =
        let fu = floor u
        let fv = floor v
        let at du dv = Random.toUnit (Random.mix64 (key ^^^ word (int fu + du) (int fv + dv)))
        let s = u - fu
        let t = v - fv
        let s = s * s * (3.0f - 2.0f * s)
        let t = t * t * (3.0f - 2.0f * t)
        let upper = at 0 0 + s * (at 1 0 - at 0 0)
        let lower = at 0 1 + s * (at 1 1 - at 0 1)
        upper + t * (lower - upper)

    /// Which of `sets` sets the cell (u, v) belongs to; each cell is in exactly one.
    let setOf (key: uint64) (sets: int) (u: int) (v: int) = int (Random.hash key (word u v) % uint64 sets)
