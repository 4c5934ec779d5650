module Fae.Tests.RandomTests

open Expecto
open Fae.Core
open Fae.Tests.Generators

let private draws count sampler = Sampler.value (Random.ofSeed 42UL) (Sampler.array count sampler)

let private correlation (a: float32[]) (b: float32[]) =
    let ma, mb = Array.average a, Array.average b
    let cov = Array.fold2 (fun sum x y -> sum + float (x - ma) * float (y - mb)) 0.0 a b
    let var (v: float32[]) m = v |> Array.sumBy (fun x -> float (x - m) ** 2.0)
    cov / sqrt (var a ma * var b mb)

let tests =
    testList
        "Random"
        [
            test "known answers of SplitMix64 for the seed 1234567" {
                // From Vigna's reference implementation, prng.di.unimi.it/splitmix64.c.
                let expected =
                    [
                        6457827717110365317UL
                        3203168211198807973UL
                        9817491932198370423UL
                        4593380528125082431UL
                        16408922859458223821UL
                    ]

                let step seed =
                    let struct (word, next) = Random.next seed
                    Some(word, next)

                let drawn = Seq.unfold step (Random.ofSeed 1234567UL) |> Seq.truncate 5 |> List.ofSeq
                Expect.equal drawn expected "the first five words"
            }

            law "the same seed gives the same bits" (fun (seed: uint64) ->
                let draw () = Sampler.value (Random.ofSeed seed) (Sampler.array 10 Sampler.normal)
                draw () = draw ())

            test "a fork does not depend on the order in which forks are taken, nor on threads" {
                let root = Random.ofSeed 7UL
                let value (i: int) = Sampler.value (Random.fork (uint64 i) root) Sampler.bits
                let inOrder = Array.init 1000 value
                let inParallel = Array.Parallel.init 1000 (fun i -> value (999 - i)) |> Array.rev
                Expect.equal inParallel inOrder "words"
            }

            test "split streams are uncorrelated" {
                let struct (left, right) = Random.split (Random.ofSeed 3UL)
                let a = Sampler.value left (Sampler.array 20000 (Sampler.uniform 0.0f 1.0f))
                let b = Sampler.value right (Sampler.array 20000 (Sampler.uniform 0.0f 1.0f))
                Expect.isLessThan (abs (correlation a b)) 0.03 "four standard errors are 0.028"
            }

            test "uniform draws fill sixteen bins evenly (chi-square)" {
                let bins = Array.zeroCreate<int> 16

                draws 16000 (Sampler.uniform 0.0f 16.0f)
                |> Array.iter (fun v -> bins[int v] <- bins[int v] + 1)

                let chi = bins |> Array.sumBy (fun n -> float (n - 1000) ** 2.0 / 1000.0)
                Expect.isLessThan chi 37.7 "the 99.9% point of chi-square with 15 degrees"
            }

            test "normal draws have mean 0, variance 1 and kurtosis 3" {
                let v = draws 50000 Sampler.normal |> Array.map float
                Expect.isLessThan (abs (Array.average v)) 0.02 "mean"
                Expect.isLessThan (abs ((v |> Array.averageBy (fun x -> x * x)) - 1.0)) 0.03 "variance"
                Expect.isLessThan (abs ((v |> Array.averageBy (fun x -> x ** 4.0)) - 3.0)) 0.2 "kurtosis"
            }

            test "a choice follows its weights" {
                let picks = draws 20000 (Sampler.choose [ 1.0f, Sampler.constant 0; 3.0f, Sampler.constant 1 ])
                Expect.floatClose { absolute = 0.015; relative = 0.0 } (Array.averageBy float picks) 0.75 "share of the heavier option"
            }

            test "the noise field has the variance asked for" {
                let field = Noise.field 9UL 0.1f 3 100 100
                let variance = field.Pixels |> Array.averageBy (fun v -> float v * float v)
                Expect.floatClose { absolute = 0.0004; relative = 0.0 } variance 0.01 "σ²"
            }
        ]
