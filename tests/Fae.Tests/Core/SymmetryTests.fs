module Fae.Tests.SymmetryTests

open Expecto
open Fae.Core

/// A grainy picture around a rule, one for each number.
let private picture (rule: float32 -> float32 -> float32) number =
    let grain = Noise.field (Random.hash 7UL (uint64 number)) 0.03f 1 64 64

    Image.init 1 64 64 (fun _ y x -> rule (float32 x / 63.0f) (float32 y / 63.0f) + grain[0, y, x])

let private ofRule rule = Symmetry.ofImages [ for i in 0..15 -> picture rule i ]

let private expect horizontal vertical turns any name (found: Symmetry) =
    let wanted = { FlipHorizontal = horizontal; FlipVertical = vertical; QuarterTurns = turns; AnyRotation = any }

    Expect.equal found wanted name

let tests =
    testList
        "Symmetry"
        [
            test "a symmetry is described" {
                let none = ofRule (fun x y -> x * x + 0.3f * y)
                Expect.stringContains (Symmetry.describe none) "no mirroring and no turn" "none"
                let any = Symmetry.describe (ofRule (fun _ _ -> 0.5f))
                Expect.stringContains any "left to right, top to bottom, by any angle" "grain"

                let quarters = Symmetry.describe { none with QuarterTurns = true }

                Expect.stringContains quarters "by quarter turns" "quarters"
            }

            test "an isotropic texture allows every symmetry" { ofRule (fun _ _ -> 0.5f) |> expect true true true true "a texture" }

            test "light from the right allows only the symmetries that keep it there" {
                ofRule (fun x _ -> 0.2f + 0.5f * x) |> expect false true false false "a ramp"
            }

            test "vertical stripes allow mirroring, but no quarter turn" {
                ofRule (fun x _ -> 0.5f + 0.3f * cos (6.2831853f * 4.0f * (x - 0.5f)))
                |> expect true true false false "stripes"
            }

            test "the shape of a letter allows no symmetry" {
                let p x y = if (x > 0.3f && x < 0.4f) || (x < 0.7f && x > 0.3f && y < 0.3f) then 0.9f else 0.2f

                ofRule p |> expect false false false false "a letter"
            }

            test "parts in random orientations allow every symmetry" {
                let lying i =
                    let angle = 6.2831853f * float32 i / 16.0f + 0.1f

                    picture
                        (fun x y ->
                            let u = (x - 0.5f) * cos angle + (y - 0.5f) * sin angle
                            let v = (y - 0.5f) * cos angle - (x - 0.5f) * sin angle
                            if u > 0.0f && u < 0.4f && abs v < 0.1f then 0.9f else 0.2f)
                        i

                Symmetry.ofImages [ for i in 0..15 -> lying i ] |> expect true true true true "pins"
            }

            test "vertical grain allows mirroring, but no quarter turn, at any position" {
                // Long streaks at places that no two pictures share.
                let streaks i =
                    let grain = Noise.field (Random.hash 8UL (uint64 i)) 0.5f 1 160 160
                    Image.init 1 128 128 (fun _ y x -> Seq.averageBy (fun d -> grain[0, y + d, x]) [ 0..16 ])

                Symmetry.ofImages [ for i in 0..15 -> streaks i ] |> expect true true false false "streaks"
            }

            test "boards of many layouts may be mirrored and turned by quarters, but by no other angle" {
                let board i =
                    let drawn salt = Random.toUnit (Random.hash (uint64 i) (uint64 salt))
                    let lines = [ for n in 0..11 -> n % 2 = 0, int (120.0f * drawn (3 * n)), int (90.0f * drawn (3 * n + 1)) ]

                    Image.init 1 128 128 (fun _ y x ->
                        let on (across, at, from) =
                            let along, off = if across then x - from, y - at else y - from, x - at
                            off >= 0 && off < 6 && along >= 0 && along < 50

                        if List.exists on lines then 0.9f else 0.1f)

                Symmetry.ofImages [ for i in 0..31 -> board i ] |> expect true true true false "boards"
            }

            test "a part that is symmetric in grey but not in colour may not be mirrored so that its colours change places" {
                let cable i =
                    let grey = picture (fun x y -> if abs (y - 0.5f) < 0.3f && abs (x - 0.5f) > 0.1f then 0.7f else 0.3f) i

                    Image.init 3 64 64 (fun channel y x ->
                        // Left and right have their red and blue exchanged.
                        let tint =
                            if channel = 1 then 0.0f
                            elif (channel = 0) = (x < 32) then 0.1f
                            else -0.1f

                        grey[0, y, x] + (if grey[0, y, x] > 0.5f then tint else 0.0f))

                let pictures = [ for i in 0..15 -> cable i ]
                Symmetry.ofImages (List.map Image.meanPlane pictures) |> expect true true false false "its grey"
                Symmetry.ofImages pictures |> expect false true false false "its colours"
            }

            test "one picture allows no symmetry" {
                Symmetry.ofImages [ picture (fun _ _ -> 0.5f) 0 ] |> expect false false false false "one"
            }
        ]
