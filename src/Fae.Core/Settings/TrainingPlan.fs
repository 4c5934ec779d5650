/// How much work fits into a budget of time. It is counted in steps and not read from a clock: the same plan gives the same model on a
/// slower machine.
namespace Fae.Core

open System.Globalization

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

    /// The steps for a budget in minutes on so many processors, in whole hundreds.
    let steps (minutes: float) (processors: int) precision =
        let steps = stepsPerMinute precision * minutes * float processors / 2.0
        max fewest (min most (100 * int (min (float most) (floor (steps / 100.0)))))

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
