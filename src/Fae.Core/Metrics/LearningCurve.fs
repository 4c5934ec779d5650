/// Whether more good pictures would make a better detector: how well a memory of fewer of them tells synthetic defects from held-out good
/// pictures.
namespace Fae.Core

open System
open System.Globalization

/// So many good pictures, and the image AUROC that a memory bank of their patches has on synthetic defects.
[<Struct>]
type LearningPoint = { Pictures: int; Auroc: float }

[<RequireQualifiedAccess>]
module LearningCurve =
    /// Sizes of a curve, at most.
    let private most = 5

    /// All pictures, half of them, a quarter and so on, the fewest first.
    let sizes count = List.unfold (fun n -> if n < 1 then None else Some(n, n / 2)) count |> List.truncate most |> List.rev

    /// P(Z < z) of a standard normal Z, to 1e-7 (Abramowitz and Stegun, 26.2.17).
    let normal (z: float) =
        let t = 1.0 / (1.0 + 0.2316419 * abs z)

        let series =
            List.foldBack (fun c sum -> t * (c + sum)) [ 0.319381530; -0.356563782; 1.781477937; -1.821255978; 1.330274429 ] 0.0

        let tail = exp (-0.5 * z * z) / sqrt (2.0 * Math.PI) * series
        if z >= 0.0 then 1.0 - tail else tail

    /// The AUROC of two normal distributions with the means and variances of these scores: Φ((μ₁ − μ₀)/√(σ₀² + σ₁²)). Of few scores it
    /// varies less than the share of pairs in order. ½ where no score differs from another.
    let binormal (good: float[]) (bad: float[]) =
        let variance values = let mean = Array.average values in values |> Array.averageBy (fun v -> (v - mean) ** 2.0)
        let between = Array.average bad - Array.average good
        let deviation = sqrt (variance good + variance bad)

        if deviation > 0.0 then normal (between / deviation)
        elif between > 0.0 then 1.0
        elif between < 0.0 then 0.0
        else 0.5

    /// The curve from the distances [picture][its patch][training picture] of each patch of good and of bad pictures to the nearest patch
    /// of a training picture, averaged over orders in which the training pictures come. A picture's score is the logarithm of the distance
    /// of its most unusual patch.
    let ofDistances (orders: int[] list) (good: float32[][][]) (bad: float32[][][]) =
        let score (known: int[]) (patches: float32[][]) =
            let strangest = patches |> Array.map (fun nearest -> known |> Array.map (fun t -> nearest[t]) |> Array.min) |> Array.max
            log (float (max 1e-12f strangest))

        let point size =
            let ofOrder order =
                let known = Array.truncate size order
                binormal (Array.map (score known) good) (Array.map (score known) bad)

            { Pictures = size; Auroc = orders |> List.averageBy ofOrder }

        sizes orders.Head.Length |> List.map point

    /// How much the last doubling of the pictures raised the AUROC; 0 of a curve with fewer than two points.
    let gain (points: LearningPoint list) =
        match List.rev points with
        | last :: half :: _ -> last.Auroc - half.Auroc
        | _ -> 0.0

    /// From a gain of half a point on more pictures may help, from two points on they will.
    let private some, much = 0.005, 0.02

    /// Below this AUROC features do not see the synthetic defects, and how it grows says nothing.
    let private blind = 0.6

    /// What the curve says, in a sentence; `None` of a curve with fewer than two points.
    let describe (points: LearningPoint list) =
        match List.rev points with
        | last :: half :: _ ->
            let gain = gain points

            let advice =
                if last.Auroc < blind then
                    "whether more good pictures would help, these figures cannot say"
                elif gain >= much then
                    "more good pictures would help"
                elif gain >= some then
                    "more good pictures may help a little"
                else
                    "more good pictures would change little"

            let text (auroc: float) = auroc.ToString("F3", CultureInfo.InvariantCulture)

            Some(
                $"image AUROC of a memory bank on synthetic defects: {text half.Auroc} with {half.Pictures} good pictures, "
                + $"{text last.Auroc} with {last.Pictures}; {advice}"
            )
        | _ -> None

    let private header = "pictures,auroc"

    /// As CSV.
    let toCsv (points: LearningPoint list) =
        header :: [ for p in points -> $"""{p.Pictures},{p.Auroc.ToString("R", CultureInfo.InvariantCulture)}""" ]
        |> String.concat "\n"

    /// What `toCsv` writes; `None` of other texts.
    let tryParse (text: string) =
        let point (line: string) =
            match line.Split ',' with
            | [| pictures; auroc |] ->
                match Int32.TryParse pictures, Double.TryParse(auroc, NumberStyles.Float, CultureInfo.InvariantCulture) with
                | (true, pictures), (true, auroc) -> Some { Pictures = pictures; Auroc = auroc }
                | _ -> None
            | _ -> None

        match List.ofArray (text.Split '\n') with
        | first :: lines when first = header ->
            let points = List.map point lines
            if List.forall Option.isSome points then Some(List.choose id points) else None
        | _ -> None
