/// The table of all settings, in the order in which a file prints them. Reading, printing, overriding and docs/reference/configuration.md
/// follow from it.
namespace Fae.Core

[<RequireQualifiedAccess>]
module internal ImageFields =
    let private image (set: 'v -> ImageSettings -> ImageSettings) v (c: Config) = { c with Image = set v c.Image }
    let private augment (set: 'v -> AugmentSettings -> AugmentSettings) v (c: Config) = { c with Augment = set v c.Augment }
    let private autoFlag = FieldType.orAuto FieldType.flag

    let private channelModes = [ "auto", ChannelMode.Auto; "grey", ChannelMode.Grey; "colour", ChannelMode.Colour ]

    let all =
        [
            Field.whole
                "image.size"
                32
                2048
                "side in pixels to which pictures are resized"
                _.Image.Size
                (image (fun v s -> { s with Size = v }))
            Field.make
                (FieldType.cases channelModes)
                "image.channels"
                "channels that the network sees; auto: as the training pictures have"
                _.Image.Channels
                (image (fun v s -> { s with Channels = v }))
            Field.real
                "image.illumination_sigma"
                0.0
                512.0
                "sigma in pixels of the illumination correction; 0: none"
                _.Image.IlluminationSigma
                (image (fun v s -> { s with IlluminationSigma = v }))
            Field.whole
                "image.crop"
                0
                2048
                "side of the random crops in training; 0: whole pictures"
                _.Image.Crop
                (image (fun v s -> { s with Crop = v }))
            Field.whole
                "image.tile"
                0
                65536
                "side of the tiles that large pictures are split into, in their own pixels, each resized to size × size; 0: no tiles"
                _.Image.Tile
                (image (fun v s -> { s with Tile = v }))
            Field.whole
                "image.overlap"
                0
                32768
                "overlap of neighbouring tiles in the picture's own pixels; tiles are blended there"
                _.Image.Overlap
                (image (fun v s -> { s with Overlap = v }))
            Field.make
                autoFlag
                "augment.flip_horizontal"
                "mirror left to right, half the time; auto: if the good pictures allow it"
                _.Augment.FlipHorizontal
                (augment (fun v s -> { s with FlipHorizontal = v }))
            Field.make
                autoFlag
                "augment.flip_vertical"
                "mirror top to bottom, half the time; auto: if the good pictures allow it"
                _.Augment.FlipVertical
                (augment (fun v s -> { s with FlipVertical = v }))
            Field.make
                autoFlag
                "augment.quarter_turns"
                "rotate by 0, 90, 180 or 270 degrees; auto: if the good pictures allow it"
                _.Augment.QuarterTurns
                (augment (fun v s -> { s with QuarterTurns = v }))
            Field.make
                (FieldType.orAuto (FieldType.real 0.0 180.0))
                "augment.rotate"
                "largest rotation in degrees, for half of the pictures; auto: 180 if the good pictures allow it"
                _.Augment.Rotate
                (augment (fun v s -> { s with Rotate = v }))
            Field.real
                "augment.shift"
                0.0
                0.5
                "largest shift, as a fraction of the side"
                _.Augment.Shift
                (augment (fun v s -> { s with Shift = v }))
            Field.real
                "augment.brightness"
                0.0
                0.9
                "largest change of brightness, as a fraction"
                _.Augment.Brightness
                (augment (fun v s -> { s with Brightness = v }))
        ]

[<RequireQualifiedAccess>]
module internal CorruptionFields =
    let private set (change: 'v -> CorruptionSettings -> CorruptionSettings) v (c: Config) = { c with Corruption = change v c.Corruption }

    let private whole key low high meaning (get: CorruptionSettings -> int) change =
        Field.whole ("corruption." + key) low high meaning (fun c -> get c.Corruption) (set change)

    let private real key low high meaning (get: CorruptionSettings -> float32) change =
        Field.real ("corruption." + key) low high meaning (fun c -> get c.Corruption) (set change)

    let all =
        [
            Field.make
                (FieldType.cases Corruption.families)
                "corruption.family"
                "corruption model: the paper's occlusions, masked cells (RIAD), cut and paste (CutPaste), texture clouds (DRAEM)"
                _.Corruption.Family
                (set (fun v s -> { s with Family = v }))
            whole "cells_min" 2 1024 "masked cells: fewest along a side" _.CellsMin (fun v s -> { s with CellsMin = v })
            whole "cells_max" 2 1024 "masked cells: most along a side" _.CellsMax (fun v s -> { s with CellsMax = v })
            whole "cell_sets" 2 64 "masked cells: number of disjoint sets, of which one is masked" _.CellSets (fun v s ->
                { s with CellSets = v })
            whole "max_count" 1 64 "most occlusions in one image" _.MaxCount (fun v s -> { s with MaxCount = v })
            real "clean_chance" 0.0 1.0 "probability of an image without occlusion" _.CleanChance (fun v s -> { s with CleanChance = v })
            real "curve_chance" 0.0 1.0 "probability of a thin curve instead of an ellipse" _.CurveChance (fun v s ->
                { s with CurveChance = v })
            real "radius_min" 0.001 0.5 "smallest radius of ellipses, in image sides" _.RadiusMin (fun v s -> { s with RadiusMin = v })
            real "radius_max" 0.001 0.5 "largest radius of ellipses, in image sides" _.RadiusMax (fun v s -> { s with RadiusMax = v })
            real "elastic" 0.0 2.0 "elastic deformation of ellipses, in radii" _.Elastic (fun v s -> { s with Elastic = v })
            real "length_min" 0.01 2.0 "shortest curve, in image sides" _.LengthMin (fun v s -> { s with LengthMin = v })
            real "length_max" 0.01 2.0 "longest curve, in image sides" _.LengthMax (fun v s -> { s with LengthMax = v })
            real "width_min" 0.001 0.2 "thinnest curve, in image sides" _.WidthMin (fun v s -> { s with WidthMin = v })
            real "width_max" 0.001 0.2 "widest curve, in image sides" _.WidthMax (fun v s -> { s with WidthMax = v })
            real "opaque_chance" 0.0 1.0 "probability of full opacity" _.OpaqueChance (fun v s -> { s with OpaqueChance = v })
            real "opacity_min" 0.01 1.0 "lowest opacity of the others" _.OpacityMin (fun v s -> { s with OpacityMin = v })
            real "hard_chance" 0.0 1.0 "probability of a hard edge" _.HardChance (fun v s -> { s with HardChance = v })
            real "softness_max" 0.0 0.5 "widest soft edge, in image sides" _.SoftnessMax (fun v s -> { s with SoftnessMax = v })
            real "plain_weight" 0.0 1000.0 "weight of plain colours" _.PlainWeight (fun v s -> { s with PlainWeight = v })
            real "texture_weight" 0.0 1000.0 "weight of procedural textures" _.TextureWeight (fun v s -> { s with TextureWeight = v })
            real "patch_weight" 0.0 1000.0 "weight of patches of other pictures" _.PatchWeight (fun v s -> { s with PatchWeight = v })
            real "shade_weight" 0.0 1000.0 "weight of the surface itself, darker or brighter" _.ShadeWeight (fun v s ->
                { s with ShadeWeight = v })
            real
                "part_colour_chance"
                0.0
                1.0
                "probability that a plain colour or texture takes a colour of the parts"
                _.PartColourChance
                (fun v s -> { s with PartColourChance = v })
            real "jitter_chance" 0.0 1.0 "probability that the contrast and brightness of a patch change" _.JitterChance (fun v s ->
                { s with JitterChance = v })
        ]

[<RequireQualifiedAccess>]
module internal NetworkFields =
    let private noise (set: 'v -> NoiseSettings -> NoiseSettings) v (c: Config) = { c with Noise = set v c.Noise }
    let private network (set: 'v -> NetworkSettings -> NetworkSettings) v (c: Config) = { c with Network = set v c.Network }
    let private objective (set: 'v -> ObjectiveSettings -> ObjectiveSettings) v (c: Config) = { c with Objective = set v c.Objective }

    let private kinds =
        [
            "unet", NetworkKind.UNet
            "autoencoder", NetworkKind.Autoencoder
            "variational", NetworkKind.Variational
            "quantised", NetworkKind.Quantised
            "transformer", NetworkKind.Transformer
            "adversarial", NetworkKind.Adversarial
            "discriminative", NetworkKind.Discriminative
            "classifier", NetworkKind.Classifier
        ]

    let all =
        [
            Field.real
                "noise.sigma"
                0.0
                1.0
                "standard deviation of the noise on input and target"
                _.Noise.Sigma
                (noise (fun v s -> { s with Sigma = v }))
            Field.flag
                "noise.random_sigma"
                "draw the standard deviation from U(0, sigma) for each image"
                _.Noise.RandomSigma
                (noise (fun v s -> { s with RandomSigma = v }))
            Field.flag
                "noise.on_target"
                "add the same noise to the target, equation (3); false: the target stays clean, as for a denoising autoencoder"
                _.Noise.OnTarget
                (noise (fun v s -> { s with OnTarget = v }))
            Field.make
                (FieldType.cases kinds)
                "network.kind"
                "architecture; docs/method/methods.md"
                _.Network.Kind
                (network (fun v s -> { s with Kind = v }))
            Field.whole
                "network.latent"
                1
                1024
                "latent channels, codes or features; not for \"unet\""
                _.Network.Latent
                (network (fun v s -> { s with Latent = v }))
            Field.whole "network.patch" 2 64 "patch side of a transformer" _.Network.Patch (network (fun v s -> { s with Patch = v }))
            Field.make
                (FieldType.wholes 8 2 1024)
                "network.inpaint_grids"
                "inpainting: cells along a side; for each number every set of cells is masked once and inpainted"
                _.Network.InpaintGrids
                (network (fun v s -> { s with InpaintGrids = v }))
            Field.whole
                "network.inpaint_sets"
                2
                64
                "inpainting: number of disjoint sets of cells"
                _.Network.InpaintSets
                (network (fun v s -> { s with InpaintSets = v }))
            Field.make
                (FieldType.oneOf [ 1; 2; 4 ])
                "network.space_to_depth"
                "space-to-depth factor at the input"
                _.Network.SpaceToDepth
                (network (fun v s -> { s with SpaceToDepth = v }))
            Field.whole "network.width" 4 512 "channels of the first level" _.Network.Width (network (fun v s -> { s with Width = v }))
            Field.whole "network.depth" 1 5 "levels with a skip connection" _.Network.Depth (network (fun v s -> { s with Depth = v }))
            Field.make
                (FieldType.wholes 16 1 64)
                "network.dilations"
                "dilations of the bottleneck blocks"
                _.Network.Dilations
                (network (fun v s -> { s with Dilations = v }))
            Field.flag
                "network.residual"
                "f(x) = x + g(x) instead of g(x)"
                _.Network.Residual
                (network (fun v s -> { s with Residual = v }))
            Field.real
                "objective.ssim"
                0.0
                1000.0
                "weight of 1 − SSIM to the target"
                _.Objective.Ssim
                (objective (fun v s -> { s with Ssim = v }))
            Field.real
                "objective.gms"
                0.0
                1000.0
                "weight of 1 − GMS to the target, at four scales"
                _.Objective.Gms
                (objective (fun v s -> { s with Gms = v }))
            Field.real
                "objective.contraction"
                0.0
                1000.0
                "weight of the squared Jacobian per value"
                _.Objective.Contraction
                (objective (fun v s -> { s with Contraction = v }))
            Field.real
                "objective.auxiliary"
                0.0
                1000.0
                "weight of the network's own loss; docs/method/methods.md"
                _.Objective.Auxiliary
                (objective (fun v s -> { s with Auxiliary = v }))
        ]

[<RequireQualifiedAccess>]
module internal TrainFields =
    let private train (set: 'v -> TrainSettings -> TrainSettings) v (c: Config) = { c with Train = set v c.Train }
    let private precisions = [ "float32", Precision.Float32; "bfloat16", Precision.BFloat16 ]

    let all =
        [
            Field.whole "train.steps" 1 10_000_000 "optimiser steps" _.Train.Steps (train (fun v s -> { s with Steps = v }))
            Field.whole "train.batch" 1 1024 "images per step" _.Train.Batch (train (fun v s -> { s with Batch = v }))
            Field.real
                "train.learning_rate"
                1e-7
                1.0
                "peak learning rate of Adam"
                _.Train.LearningRate
                (train (fun v s -> { s with LearningRate = v }))
            Field.real
                "train.lambda"
                0.0
                1.0
                "weight of corrupted against uncorrupted pixels"
                _.Train.Lambda
                (train (fun v s -> { s with Lambda = v }))
            Field.real
                "train.held_out"
                0.01
                0.5
                "fraction of the good pictures held out"
                _.Train.HeldOut
                (train (fun v s -> { s with HeldOut = v }))
            Field.whole "train.seed" 0 System.Int32.MaxValue "seed of all randomness" _.Train.Seed (train (fun v s -> { s with Seed = v }))
            Field.whole
                "train.validate_every"
                1
                10_000_000
                "steps between validations"
                _.Train.ValidateEvery
                (train (fun v s -> { s with ValidateEvery = v }))
            Field.make
                (FieldType.cases precisions)
                "train.precision"
                "number type of the U-Nets' forward pass in training; weights stay 32-bit floats. bfloat16 is for GPUs"
                _.Train.Precision
                (train (fun v s -> { s with Precision = v }))
        ]

[<RequireQualifiedAccess>]
module internal ScoreFields =
    let private score (set: 'v -> ScoreSettings -> ScoreSettings) v (c: Config) = { c with Score = set v c.Score }

    let private calibration (set: 'v -> CalibrationSettings -> CalibrationSettings) v (c: Config) =
        { c with Calibration = set v c.Calibration }

    let all =
        [
            Field.make
                (FieldType.orAuto FieldType.measure)
                "score.measure"
                "difference measure between picture and reconstruction"
                _.Score.Measure
                (score (fun v s -> { s with Measure = v }))
            Field.make
                (FieldType.orAuto (FieldType.odd 1 255))
                "score.filter_size"
                "size k of the mean filter"
                _.Score.FilterSize
                (score (fun v s -> { s with FilterSize = v }))
            Field.make
                (FieldType.orAuto (FieldType.whole 0 64))
                "score.filter_passes"
                "passes n of the mean filter"
                _.Score.FilterPasses
                (score (fun v s -> { s with FilterPasses = v }))
            Field.make
                (FieldType.orAuto (FieldType.cases Reduction.kinds))
                "score.reduction"
                "how the heatmap becomes the image score"
                _.Score.Reduction
                (score (fun v s -> { s with Reduction = v }))
            Field.real
                "score.top_fraction"
                0.00001
                1.0
                "fraction of the pixels that \"top\" averages"
                _.Score.TopFraction
                (score (fun v s -> { s with TopFraction = v }))
            Field.make
                (FieldType.orAuto (FieldType.whole 0 256))
                "score.border"
                "outermost pixels that the image score leaves out"
                _.Score.Border
                (score (fun v s -> { s with Border = v }))
            Field.make
                (FieldType.orAuto FieldType.flag)
                "score.normalise_by_median"
                "divide the score by the median of the picture's own heatmap"
                _.Score.NormaliseByMedian
                (score (fun v s -> { s with NormaliseByMedian = v }))
            Field.whole
                "score.views"
                1
                8
                "test-time augmentation: at most so many mirrored and rotated views, those that augmentation allows, are averaged"
                _.Score.Views
                (score (fun v s -> { s with Views = v }))
            Field.real
                "calibration.false_alarm"
                0.0001
                0.5
                "rate of good images called anomalous"
                _.Calibration.FalseAlarm
                (calibration (fun v s -> { s with FalseAlarm = v }))
            Field.real
                "calibration.pixel_false_alarm"
                0.0000001
                0.5
                "rate of good pixels above the pixel threshold"
                _.Calibration.PixelFalseAlarm
                (calibration (fun v s -> { s with PixelFalseAlarm = v }))
        ]
