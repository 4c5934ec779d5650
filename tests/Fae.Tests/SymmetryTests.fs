module Fae.Tests.SymmetryTests

open Expecto
open Fae.Core

/// A grainy picture around a rule, one for each number.
let private picture (rule: float32 -> float32 -> float32) number =
    let grain = Noise.field (Random.hash 7UL (uint64 number)) 0.03f 1 64 64

    Image.init 1 64 64 (fun _ y x -> rule (float32 x / 63.0f) (float32 y / 63.0f) + grain[0, y, x])

let private ofRule rule = Symmetry.ofImages [ for i in 0..15 -> picture rule i ]

let private expect horizontal vertical turns name (found: Symmetry) =
    let wanted =
        {
            FlipHorizontal = horizontal
            FlipVertical = vertical
            QuarterTurns = turns
        }

    Expect.equal found wanted name

let tests =
    testList
        "Symmetry"
        [
            test "grain looks the same in every direction" { ofRule (fun _ _ -> 0.5f) |> expect true true true "a texture" }

            test "light from the right allows only what leaves it on the right" {
                ofRule (fun x _ -> 0.2f + 0.5f * x) |> expect false true false "a ramp"
            }

            test "upright stripes may be mirrored, but not laid down" {
                ofRule (fun x _ -> 0.5f + 0.3f * cos (6.2831853f * 4.0f * (x - 0.5f)))
                |> expect true true false "stripes"
            }

            test "a letter's shape allows nothing" {
                let p x y =
                    if (x > 0.3f && x < 0.4f) || (x < 0.7f && x > 0.3f && y < 0.3f) then
                        0.9f
                    else
                        0.2f

                ofRule p |> expect false false false "a letter"
            }

            test "parts that lie in any direction allow everything" {
                let lying i =
                    let angle = 6.2831853f * float32 i / 16.0f + 0.1f

                    picture
                        (fun x y ->
                            let u = (x - 0.5f) * cos angle + (y - 0.5f) * sin angle
                            let v = (y - 0.5f) * cos angle - (x - 0.5f) * sin angle
                            if u > 0.0f && u < 0.4f && abs v < 0.1f then 0.9f else 0.2f)
                        i

                Symmetry.ofImages [ for i in 0..15 -> lying i ] |> expect true true true "pins"
            }

            test "one picture says nothing" {
                Symmetry.ofImages [ picture (fun _ _ -> 0.5f) 0 ]
                |> expect false false false "one"
            }
        ]
