/// A distribution as a value: small combinators over the splittable generator.
namespace Fae.Core

/// A recipe that turns a generator into a value and the generator after it.
[<Struct>]
type Sampler<'a> = Sampler of (Seed -> struct ('a * Seed))

[<RequireQualifiedAccess>]
module Sampler =
    /// Draws one value.
    let run (seed: Seed) (Sampler draw) = draw seed

    /// Draws one value.
    let value (seed: Seed) sampler =
        let struct (x, _) = run seed sampler
        x

    /// Always this value; uses no randomness.
    let constant x = Sampler(fun seed -> struct (x, seed))

    let bind (f: 'a -> Sampler<'b>) (Sampler draw) =
        Sampler(fun seed ->
            let struct (x, rest) = draw seed
            run rest (f x))

    let map f (Sampler draw) =
        Sampler(fun seed ->
            let struct (x, rest) = draw seed
            struct (f x, rest))

    /// 64 uniform bits, for instance the key of a texture.
    let bits = Sampler Random.next

    /// Uniform on [low, high).
    let uniform (low: float32) (high: float32) = map (fun word -> low + (high - low) * Random.toUnit word) bits

    /// Uniform in the logarithm: as often between 1 and 2 as between 8 and 16. Both bounds positive.
    let logUniform (low: float32) (high: float32) = uniform (log low) (log high) |> map exp

    /// A whole number in [low, high], both included.
    let integer (low: int) (high: int) = bits |> map (fun word -> low + int (word % uint64 (high - low + 1)))

    /// True with this probability.
    let chance (probability: float32) = bits |> map (fun word -> Random.toUnit word < probability)

    /// Standard normal, by Box and Muller's transform.
    let normal =
        bits
        |> bind (fun a ->
            bits
            |> map (fun b ->
                let u = 1.0f - Random.toUnit a
                sqrt (-2.0f * log u) * cos (2.0f * System.MathF.PI * Random.toUnit b)))

    /// One of the samplers, with probability in proportion to its weight. At least one weight is positive.
    let choose (options: (float32 * Sampler<'a>) list) =
        let total = options |> List.sumBy fst

        let rec pick left =
            function
            | [ (_, sampler) ] -> sampler
            | (weight, sampler) :: rest -> if left < weight then sampler else pick (left - weight) rest
            | [] -> invalidArg (nameof options) "a choice needs at least one option"

        uniform 0.0f total |> bind (fun at -> pick at options)

    /// One of two, the first with this probability.
    let either (probability: float32) yes no = chance probability |> bind (fun hit -> if hit then yes else no)

    /// An array of `count` independent draws.
    let array (count: int) (Sampler draw) =
        Sampler(fun seed ->
            let mutable at = seed

            let values =
                Array.init count (fun _ ->
                    let struct (x, rest) = draw at
                    at <- rest
                    x)

            struct (values, at))

    /// A list of `count` independent draws.
    let list count sampler = array count sampler |> map List.ofArray

/// `sample { let! x = … in return … }`.
type SamplerBuilder() =
    member _.Bind(sampler, f) = Sampler.bind f sampler
    member _.Return x = Sampler.constant x
    member _.ReturnFrom(sampler: Sampler<'a>) = sampler

[<AutoOpen>]
module SamplerSyntax =
    let sample = SamplerBuilder()
