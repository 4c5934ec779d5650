/// What the tests share.
module Fae.Tests.Helpers

open System
open System.IO
open Expecto
open Fae.Core

/// A property outside the specification: with its generators, 200 cases.
let law name property =
    testPropertyWithConfig
        { FsCheckConfig.defaultConfig with
            maxTest = 200
            arbitrary = [ typeof<Fae.Spec.Generators.Arbitraries> ]
        }
        name
        property

/// The largest difference between two images' values.
let distance (a: Image) (b: Image) = Fae.Spec.Near.distance a b

/// A folder that is gone after the test.
let inTemporaryFolder (work: string -> 'a) =
    let folder = Path.Combine(Path.GetTempPath(), "fae-test-" + Guid.NewGuid().ToString "N")
    Directory.CreateDirectory folder |> ignore

    try
        work folder
    finally
        Directory.Delete(folder, true)

/// Grey parts with a fine regular pattern; bad ones have a blot of other texture. No two alike.
let part size (number: int) =
    let drawn salt = Random.toUnit (Random.hash 0x9A27UL (uint64 number * 8UL + salt))
    let phase, light = 6.0f * drawn 0UL, 0.9f + 0.2f * drawn 1UL

    Image.init 1 size size (fun _ y x ->
        light
        * (0.5f + 0.2f * sin (float32 x * 0.55f + phase) * sin (float32 y * 0.55f)))

let blotted size (number: int) =
    let image = part size number
    let place salt = 6 + int (Random.hash 0xB107UL (uint64 number * 8UL + salt) % uint64 (size - 22))
    let top, left = place 0UL, place 1UL
    let dark = number % 2 = 0

    let inside y x = y >= top && y < top + 10 && x >= left && x < left + 12

    Image.init 1 size size (fun _ y x ->
        if inside y x then
            (if dark then
                 0.05f
             else
                 0.95f - 0.3f * float32 ((y / 2 + x / 2) % 2))
        else
            image[0, y, x]),
    Image.init 1 size size (fun _ y x -> if inside y x then 1.0f else 0.0f)
