/// Eight-bit numbers in the place of real ones, as ONNX's QuantizeLinear: x ≈ (q − zero point) · scale.
namespace Fae.Core

/// How bytes stand for the values of an activation.
[<Struct>]
type ByteScale = { Scale: float32; ZeroPoint: byte }

[<RequireQualifiedAccess>]
module Quantisation =
    let private levels = 255.0f

    /// The scale of an array that is 0 everywhere.
    let smallestScale = 1e-8f

    /// Bytes for values from `low` to `high`. 0 is always among them and exact, because padding and what a ReLU cuts off are 0.
    let ofRange (low: float32) (high: float32) =
        let low, high = min low 0.0f, max high 0.0f
        let scale = max smallestScale ((high - low) / levels)
        { Scale = scale; ZeroPoint = byte (round (-low / scale)) }

    /// The nearest byte, ties to even; values outside of the range become its ends.
    let quantise (by: ByteScale) (value: float32) = byte (max 0.0f (min levels (round (value / by.Scale) + float32 by.ZeroPoint)))

    let dequantise (by: ByteScale) (number: byte) = float32 (int number - int by.ZeroPoint) * by.Scale

    /// The largest quantised weight. With seven bits the sum of two products of a byte and a weight fits into sixteen bits: processors
    /// without an instruction for such sums (VNNI) give the same result as those with one.
    let largestWeight = 63

    /// Some weights as whole numbers from −63 to 63, and their scale; no zero point.
    let ofWeights (weights: float32[]) =
        let most = weights |> Array.fold (fun most weight -> max most (abs weight)) 0.0f
        let scale = max smallestScale (most / float32 largestWeight)
        struct (scale, weights |> Array.map (fun weight -> sbyte (round (weight / scale))))

    /// What a value is after it was a byte.
    let rounded by value = dequantise by (quantise by value)

    /// What weights are after they were whole numbers.
    let roundedWeights weights =
        let struct (scale, numbers) = ofWeights weights
        numbers |> Array.map (fun number -> float32 number * scale)

    /// A vector may have components so many times as large as those of a memory bank before they are cut off.
    let headroomOfBank = 2.0f

    /// The bytes of vectors that are compared with a memory bank.
    let ofBank (bank: float32[][]) =
        let all = Array.concat bank
        ofRange (headroomOfBank * Array.min all) (headroomOfBank * Array.max all)
