/// The synthetic defects that choices are made by.
module Fae.Tests.SyntheticDefectTests

open Expecto
open Fae.Core
open Fae.Data

/// Parts with values between the two.
let private parts (low: float32) (high: float32) =
    ImageCache.OfImages
        [|
            for number in 0..7 ->
                Image.init 1 64 64 (fun _ y x ->
                    let wave = sin (float32 (x + number) * 0.4f) * cos (float32 y * 0.3f)
                    low + (high - low) * (0.5f + 0.5f * wave))
        |]

let private validation low high =
    let config = { Config.defaults with Image = { Config.defaults.Image with Size = 64 } }
    let parts = parts low high
    SyntheticDefects.validation config (TrainingSource(config, parts, [||], None)) None parts

let tests =
    testList
        "Synthetic defects"
        [
            for low, high in [ 0.45f, 0.55f; 0.02f, 0.05f; 0.0f, 1.0f ] do
                test $"parts between {low} and {high}: defects that can be seen and are no brighter or darker than the parts" {
                    let made = validation low high
                    let margin = 0.11f * (high - low)
                    Expect.isGreaterThan made.Corrupted.Count 80 "defects"

                    for i in 0 .. made.Corrupted.Count - 1 do
                        for value in made.Corrupted[i].Pixels do
                            Expect.isTrue (value >= low - margin && value <= high + margin) $"{value}"

                        let good = made.Clean[i * made.Clean.Count / made.Corrupted.Count]
                        let changes = Array.map2 (fun a b -> abs (a - b)) good.Pixels made.Corrupted[i].Pixels
                        Expect.isGreaterThan (Array.max changes) (min 0.08f (0.4f * (high - low))) "a change that is seen"
                }
        ]
