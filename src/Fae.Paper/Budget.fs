/// How much training each model of a sweep gets.
namespace Fae.Paper

open Fae.Core

/// The training of each model. A table never mixes budgets.
[<RequireQualifiedAccess>]
type Budget =
    /// Does it run at all?
    | Smoke
    /// Minutes for a model: ranks what differs much.
    | Short
    /// As configured.
    | Full

[<RequireQualifiedAccess>]
module Budget =
    let all = [ Budget.Smoke; Budget.Short; Budget.Full ]

    let name =
        function
        | Budget.Smoke -> "smoke"
        | Budget.Short -> "short"
        | Budget.Full -> "full"

    let tryParse word = all |> List.tryFind (fun budget -> name budget = word)

    /// What is done to a configuration: steps, width and size are divided by these, and stay at least as large as the others.
    let private scale =
        function
        | Budget.Smoke -> (100, 3, 4), (30, 8, 64)
        | Budget.Short -> (10, 1, 2), (300, 8, 64)
        | Budget.Full -> (1, 1, 1), (1, 4, 32)

    /// The configuration at this budget. Lengths in pixels shrink with the picture, so that the same defects are painted.
    let apply budget (config: Config) =
        if budget = Budget.Full then
            config
        else
            let (steps, width, size), (fewest, thinnest, smallest) = scale budget
            let smaller least by value = max (min least value) (value / by)
            let stride = NetworkGeometry.stride config.Network
            let side value = (smaller smallest size value + stride - 1) / stride * stride
            // A size that the pictures would choose is the default's here: a smaller budget is for small pictures.
            let whole = if config.Image.Size = 0 then Config.defaults.Image.Size else config.Image.Size
            let shrink = float32 (side whole) / float32 whole
            let steps = smaller fewest steps config.Train.Steps

            { config with
                Image =
                    { config.Image with
                        Size = side whole
                        Crop = if config.Image.Crop = 0 then 0 else side config.Image.Crop
                        IlluminationSigma =
                            if config.Image.IlluminationSigma < 0.0f then
                                -1.0f
                            else
                                shrink * config.Image.IlluminationSigma
                    }
                Config.Network.Width = smaller thinnest width config.Network.Width
                Config.Network.Patch = smaller 4 size config.Network.Patch
                Config.Train.Steps = steps
                Config.Train.ValidateEvery = max 1 (min config.Train.ValidateEvery (steps / 3))
            }

    /// In words, for a table's title.
    let describe =
        function
        | Budget.Smoke -> "smoke budget: a hundredth of the steps, a third of the width, a quarter of the size; says only that it runs"
        | Budget.Short -> "short budget: a tenth of the steps, half the size"
        | Budget.Full -> "full budget"
