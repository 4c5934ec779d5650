/// Parts for tests of the studio.
module Fae.Tests.StudioParts

open System
open Fae.Core
open Fae.Imaging

let size = 64

/// A disc on a ground, each a little different; `defect`: a dark square on it.
let part number defect =
    let random = Random(number: int)
    let cx, cy = 32.0 + random.NextDouble() * 2.0, 32.0 + random.NextDouble() * 2.0
    let noise = Array.init (size * size) (fun _ -> 0.02f * float32 (random.NextDouble()))

    Image.init 1 size size (fun _ y x ->
        let inside = (float x - cx) ** 2.0 + (float y - cy) ** 2.0 < 400.0
        let dark = defect && x >= 28 && x < 38 && y >= 24 && y < 34

        (if dark then 0.05f
         elif inside then 0.7f
         else 0.3f)
        + noise[y * size + x])

let partPng number defect = ImageEncoder.toPng (part number defect)
