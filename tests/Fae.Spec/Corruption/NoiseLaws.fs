/// Equation (3): one ε, drawn once, on the corrupted input and on the clean target alike.
module Fae.Spec.NoiseLaws

open System
open Fae.Core
open Fae.Kernels
open Fae.Spec.Generators

[<NoComparison; NoEquality>]
type Noising =
    {
        /// key → σ → channels → height → width → ε
        Field: uint64 -> float32 -> int -> int -> int -> Image
        /// key → σ → x̃ → x → (x̃ + ε, x + ε)
        Add: uint64 -> float32 -> Image -> Image -> struct (Image * Image)
        Level: NoiseLevel -> Sampler<float32>
    }

let private laws: Law<Noising> list =
    [
        Law.forAll "(x̃ + ε) − (x + ε) = x̃ − x" (fun n (Pair(a, b), key: uint64) ->
            let struct (noisyA, noisyB) = n.Add key 0.1f a b
            Near.images 1e-6f (Image.map2 (-) noisyA noisyB) (Image.map2 (-) a b))
        Law.forAll "what is added is the field" (fun n (Pair(a, b), key: uint64) ->
            let struct (_, noisy) = n.Add key 0.1f a b
            Near.images 1e-6f (Image.map2 (-) noisy b) (n.Field key 0.1f 1 a.Height a.Width))
        Law.forAll "σ = 0 is the identity" (fun n (Pair(a, b), key: uint64) ->
            let struct (noisyA, noisyB) = n.Add key 0.0f a b
            noisyA = a && noisyB = b)
        Law.once "ε has mean 0, variance σ² and kurtosis 3" (fun n ->
            let v = (n.Field 9UL 0.1f 3 100 100).Pixels |> Array.map float

            abs (Array.average v) < 0.0025
            && abs ((v |> Array.averageBy (fun x -> x * x)) - 0.01) < 0.0004
            && abs ((v |> Array.averageBy (fun x -> x ** 4.0)) / 0.0001 - 3.0) < 0.25)
        Law.once "neighbouring values are independent" (fun n ->
            let v = (n.Field 9UL 1.0f 1 100 200).Pixels |> Array.map float
            let even, odd = [| for i in 0..9999 -> v[2 * i] |], [| for i in 0..9999 -> v[2 * i + 1] |]
            let product (a: float[]) (b: float[]) = Array.map2 (*) a b |> Array.average

            // Uncorrelated, and so are their squares: four standard errors of 10,000 draws.
            abs (product even odd) < 0.04
            && abs (product (Array.map (fun x -> x * x) even) (Array.map (fun x -> x * x) odd) - 1.0) < 0.12)
        Law.forAll "value i depends on the key and on i alone" (fun n (key: uint64) ->
            let small, large = n.Field key 0.1f 1 3 5, n.Field key 0.1f 3 7 11
            small.Pixels = large.Pixels[..14])
        Law.forAll "other keys give other noise" (fun n (key: uint64) -> n.Field key 0.1f 1 4 4 <> n.Field (key + 1UL) 0.1f 1 4 4)
        Law.forAll "equals the plain definition" (fun n (key: uint64) ->
            Near.images 1e-6f (n.Field key 0.1f 1 9 37) (Noise.field key 0.1f 1 9 37))
        Law.once "σ is the one given, or U(0, σ_max) with its moments" (fun n ->
            let draws level = Sampler.value (Random.ofSeed 4UL) (Sampler.array 20000 (n.Level level)) |> Array.map float

            let v = draws (UpTo 0.2f)

            Array.forall ((=) (float 0.1f)) (draws (Fixed 0.1f))
            && abs (Array.average v - 0.1) < 0.002
            && abs ((v |> Array.averageBy (fun x -> (x - 0.1) ** 2.0)) - 0.04 / 12.0) < 0.0001)
    ]

let private plain =
    {
        Field = Noise.field
        Add = fun key sigma a b -> Noise.add (Noise.field key sigma a.Channels a.Height a.Width) a b
        Level = Noise.level
    }

let private kernel =
    { plain with
        Field =
            fun key sigma channels height width ->
                let values = Array.zeroCreate (channels * height * width)
                NoiseKernel.Fill(key, sigma, Span values)
                Image.ofArray channels height width values
        Add =
            fun key sigma a b ->
                let input, target = Array.copy a.Pixels, Array.copy b.Pixels
                NoiseKernel.Add(key, sigma, Span input, Span target)
                struct ({ a with Pixels = input }, { b with Pixels = target })
    }

let private adding (field: uint64 -> float32 -> int -> int -> int -> Image) =
    {
        Field = field
        Add = fun key sigma a b -> Noise.add (field key sigma a.Channels a.Height a.Width) a b
        Level = Noise.level
    }

let private mutants =
    [
        "ε is drawn twice",
        "(x̃ + ε) − (x + ε) = x̃ − x",
        { plain with
            Add =
                fun key sigma a b ->
                    let noise k = Noise.field k sigma a.Channels a.Height a.Width
                    struct (Image.map2 (+) a (noise key), Image.map2 (+) b (noise (key + 1UL)))
        }
        "the sums are clamped to [0, 1]",
        "what is added is the field",
        { plain with
            Add =
                fun key sigma a b ->
                    let struct (noisyA, noisyB) = plain.Add key sigma a b
                    let clamp = Image.map (fun v -> max 0.0f (min 1.0f v))
                    struct (clamp noisyA, clamp noisyB)
        }
        "σ never falls below 0.01", "σ = 0 is the identity", adding (fun key sigma c h w -> Noise.field key (max 0.01f sigma) c h w)
        "σ is taken for the variance",
        "ε has mean 0, variance σ² and kurtosis 3",
        adding (fun key sigma c h w -> Noise.field key (sqrt sigma) c h w)
        "the sine of the pair is a cosine again",
        "neighbouring values are independent",
        adding (fun key sigma c h w ->
            let field = Noise.field key sigma c h w

            { field with Pixels = field.Pixels |> Array.mapi (fun i _ -> field.Pixels[i / 2 * 2]) })
        "the size of the image goes into the key",
        "value i depends on the key and on i alone",
        adding (fun key sigma c h w -> Noise.field (key + uint64 (c * h * w)) sigma c h w)
        "the last bit of the key is lost",
        "other keys give other noise",
        adding (fun key sigma c h w -> Noise.field (key / 2UL) sigma c h w)
        "the noise of the next key", "equals the plain definition", adding (fun key sigma c h w -> Noise.field (key + 1UL) sigma c h w)
        "σ is drawn from U(0, 2σ)",
        "σ is the one given, or U(0, σ_max) with its moments",
        { plain with
            Level =
                function
                | UpTo sigma -> Sampler.uniform 0.0f (2.0f * sigma)
                | level -> Noise.level level
        }
    ]

let suite =
    Suite.create "Noise" "ε ~ N(0, σ²) of equation (3), the same on input and target." laws [ "plain", plain; "kernel", kernel ] mutants
