/// Corruption models: named distributions of plans, built by combinators along shape × fill × opacity (Remarks 1–4).
namespace Fae.Core

/// The numbers of the default model. Lengths in shorter sides.
type CorruptionSettings =
    {
        /// Occlusions an image, at most; none is drawn with the odds `CleanChance`.
        MaxCount: int
        CleanChance: float32
        /// Odds of a curve against an ellipse, for each occlusion.
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
        /// Odds of a fully opaque occlusion; the others draw α from [OpacityMin, 1].
        OpaqueChance: float32
        OpacityMin: float32
        /// Odds of a hard edge; the others rise over up to `SoftnessMax`.
        HardChance: float32
        SoftnessMax: float32
        /// Odds of the fills.
        PlainWeight: float32
        TextureWeight: float32
        PatchWeight: float32
        ShadeWeight: float32
        /// Odds of a colour that the parts have themselves, against any other; for plain colours and textures.
        OwnChance: float32
        /// Odds of changed contrast and brightness, for patches.
        JitterChance: float32
    }

[<RequireQualifiedAccess>]
module Corruption =
    let defaults =
        {
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
            OwnChance = 0.3f
            JitterChance = 0.5f
        }

    /// One occlusion from a distribution for each of its dimensions, drawn independently of each other.
    let occlusion (shapes: Sampler<Shape>) (softness: Sampler<float32>) (fills: Sampler<Fill>) (opacities: Sampler<float32>) =
        sample {
            let! shape = shapes
            let! soft = softness
            let! fill = fills
            let! opacity = opacities

            return
                {
                    Shape = shape
                    Softness = soft
                    Fill = fill
                    Opacity = opacity
                }
        }

    /// As many occlusions as `counts` says, superimposed.
    let superimpose (counts: Sampler<int>) (occlusions: Sampler<Occlusion>) : Sampler<Plan> =
        counts |> Sampler.bind (fun count -> Sampler.list count occlusions)

    /// Plans of one model or the other.
    let mixture (models: (float32 * Sampler<Plan>) list) = Sampler.choose models

    /// The paper's model: ellipses and thin curves, patches, textures, colours and shades, opaque and transparent, hard and soft.
    /// `bank`: how many pictures there are to take patches from.
    let model (settings: CorruptionSettings) (palette: Palette) (bank: int) : Sampler<Plan> =
        let shapes =
            Sampler.either
                settings.CurveChance
                (Shape.curve settings.LengthMin settings.LengthMax settings.WidthMin settings.WidthMax)
                (Shape.ellipse settings.RadiusMin settings.RadiusMax settings.Elastic)

        let softness =
            Sampler.either settings.HardChance (Sampler.constant 0.0f) (Sampler.uniform 0.0f settings.SoftnessMax)

        let fills =
            Sampler.choose
                [
                    settings.PlainWeight, Fill.plain settings.OwnChance palette
                    settings.TextureWeight, Fill.texture settings.OwnChance palette
                    settings.PatchWeight, Fill.patch settings.JitterChance (Sampler.integer -1 (bank - 1))
                    settings.ShadeWeight, Fill.shade
                ]

        let opacities =
            Sampler.either settings.OpaqueChance (Sampler.constant 1.0f) (Sampler.uniform settings.OpacityMin 1.0f)

        let counts =
            Sampler.either settings.CleanChance (Sampler.constant 0) (Sampler.integer 1 settings.MaxCount)

        superimpose counts (occlusion shapes softness fills opacities)
