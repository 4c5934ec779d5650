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
