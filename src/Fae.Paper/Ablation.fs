/// Parts of the method that are left out, to measure what they contribute.
namespace Fae.Paper

open Fae.Core

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
        | Ablation.Noise -> { config with Config.Noise.Sigma = 0.0f }
        | Ablation.Curves -> { config with Config.Corruption.CurveChance = 0.0f }
        | Ablation.Opacity -> { config with Config.Corruption.OpaqueChance = 1.0f }
        | Ablation.Texture ->
            { config with
                Corruption =
                    { config.Corruption with
                        TextureWeight = 0.0f
                        PatchWeight = 0.0f
                        PlainWeight = max 0.1f config.Corruption.PlainWeight
                    }
            }
