/// Corruption models: named distributions of plans, built by combinators along shape × fill × opacity (Remarks 1–4).
namespace Fae.Core

/// The corruption model.
[<RequireQualifiedAccess>]
type Family =
    /// The paper's: ellipses and curves, `Corruption.model`.
    | Occlusions
    /// RIAD's and InTra's: one set of the cells of a grid is removed.
    | Cells
    /// CutPaste's: a piece of the picture itself, pasted elsewhere; or a thin tilted scar.
    | CutPaste
    /// DRAEM's: clouds of texture, more or less transparent.
    | Clouds

/// Parameters of the corruption models. Lengths in shorter image sides.
type CorruptionSettings =
    {
        Family: Family
        /// Cells along a side, fewest and most, and into how many sets they are divided; for `Cells`.
        CellsMin: int
        CellsMax: int
        CellSets: int
        /// Most occlusions in an image; none with probability `CleanChance`.
        MaxCount: int
        CleanChance: float32
        /// Probability of a curve instead of an ellipse, for each occlusion.
        CurveChance: float32
        /// Radius of ellipses.
        RadiusMin: float32
        RadiusMax: float32
        /// How far outlines are pushed, in radii.
        Elastic: float32
        /// Length and width of curves.
        LengthMin: float32
        LengthMax: float32
        WidthMin: float32
        WidthMax: float32
        /// Probability of a fully opaque occlusion; the others draw α from [OpacityMin, 1].
        OpaqueChance: float32
        OpacityMin: float32
        /// Probability of a hard edge; the others rise over up to `SoftnessMax`.
        HardChance: float32
        SoftnessMax: float32
        /// Weights of the fills.
        PlainWeight: float32
        TextureWeight: float32
        PatchWeight: float32
        ShadeWeight: float32
        /// Probability of a colour of the parts, for plain colours and textures.
        PartColourChance: float32
        /// Probability of changed contrast and brightness, for patches.
        JitterChance: float32
        /// Whether pictures have two levels only, as printed circuits and line drawings do. `None`: still to be found.
        Binary: bool option
    }

[<RequireQualifiedAccess>]
module Corruption =
    let defaults =
        {
            Family = Family.Occlusions
            CellsMin = 16
            CellsMax = 64
            CellSets = 3
            MaxCount = 4
            CleanChance = 0.1f
            CurveChance = 0.5f
            RadiusMin = 0.008f
            RadiusMax = 0.17f
            Elastic = 0.6f
            LengthMin = 0.03f
            LengthMax = 0.8f
            WidthMin = 0.004f
            WidthMax = 0.03f
            OpaqueChance = 0.5f
            OpacityMin = 0.15f
            HardChance = 0.5f
            SoftnessMax = 0.025f
            PlainWeight = 0.2f
            TextureWeight = 0.2f
            PatchWeight = 0.4f
            ShadeWeight = 0.2f
            PartColourChance = 0.3f
            JitterChance = 0.5f
            Binary = None
        }

    /// What a binary picture can show: the parts' own colours and pieces of other parts, opaque, with hard edges. Greys and faint stains
    /// do not exist there, and training on them would be wasted.
    let ofBinary settings =
        { settings with
            OpaqueChance = 1.0f
            HardChance = 1.0f
            PlainWeight = 0.6f
            PatchWeight = 0.4f
            TextureWeight = 0.0f
            ShadeWeight = 0.0f
            PartColourChance = 1.0f
            JitterChance = 0.0f
        }

    /// Smaller and more occlusions. Binary pictures consist of round pads, holes and lines; a network that is trained on large shapes of
    /// the same colours repairs these as well.
    let ofFineParts settings =
        { settings with
            RadiusMax = max settings.RadiusMin (min 0.06f settings.RadiusMax)
            LengthMax = max settings.LengthMin (min 0.4f settings.LengthMax)
            MaxCount = max 8 settings.MaxCount
        }

    /// One occlusion from a distribution for each of its dimensions, drawn independently of each other.
    let occlusion (shapes: Sampler<Shape>) (softness: Sampler<float32>) (fills: Sampler<Fill>) (opacities: Sampler<float32>) =
        sample {
            let! shape = shapes
            let! soft = softness
            let! fill = fills
            let! opacity = opacities

            return { Shape = shape; Softness = soft; Fill = fill; Opacity = opacity }
        }

    /// `counts` occlusions, superimposed.
    let superimpose (counts: Sampler<int>) (occlusions: Sampler<Occlusion>) : Sampler<Plan> =
        counts |> Sampler.bind (fun count -> Sampler.list count occlusions)

    /// Fills with the configured weights.
    let private fills settings palette bank =
        Sampler.choose
            [
                settings.PlainWeight, Fill.plain settings.PartColourChance palette
                settings.TextureWeight, Fill.texture settings.PartColourChance palette
                settings.PatchWeight, Fill.patch settings.JitterChance (Sampler.integer -1 (bank - 1))
                settings.ShadeWeight, Fill.shade
            ]

    /// The paper's model: ellipses and thin curves, patches, textures, colours and shades, opaque and transparent, hard and soft.
    /// `bank`: how many pictures there are to take patches from.
    let model (settings: CorruptionSettings) (palette: Palette) (bank: int) : Sampler<Plan> =
        let settings = if settings.Binary = Some true then ofBinary settings else settings

        let shapes =
            Sampler.either
                settings.CurveChance
                (Shape.curve settings.LengthMin settings.LengthMax settings.WidthMin settings.WidthMax)
                (Shape.ellipse settings.RadiusMin settings.RadiusMax settings.Elastic)

        let softness = Sampler.either settings.HardChance (Sampler.constant 0.0f) (Sampler.uniform 0.0f settings.SoftnessMax)

        let opacities = Sampler.either settings.OpaqueChance (Sampler.constant 1.0f) (Sampler.uniform settings.OpacityMin 1.0f)

        let counts = Sampler.either settings.CleanChance (Sampler.constant 0) (Sampler.integer 1 settings.MaxCount)

        superimpose counts (occlusion shapes softness (fills settings palette bank) opacities)

    /// No occlusion with probability `CleanChance`, else a plan of the model.
    let private orClean settings (plans: Sampler<Plan>) = Sampler.either settings.CleanChance (Sampler.constant Plan.empty) plans

    let private hard = Sampler.constant 0.0f
    let private opaque = Sampler.constant 1.0f

    /// RIAD (Zavrtanik, Kristan, Skočaj 2021): the cells of a grid are divided at random into a few sets, and one of them is removed.
    let removal settings : Sampler<Plan> =
        let cells = Shape.cells settings.CellsMin settings.CellsMax settings.CellSets

        occlusion cells hard (Sampler.constant (Plain [| 0.0f |])) opaque
        |> Sampler.map List.singleton
        |> orClean settings

    /// CutPaste (Li, Sohn, Yoon, Pfister 2021): a rectangle of 2 to 15 percent of the picture shows what lies elsewhere in it; or a scar
    /// of 2 to 16 by 10 to 25 pixels of 256, tilted by up to 45 degrees. What is pasted may have another contrast and brightness.
    let cutPaste settings : Sampler<Plan> =
        let patch = Shape.box 0.02f 0.15f 3.3f 0.0f

        let scar =
            sample {
                let! tilt = Sampler.uniform -0.785f 0.785f
                let! x = Sampler.uniform 0.0f 1.0f
                let! y = Sampler.uniform 0.0f 1.0f
                let! width = Sampler.uniform 0.008f 0.0625f
                let! length = Sampler.uniform 0.04f 0.1f
                return Box(Pose.at x y tilt, 0.5f * length, 0.5f * width)
            }

        occlusion (Sampler.either 0.5f patch scar) hard (Fill.patch settings.JitterChance (Sampler.constant -1)) opaque
        |> Sampler.map List.singleton
        |> orClean settings

    /// DRAEM (Zavrtanik, Kristan, Skočaj 2021): a cloud of textures, patches of other pictures or colours, with β = 1 − opacity up to 0.8.
    let clouds settings palette bank : Sampler<Plan> =
        occlusion (Shape.cloud 0.02f 0.3f) hard (fills settings palette bank) (Sampler.uniform 0.2f 1.0f)
        |> Sampler.map List.singleton
        |> orClean settings

    /// Plans of the family that the settings name.
    let plans settings palette bank =
        match settings.Family with
        | Family.Occlusions -> model settings palette bank
        | Family.Cells -> removal settings
        | Family.CutPaste -> cutPaste settings
        | Family.Clouds -> clouds settings palette bank

    let families =
        [
            "occlusions", Family.Occlusions
            "cells", Family.Cells
            "cutpaste", Family.CutPaste
            "clouds", Family.Clouds
        ]
