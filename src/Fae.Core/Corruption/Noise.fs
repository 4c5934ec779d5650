/// The noise of equation (3): one ε, added to the corrupted input and to the clean target alike.
namespace Fae.Core

/// How strong the noise is, in units of the image's range [0, 1].
type NoiseLevel =
    | Fixed of sigma: float32
    /// σ ~ U(0, σ_max), drawn for each image, so that f is not biased toward one level.
    | UpTo of sigmaMax: float32

[<RequireQualifiedAccess>]
module Noise =
    let level =
        function
        | Fixed sigma -> Sampler.constant sigma
        | UpTo sigma -> Sampler.uniform 0.0f sigma

    /// ε ~ N(0, σ²) for every value of an image of this size; value i depends on (key, i) alone.
    let field (key: uint64) (sigma: float32) channels height width =
        let count = channels * height * width
        let values = Array.zeroCreate<float32> count

        // Box and Muller give two normals for two uniforms: one word of the hash holds both uniforms.
        for pair in 0 .. (count - 1) / 2 do
            let word = Random.hash key (uint64 pair)
            let u = 1.0f - Random.toUnit word
            let angle = 2.0f * System.MathF.PI * float32 (word &&& 0xFFFFFFUL) * 5.9604645e-8f
            let radius = sigma * sqrt (-2.0f * log u)
            values[2 * pair] <- radius * cos angle

            if 2 * pair + 1 < count then values[2 * pair + 1] <- radius * sin angle

        Image.ofArray channels height width values

    /// (x̃ + ε, x + ε). The sums are not clamped: clamping would make ε differ between the two.
    let add (noise: Image) (corrupted: Image) (clean: Image) = struct (Image.map2 (+) corrupted noise, Image.map2 (+) clean noise)
