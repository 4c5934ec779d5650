/// The fuzzer's short run, a few thousand inputs a reader; `build.fsx Fuzz` is the long one.
module Fae.Tests.FuzzTests

open System.Text
open Expecto
open Fae.Tests.Helpers
open Fae.Core

/// Inputs a reader in an ordinary run, and of the server, whose every answer is a connection.
let private inputs, private requests = 5000, 1500

let private harmless (target: Mutation.Target) count =
    let counters = Mutation.run target 0 count

    for number, what in counters.Defects do
        failtest $"{target.Name}, input {number} (replay with --fuzz-one \"{target.Name}\" {number}): {what}"

    Expect.isGreaterThan counters.Taken 0 "some are taken: the fuzzer gets behind the door"
    Expect.isLessThan counters.Taken count "some are refused"

/// A reader with a mistake of the usual kind: it believes a length.
let private trusting: Mutation.Target =
    {
        Name = "trusting"
        Seeds = lazy [| "3:abc"B |]
        Words = [||]
        Reads =
            fun bytes ->
                let text = Encoding.Latin1.GetString bytes

                match text.Split ':' with
                | [| length; rest |] when length <> "" && Seq.forall System.Char.IsAsciiDigit length && length.Length < 6 ->
                    rest.Substring(0, int length) <> ""
                | _ -> false
        Together = 1
    }

let tests =
    oneByOne
        "Fuzz"
        [
            for target in FileTargets.targets do
                test target.Name { harmless target inputs }

            test "regressions of the long run: a date in a list of numbers, a curve outside every picture" {
                Expect.equal
                    (parseConfig "[network]\ndilations = [1979-05-27T07:32:00Z]\n")
                    (Error [ "a list holds something else than numbers or texts" ])
                    "a date"

                let knot at = { AtX = at; AtY = -at; Width = 0.1f }
                let picture = Image.constant 1 24 24 0.5f

                for far in [ 1e9f; 1e30f ] do
                    for near in [ 0.0f; far; -far ] do
                        let plan =
                            [
                                {
                                    Shape = Curve(Pose.at 0.5f 0.5f 0.3f, [| knot -far; knot near |])
                                    Softness = 0.01f
                                    Fill = Plain [| 1.0f |]
                                    Opacity = 1.0f
                                }
                            ]

                        Plan.render [| picture |] picture plan |> ignore
                        Fae.Spec.RenderLaws.kernel [| picture |] picture plan |> ignore
            }

            test "a reader that trusts a length is detected, and its input is reproduced by number" {
                match (Mutation.run trusting 0 2000).Defects with
                | (number, _) :: _ ->
                    Expect.equal (Mutation.run trusting number 1).Defects.Length 1 "again"
                    Expect.equal (Mutation.input trusting number) (Mutation.input trusting number) "the same bytes"
                | [] -> failtest "not found"
            }
        ]

/// The server is a process.
let server =
    oneByOne "Fuzz, the server" [ test "bytes on a connection" { Fuzz.withServer (fun target -> harmless target requests) } ]
