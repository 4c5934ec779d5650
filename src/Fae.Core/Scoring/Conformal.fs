/// Calibration without defects: what held-out good images say about a score (split conformal prediction; Vovk et al. 2005).
namespace Fae.Core

/// Why a false-alarm rate cannot be promised.
type CalibrationError =
    /// `held` held-out images allow no rate below 1/(held+1).
    | TooFewImages of held: int * smallestRate: float
    | RateOutOfRange of rate: float

[<RequireQualifiedAccess>]
module Conformal =
    /// p = (1 + #{held-out scores ≥ s}) / (n + 1): on exchangeable good images P(p ≤ a) ≤ a for every a.
    let pValue (heldOut: float32[]) (score: float32) =
        let above = heldOut |> Array.sumBy (fun s -> if s >= score then 1 else 0)
        float (1 + above) / float (heldOut.Length + 1)

    /// The false-alarm rate that nobody asked otherwise for.
    let usualRate = 0.05

    /// The smallest false-alarm rate that n held-out images can promise.
    let smallestRate (held: int) = 1.0 / float (held + 1)

    /// The threshold t such that a good image scores above t at most with this probability: p(s) ≤ rate exactly when s > t.
    let threshold (rate: float) (heldOut: float32[]) =
        if not (rate > 0.0 && rate < 1.0) then
            Error(RateOutOfRange rate)
        else
            // p ≤ rate ⇔ #{≥ s} ≤ rate·(n+1) − 1; the number of held-out scores that may lie at or above s.
            let allowed = int (floor (rate * float (heldOut.Length + 1) + 1e-9)) - 1

            if allowed < 0 then
                Error(TooFewImages(heldOut.Length, smallestRate heldOut.Length))
            else
                Ok((Array.sortDescending heldOut)[allowed])

    /// The value that the fraction `rate` of all values exceeds (nearest rank); for thresholds of pixels, of which there are many.
    let upperQuantile (rate: float) (values: float32[]) =
        let sorted = Array.sort values
        let rank = int (ceil ((1.0 - rate) * float sorted.Length)) - 1
        sorted[max 0 (min (sorted.Length - 1) rank)]
