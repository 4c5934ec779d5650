/// The paper's experiments as data: which models are trained for its tables, and with what.
namespace Fae.Core

/// How much is spent on each model. Figures of two budgets never stand in one table.
[<RequireQualifiedAccess>]
type Budget =
    /// Does it run at all?
    | Smoke
    /// Minutes for a model: ranks what differs much.
    | Short
    /// What the configuration says.
    | Full

/// What is left out of the method, to see what it is good for.
[<RequireQualifiedAccess>]
type Ablation =
    /// No noise: equation (1) instead of (3), Table 3.
    | Noise
    /// No thin curves (Remark 2, Figure 7).
    | Curves
    /// No transparent occlusions (Remark 4).
    | Opacity
    /// No textures and patches, one colour or shade each (Remark 3).
    | Texture

/// One model to train and evaluate: a cell of the tables.
type Cell =
    {
        Method: string
        Category: string
        Without: Ablation option
        Seed: int
    }

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
            let stride = Config.stride config.Network
            let side value = (smaller smallest size value + stride - 1) / stride * stride
            let shrink = float32 (side config.Image.Size) / float32 config.Image.Size
            let steps = smaller fewest steps config.Train.Steps

            { config with
                Image =
                    { config.Image with
                        Size = side config.Image.Size
                        Crop = if config.Image.Crop = 0 then 0 else side config.Image.Crop
                        Light = shrink * config.Image.Light
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

[<RequireQualifiedAccess>]
module Ablation =
    let all = [ Ablation.Noise; Ablation.Curves; Ablation.Opacity; Ablation.Texture ]

    let name =
        function
        | Ablation.Noise -> "noise"
        | Ablation.Curves -> "curves"
        | Ablation.Opacity -> "opacity"
        | Ablation.Texture -> "texture"

    let tryParse word = all |> List.tryFind (fun ablation -> name ablation = word)

    /// What the method has and its ablation lacks, in words.
    let describe =
        function
        | Ablation.Noise -> "noise on input and target"
        | Ablation.Curves -> "thin curves"
        | Ablation.Opacity -> "transparent occlusions"
        | Ablation.Texture -> "textures and patches"

    /// The configuration without it.
    let leaveOut ablation (config: Config) =
        match ablation with
        | Ablation.Noise -> { config with NoiseSigma = 0.0f }
        | Ablation.Curves ->
            { config with
                Config.Corruption.CurveChance = 0.0f
            }
        | Ablation.Opacity ->
            { config with
                Config.Corruption.OpaqueChance = 1.0f
            }
        | Ablation.Texture ->
            { config with
                Corruption =
                    { config.Corruption with
                        TextureWeight = 0.0f
                        PatchWeight = 0.0f
                        PlainWeight = max 0.1f config.Corruption.PlainWeight
                    }
            }

[<RequireQualifiedAccess>]
module Cell =
    /// The method of the paper itself; the ablations are its.
    let paper = "fae"

    /// All cells in the order in which they are run: every category once before the second seed, each ablation beside what it is compared with.
    let all (methods: string list) (categories: string list) (ablations: Ablation list) (seeds: int) =
        [
            for seed in 0 .. seeds - 1 do
                for category in categories do
                    for word in methods do
                        for without in
                            (if word = paper then
                                 None :: List.map Some ablations
                             else
                                 [ None ]) ->
                            {
                                Method = word
                                Category = category
                                Without = without
                                Seed = seed
                            }
        ]

    /// Where it lies below the folder of its budget: method/category/variant/seed, no two the same.
    let path cell =
        let variant =
            match cell.Without with
            | None -> "whole"
            | Some ablation -> "without-" + Ablation.name ablation

        [ cell.Method; cell.Category; variant; $"seed-{cell.Seed}" ]

    /// In words: "carpet, without noise, seed 2".
    let describe cell =
        [
            if cell.Method <> paper then
                cell.Method
            cell.Category
            match cell.Without with
            | Some ablation -> "without " + Ablation.describe ablation
            | None -> ()
            $"seed {cell.Seed}"
        ]
        |> String.concat ", "

    /// The configuration that a cell trains by, from its category's.
    let config budget cell (config: Config) =
        let left = Option.foldBack Ablation.leaveOut cell.Without config

        Budget.apply
            budget
            { left with
                Config.Train.Seed = cell.Seed
            }
