/// How much work fits into a budget of time. It is counted in steps and not read from a clock: the same plan gives the same model on a
/// slower machine.
namespace Fae.Core

open System.Globalization

/// What a training may take.
type TimeBudget = { Minutes: float; Processors: int }

[<RequireQualifiedAccess>]
module TrainingPlan =
    /// Of eight crops of 256×256 pixels, on two processors. A step takes 0.35 to 0.55 seconds there, two thirds of it with bfloat16; the
    /// rest of the minute is for the memory bank, the validations and the calibration.
    let private stepsPerMinute precision =
        match precision with
        | Precision.Float32 -> 100.0
        | Precision.BFloat16 -> 150.0

    /// A minute's work at least; more than this many change little.
    let fewest, most = 100, 20_000

    /// What a GPU counts as.
    let processorsOfGpu = 100

    /// The steps for a budget, in whole hundreds.
    let steps (budget: TimeBudget) precision =
        let steps = stepsPerMinute precision * budget.Minutes * float budget.Processors / 2.0
        max fewest (min most (100 * int (min (float most) (floor (steps / 100.0)))))

    /// Minutes on two processors that all but the steps takes of so many megapixels, as the pictures are prepared: checks and memory banks
    /// of those to train on; validations, and the choice of the scoring, on those held out. Measured with 128 and 740 pictures of 768×768.
    let overhead (training: float) (heldOut: float) = 0.5 + 0.011 * training + 0.19 * heldOut

    /// What a step takes of the time that it is counted for, where the rest is counted by itself.
    let private stepShare = 0.75

    /// The steps for a budget of which the overhead, in minutes on two processors, leaves less time for them: two thirds at least.
    let stepsBeside (overhead: float) (budget: TimeBudget) precision =
        let whole = steps budget precision
        let left = max 0.0 (budget.Minutes - overhead * 2.0 / float budget.Processors)
        let affordable = steps { budget with Minutes = left / stepShare } precision
        max (min whole affordable) (max fewest (100 * (2 * whole / 300)))

    /// Minutes that so many steps and the overhead are expected to take.
    let expected (overhead: float) (steps: int) (processors: int) precision =
        (overhead + stepShare * float steps / stepsPerMinute precision) * 2.0 / float processors

    /// Validations of a training of so many steps: three at least, one every 500 steps.
    let validateEvery steps = max 1 (min 500 (steps / 3))

    /// Reads "10m", "1.5h", "45m": minutes above 0.
    let tryParse (text: string) =
        let unit =
            if text.EndsWith 'h' then Some 60.0
            elif text.EndsWith 'm' then Some 1.0
            else None

        let number = if text.Length > 0 then text.Substring(0, text.Length - 1) else ""

        match unit, System.Double.TryParse(number, NumberStyles.Float, CultureInfo.InvariantCulture) with
        | Some unit, (true, value) when value > 0.0 && System.Double.IsFinite value -> Some(unit * value)
        | _ -> None
