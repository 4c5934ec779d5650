/// How much work fits into a budget of time. It is counted in steps and not read from a clock: the same plan gives the same model on a
/// slower machine.
namespace Fae.Core

open System.Globalization

/// What a training may take.
type TimeBudget = { Minutes: float; Processors: int }

/// What a training looks at: pictures that have so many megapixels each as they are prepared, those to train on, those that are compared
/// with each other before, those that memory banks see, and those held out.
type TrainingWork = { Megapixels: float; Training: int; Compared: int; InBanks: int; HeldOut: int }

/// What a training does, in its order.
[<RequireQualifiedAccess>]
type TrainingStage =
    /// Pictures are read and checked.
    | Pictures
    | MemoryBanks
    /// The steps of the optimiser.
    | Steps
    /// The scoring is chosen, and thresholds are found.
    | Scoring

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

    /// Held-out pictures of which copies get synthetic defects, at most: they choose the scoring. All find the thresholds.
    let mostValidated = 100

    /// Minutes on two processors that a memory bank takes for a megapixel.
    let private bankMinutes = 0.01

    /// The share of a budget that memory banks may take.
    let private bankShare = 0.25

    /// Memory banks see so many good pictures at least, whatever the budget is.
    let private fewestInBanks = 200

    /// How many good pictures of so many megapixels memory banks can see in their share of a budget.
    let bankPictures (budget: TimeBudget) (megapixels: float) =
        max fewestInBanks (int (bankShare * budget.Minutes * float budget.Processors / 2.0 / (bankMinutes * megapixels)))

    /// Minutes on two processors that it takes to compare a picture of about 256×256 pixels with the others.
    let private compareMinutes = 0.0005

    /// The share of a budget that comparing good pictures may take, and how many are compared at least and at most.
    let private compareShare, fewestCompared, mostCompared = 0.04, 200, 2_000

    /// How many good pictures are compared with each other before the training, at most.
    let compared (budget: TimeBudget option) =
        match budget with
        | Some budget ->
            let affordable = compareShare * budget.Minutes * float budget.Processors / 2.0 / compareMinutes
            affordable |> min (float mostCompared) |> int |> max fewestCompared
        | None -> mostCompared

    /// Minutes on two processors that each stage but the steps takes. Measured with 128 and 740 pictures of 768×768.
    let private besideSteps (work: TrainingWork) =
        let minutes count each = each * work.Megapixels * float count

        [
            TrainingStage.Pictures, 0.25 + minutes work.Training 0.0005 + compareMinutes * float work.Compared
            TrainingStage.MemoryBanks, minutes work.InBanks bankMinutes
            TrainingStage.Scoring, 0.25 + minutes work.HeldOut 0.015 + minutes (min mostValidated work.HeldOut) 0.175
        ]

    /// Minutes on two processors that all but the steps takes.
    let overhead work = besideSteps work |> List.sumBy snd

    /// What a step takes of the time that it is counted for, where the rest is counted by itself.
    let private stepShare = 0.75

    /// The steps for a budget of which the overhead, in minutes on two processors, leaves less time for them: two thirds at least.
    let stepsBeside (overhead: float) (budget: TimeBudget) precision =
        let whole = steps budget precision
        let left = max 0.0 (budget.Minutes - overhead * 2.0 / float budget.Processors)
        let affordable = steps { budget with Minutes = left / stepShare } precision
        max (min whole affordable) (max fewest (100 * (2 * whole / 300)))

    /// Minutes that each stage is expected to take with so many steps, in their order.
    let stages work (steps: int) (processors: int) precision =
        (TrainingStage.Steps, stepShare * float steps / stepsPerMinute precision) :: besideSteps work
        |> List.sortBy fst
        |> List.map (fun (stage, minutes) -> stage, minutes * 2.0 / float processors)

    /// Expected minutes that count as done as expected, before anything is.
    let private confidence = 0.5

    /// Minutes for which one expected minute stands, where so many expected minutes took so many.
    let pace (expected: float) (taken: float) = (taken + confidence) / (expected + confidence)

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
