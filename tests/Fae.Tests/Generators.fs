/// Awkward inputs for the laws: images of 1×1, 1×n, primes, smaller and larger than any kernel; constants and ties.
module Fae.Tests.Generators

open System
open System.IO
open Expecto
open FsCheck
open FsCheck.FSharp
open Fae.Core

/// A grey image with values in [0, 1] of an awkward size.
type Grey = Grey of Image

/// Two grey images of one size.
type Pair = Pair of Image * Image

/// Scores with ties, and labels of both kinds.
type Labelled = Labelled of float32[] * bool[]

let private side = Gen.elements [ 1; 2; 3; 5; 7; 11; 16; 23 ]

let private pixels count =
    Gen.oneof
        [
            Gen.arrayOfLength count (Gen.choose (0, 1000) |> Gen.map (fun n -> float32 n / 1000.0f))
            Gen.choose (0, 4) |> Gen.map (fun n -> Array.create count (float32 n / 4.0f))
            Gen.arrayOfLength count (Gen.elements [ 0.0f; 0.5f; 1.0f; 1e-40f ])
        ]

let private image height width = pixels (height * width) |> Gen.map (Image.ofArray 1 height width)

type Arbitraries =
    static member Grey() =
        gen {
            let! height = side
            let! width = side
            let! image = image height width
            return Grey image
        }
        |> Arb.fromGen

    static member Pair() =
        gen {
            let! height = side
            let! width = side
            let! a = image height width
            let! b = image height width
            return Pair(a, b)
        }
        |> Arb.fromGen

    static member Labelled() =
        gen {
            let! count = Gen.choose (2, 40)
            let! scores = Gen.arrayOfLength count (Gen.choose (0, 9) |> Gen.map (fun n -> float32 n))
            let! labels = Gen.arrayOfLength count (Gen.elements [ true; false ])
            labels[0] <- true
            labels[1] <- false
            return Labelled(scores, labels)
        }
        |> Arb.fromGen

/// How the laws are run: with our generators, 200 cases each.
let law name property =
    testPropertyWithConfig
        { FsCheckConfig.defaultConfig with
            maxTest = 200
            arbitrary = [ typeof<Arbitraries> ]
        }
        name
        property

/// The largest difference between two images' values.
let distance (a: Image) (b: Image) = Array.fold2 (fun most x y -> max most (abs (x - y))) 0.0f a.Pixels b.Pixels

/// A folder that is gone after the test.
let inTemporaryFolder (work: string -> 'a) =
    let folder = Path.Combine(Path.GetTempPath(), "fae-test-" + Guid.NewGuid().ToString "N")
    Directory.CreateDirectory folder |> ignore

    try
        work folder
    finally
        Directory.Delete(folder, true)
