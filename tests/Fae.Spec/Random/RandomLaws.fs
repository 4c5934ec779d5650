/// Everything random flows from one seed: SplitMix64, its streams, and the distributions built on it.
module Fae.Spec.RandomLaws

open System.Runtime.Intrinsics
open Fae.Core
open Fae.Kernels

[<NoComparison; NoEquality>]
type Generator =
    {
        Next: Seed -> struct (uint64 * Seed)
        Fork: uint64 -> Seed -> Seed
        Hash: uint64 -> uint64 -> uint64
        ToUnit: uint64 -> float32
    }

/// The first `count` words of a stream.
let private words (generator: Generator) count seed =
    Array.unfold
        (fun (left, at) ->
            if left = 0 then
                None
            else
                let struct (word, next) = generator.Next at
                Some(word, (left - 1, next)))
        (count, seed)

let private correlation (a: float[]) (b: float[]) =
    let ma, mb = Array.average a, Array.average b
    let covariance = Array.fold2 (fun sum x y -> sum + (x - ma) * (y - mb)) 0.0 a b
    let square m = Array.sumBy (fun x -> (x - m) * (x - m))
    covariance / sqrt (square ma a * square mb b)

/// |r| of independent draws stays below this with odds of 1 − 6·10⁻⁵: four standard errors.
let private independent (a: float32[]) (b: float32[]) =
    abs (correlation (Array.map float a) (Array.map float b)) < 4.0 / sqrt (float a.Length)

/// The 99.9% point of chi-square with 15 degrees of freedom.
let private evenly (bins: int[]) =
    let expected = float (Array.sum bins) / 16.0
    (bins |> Array.sumBy (fun n -> (float n - expected) ** 2.0 / expected)) < 37.7

/// Each bit set in half of the words, within five standard errors.
let private balanced (words: uint64[]) =
    let slack = 5.0 * 0.5 * sqrt (float words.Length)

    Seq.forall
        (fun bit ->
            let set = words |> Array.sumBy (fun word -> float ((word >>> bit) &&& 1UL))
            abs (set - 0.5 * float words.Length) < slack)
        (seq { 0..63 })

let private generatorLaws: Law<Generator> list =
    [
        // From Vigna's reference implementation, prng.di.unimi.it/splitmix64.c.
        Law.once "known answers: SplitMix64 of the seed 1234567" (fun g ->
            words g 5 (Random.ofSeed 1234567UL) =
                [|
                    6457827717110365317UL
                    3203168211198807973UL
                    9817491932198370423UL
                    4593380528125082431UL
                    16408922859458223821UL
                |])
        Law.forAll "the same seed gives the same bits" (fun g (seed: uint64) ->
            words g 10 (Random.ofSeed seed) = words g 10 (Random.ofSeed seed))
        Law.once "a fork depends neither on the order of forks nor on threads" (fun g ->
            let value (i: int) = g.Fork (uint64 i) (Random.ofSeed 7UL)
            let inOrder = Array.init 500 value
            (Array.Parallel.init 500 (fun i -> value (499 - i)) |> Array.rev) = inOrder)
        Law.once "no two of 256 forks share a word" (fun g ->
            let all = Array.collect (fun i -> words g 64 (g.Fork (uint64 i) (Random.ofSeed 5UL))) [| 0..255 |]
            (Array.distinct all).Length = all.Length)
        Law.once "forked streams are independent" (fun g ->
            let stream label = Array.map g.ToUnit (words g 20000 (g.Fork label (Random.ofSeed 3UL)))
            let a, b = stream 1UL, stream 2UL

            independent a b && independent a[1..] b[.. b.Length - 2] && independent b[1..] a[.. a.Length - 2])
        Law.once "every bit of a keyed word is set half of the time" (fun g -> balanced (Array.init 20000 (fun i -> g.Hash 9UL (uint64 i))))
        Law.once "keyed sequences of neighbouring keys are independent" (fun g ->
            let sequence key = Array.init 20000 (fun i -> g.ToUnit(g.Hash key (uint64 i)))

            independent (sequence 1UL) (sequence 2UL)
            && independent (Array.tail (sequence 1UL)) (Array.take 19999 (sequence 2UL)))
        Law.once "numbers from words lie in [0, 1) and fill sixteen bins evenly" (fun g ->
            let values = Array.map g.ToUnit (Array.append [| 0UL; System.UInt64.MaxValue |] (words g 16000 (Random.ofSeed 42UL)))

            let bins = Array.zeroCreate 16

            values
            |> Array.iter (fun v -> bins[max 0 (min 15 (int (16.0f * v)))] <- bins[max 0 (min 15 (int (16.0f * v)))] + 1)

            Array.forall (fun v -> v >= 0.0f && v < 1.0f) values && evenly bins)
        Law.forAll "keyed words equal the plain definition" (fun g (key: uint64, index: uint64) ->
            g.Hash key index = Random.hash key index && g.ToUnit key = Random.toUnit key)
    ]

let private plain = { Next = Random.next; Fork = Random.fork; Hash = Random.hash; ToUnit = Random.toUnit }

/// The vector kernel knows keyed words alone; streams are walked by the core.
let private kernel =
    { plain with
        Hash = fun key index -> RandomKernel.Hash(key, Vector512.Create index).ToScalar()
        ToUnit = fun word -> RandomKernel.ToUnit(Vector512.Create word, Vector512.Create word).ToScalar()
    }

let mutable private calls = 0UL

let private counted () =
    calls <- calls + 1UL
    calls

let private generatorMutants =
    [
        "the last shift of the finaliser is 32",
        "known answers: SplitMix64 of the seed 1234567",
        { plain with
            Next =
                fun seed ->
                    let struct (word, next) = Random.next seed
                    struct (word ^^^ (word >>> 32), next)
        }
        "a hidden counter goes into each word",
        "the same seed gives the same bits",
        { plain with
            Next =
                fun seed ->
                    let struct (word, next) = Random.next seed
                    struct (word + counted (), next)
        }
        "a hidden counter goes into each fork",
        "a fork depends neither on the order of forks nor on threads",
        { plain with Fork = fun label seed -> Random.fork (label + counted ()) seed }
        "a fork steps ahead on the same stream",
        "no two of 256 forks share a word",
        { plain with Fork = fun label seed -> { seed with State = seed.State + label * seed.Gamma } }
        "a fork is the successor of the fork before",
        "forked streams are independent",
        { plain with Fork = fun label seed -> { seed with State = seed.State + (label - 1UL) * seed.Gamma } }
        "keyed words are not mixed",
        "every bit of a keyed word is set half of the time",
        { plain with Hash = fun key index -> key + (index <<< 32) }
        "key and index are added before they are mixed",
        "keyed sequences of neighbouring keys are independent",
        { plain with Hash = fun key index -> Random.mix64 (key + index) }
        "numbers reach 1",
        "numbers from words lie in [0, 1) and fill sixteen bins evenly",
        { plain with ToUnit = fun word -> float32 (word >>> 32) / 4294967295.0f }
        "the index is mixed with another constant",
        "keyed words equal the plain definition",
        { plain with Hash = fun key index -> Random.hash (key + 1UL) index }
    ]

[<NoComparison; NoEquality>]
type Distributions =
    {
        Uniform: float32 -> float32 -> Sampler<float32>
        LogUniform: float32 -> float32 -> Sampler<float32>
        Integer: int -> int -> Sampler<int>
        Chance: float32 -> Sampler<bool>
        Normal: Sampler<float32>
        Choose: (float32 * Sampler<int>) list -> Sampler<int>
    }

let private draws count sampler = Sampler.value (Random.ofSeed 42UL) (Sampler.array count sampler)
let private within slack expected (actual: float) = abs (actual - expected) < slack
let private mean (values: float32[]) = Array.averageBy float values

let private share (values: 'a[]) p = values |> Array.averageBy (fun v -> if p v then 1.0 else 0.0)

let private distributionLaws: Law<Distributions> list =
    [
        Law.once "uniform draws stay inside and have the interval's mean and variance" (fun d ->
            let v = draws 20000 (d.Uniform -1.0f 3.0f)

            Array.forall (fun x -> x >= -1.0f && x < 3.0f) v
            && within 0.04 1.0 (mean v)
            && within 0.05 (16.0 / 12.0) (v |> Array.averageBy (fun x -> (float x - 1.0) ** 2.0)))
        Law.once "log-uniform draws fall as often between 1 and 2 as between 8 and 16" (fun d ->
            let v = draws 20000 (d.LogUniform 1.0f 16.0f)
            Seq.forall (fun low -> within 0.015 0.25 (share v (fun x -> x >= low && x < 2.0f * low))) [ 1.0f; 2.0f; 4.0f; 8.0f ])
        Law.once "whole numbers reach both ends, all alike" (fun d ->
            let v = draws 20000 (d.Integer -1 2)
            Seq.forall (fun n -> within 0.015 0.25 (share v ((=) n))) [ -1; 0; 1; 2 ])
        Law.once "a chance of p comes true in p of the draws, of 0 never, of 1 always" (fun d ->
            within 0.015 0.3 (share (draws 20000 (d.Chance 0.3f)) id)
            && share (draws 1000 (d.Chance 0.0f)) id = 0.0
            && share (draws 1000 (d.Chance 1.0f)) id = 1.0)
        Law.once "normal draws have mean 0, variance 1 and kurtosis 3" (fun d ->
            let v = draws 50000 d.Normal |> Array.map float

            within 0.02 0.0 (Array.average v)
            && within 0.03 1.0 (v |> Array.averageBy (fun x -> x * x))
            && within 0.2 3.0 (v |> Array.averageBy (fun x -> x ** 4.0)))
        Law.once "a choice follows its weights" (fun d ->
            let v = draws 20000 (d.Choose [ 1.0f, Sampler.constant 0; 3.0f, Sampler.constant 1; 0.0f, Sampler.constant 2 ])

            within 0.015 0.25 (share v ((=) 0)) && share v ((=) 2) = 0.0)
    ]

let private distributions =
    {
        Uniform = Sampler.uniform
        LogUniform = Sampler.logUniform
        Integer = Sampler.integer
        Chance = Sampler.chance
        Normal = Sampler.normal
        Choose = Sampler.choose
    }

let private distributionMutants =
    [
        "the width of the interval is forgotten",
        "uniform draws stay inside and have the interval's mean and variance",
        { distributions with Uniform = fun low _ -> Sampler.uniform low (low + 1.0f) }
        "log-uniform is uniform",
        "log-uniform draws fall as often between 1 and 2 as between 8 and 16",
        { distributions with LogUniform = Sampler.uniform }
        "the upper end is left out",
        "whole numbers reach both ends, all alike",
        { distributions with Integer = fun low high -> Sampler.integer low (high - 1) }
        "the odds are turned round",
        "a chance of p comes true in p of the draws, of 0 never, of 1 always",
        { distributions with Chance = Sampler.chance >> Sampler.map not }
        "normal draws are uniform with the same variance",
        "normal draws have mean 0, variance 1 and kurtosis 3",
        { distributions with Normal = Sampler.uniform (-(sqrt 3.0f)) (sqrt 3.0f) }
        "all options are alike",
        "a choice follows its weights",
        { distributions with Choose = List.map (fun (_, option) -> 1.0f, option) >> Sampler.choose }
    ]

let suites =
    [
        Suite.create
            "Random"
            "SplitMix64 (Steele, Lea, Flood 2014): words, streams that are split off or reached by name, and keyed words for pixels."
            generatorLaws
            [ "plain", plain; "kernel", kernel ]
            generatorMutants
        Suite.create
            "Distributions"
            "What is drawn from the words: uniform, normal, choices."
            distributionLaws
            [ "plain", distributions ]
            distributionMutants
    ]
