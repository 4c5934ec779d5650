module Fae.Tests.NativeFixTests

open System.IO
open Expecto
open Fae.NativeFix
open Fae.Tests.Helpers

/// The untouched library, in the package folder that restore fills.
let private original () =
    File.ReadAllBytes(Path.Combine(packages, "torchsharp", "0.107.0", "runtimes", "linux-x64", "native", "libLibTorchSharp.so"))

let tests =
    testList
        "Native fix"
        [
            test "fixing the library twice changes nothing more" {
                let bytes = original ()
                Expect.equal (GlibcxxFix.Apply bytes) FixOutcome.Fixed "first"
                let after = Array.copy bytes
                Expect.equal (GlibcxxFix.Apply bytes) FixOutcome.NothingToDo "second"
                Expect.equal bytes after "bytes"
            }

            test "only the flag, the name and the version entry change" {
                let before, after = original (), original ()
                GlibcxxFix.Apply after |> ignore
                let changed = Array.fold2 (fun n a b -> if a <> b then n + 1 else n) 0 before after
                Expect.isLessThan changed 20 "bytes that differ"
                Expect.equal after.Length before.Length "length"
            }

            test "other libraries are not changed" {
                for bytes in [ [||]; Array.create 100 7uy; Array.append [| 0x7Fuy; 69uy; 76uy; 70uy; 2uy; 1uy |] (Array.zeroCreate 200) ] do
                    let before = Array.copy bytes
                    Expect.equal (GlibcxxFix.Apply bytes) FixOutcome.NotUnderstood "outcome"
                    Expect.equal bytes before "bytes"
            }
        ]
