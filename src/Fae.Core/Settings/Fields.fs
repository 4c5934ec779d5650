/// The table of all settings, in the order in which a file prints them. Reading, printing, overriding and docs/reference/configuration.md
/// follow from it.
namespace Fae.Core

/// The part of a configuration that the keys of one section change.
[<NoComparison; NoEquality>]
type internal Section<'s> = { Name: string; Get: Config -> 's; Put: Config -> 's -> Config }

[<RequireQualifiedAccess>]
module internal Section =
    let make fieldType section key meaning (get: 's -> 'v) (set: 'v -> 's -> 's) =
        let put value config = section.Put config (set value (section.Get config))
        Field.make fieldType $"{section.Name}.{key}" meaning (section.Get >> get) put

    let whole low high section key meaning get set = make (FieldType.whole low high) section key meaning get set
    let real low high section key meaning get set = make (FieldType.real low high) section key meaning get set
    let flag section key meaning get set = make FieldType.flag section key meaning get set
    let auto fieldType section key meaning get set = make (FieldType.orAuto fieldType) section key meaning get set

[<RequireQualifiedAccess>]
module internal ImageFields =
    let private image = { Name = "image"; Get = _.Image; Put = fun c s -> { c with Image = s } }
    let private augment = { Name = "augment"; Get = _.Augment; Put = fun c s -> { c with Augment = s } }

    let private channelModes = [ "auto", ChannelMode.Auto; "grey", ChannelMode.Grey; "colour", ChannelMode.Colour ]

    let all =
        [
            Section.auto
                (FieldType.whole 32 2048)
                image
                "size"
                "side in pixels to which pictures are resized, the shorter one if they are not square; auto: by the detail in the pictures"
                (fun s -> if s.Size = 0 then None else Some s.Size)
                (fun v s -> { s with Size = defaultArg v 0 })
            Section.auto
                (FieldType.real 0.02 50.0)
                image
                "aspect"
                "width over height of the resized pictures; auto: as the training pictures have, by their median"
                _.Aspect
                (fun v s -> { s with Aspect = v })
            Section.make
                (FieldType.cases channelModes)
                image
                "channels"
                "channels that the network sees; auto: as the training pictures have"
                _.Channels
                (fun v s -> { s with Channels = v })
            Section.auto
                (FieldType.oneOf (ValueRange.depths @ [ ValueRange.otherDepth ]))
                image
                "bits"
                "bits that the values of the pictures use; 32: floats and other types; auto: by the training pictures"
                _.Values.Bits
                (fun v s -> { s with Values = { s.Values with Bits = v } })
            Section.auto
                (FieldType.pair -1e9 1e9)
                image
                "range"
                "the values that become black and white; auto: 0 and the largest of so many bits, or found from the training pictures"
                _.Values.Range
                (fun v s -> { s with Values = { s.Values with Range = v } })
            Section.auto
                (FieldType.real 0.0 512.0)
                image
                "illumination_sigma"
                ("sigma in pixels of the illumination correction; 0: none; auto: a twelfth of the side if the light varies more from "
                 + "picture to picture than the parts do")
                (fun s -> if s.IlluminationSigma < 0.0f then None else Some s.IlluminationSigma)
                (fun v s -> { s with IlluminationSigma = defaultArg v -1.0f })
            Section.whole 0 2048 image "crop" "side of the random crops in training; 0: whole pictures" _.Crop (fun v s ->
                { s with Crop = v })
            Section.whole
                0
                65536
                image
                "tile"
                "side of the tiles that large pictures are split into, in their own pixels, each resized to size × size; 0: no tiles"
                _.Tile
                (fun v s -> { s with Tile = v })
            Section.whole
                0
                32768
                image
                "overlap"
                "overlap of neighbouring tiles in the picture's own pixels; tiles are blended there"
                _.Overlap
                (fun v s -> { s with Overlap = v })
            Section.auto
                FieldType.flag
                augment
                "flip_horizontal"
                "mirror left to right, half the time; auto: if the good pictures allow it"
                _.FlipHorizontal
                (fun v s -> { s with FlipHorizontal = v })
            Section.auto
                FieldType.flag
                augment
                "flip_vertical"
                "mirror top to bottom, half the time; auto: if the good pictures allow it"
                _.FlipVertical
                (fun v s -> { s with FlipVertical = v })
            Section.auto
                FieldType.flag
                augment
                "quarter_turns"
                "rotate by 0, 90, 180 or 270 degrees; auto: if the good pictures allow it"
                _.QuarterTurns
                (fun v s -> { s with QuarterTurns = v })
            Section.auto
                (FieldType.real 0.0 180.0)
                augment
                "rotate"
                "largest rotation in degrees, for half of the pictures; auto: 180 if the good pictures allow it"
                _.Rotate
                (fun v s -> { s with Rotate = v })
            Section.real 0.0 0.5 augment "shift" "largest shift, as a fraction of the side" _.Shift (fun v s -> { s with Shift = v })
            Section.real 0.0 0.9 augment "brightness" "largest change of brightness, as a fraction" _.Brightness (fun v s ->
                { s with Brightness = v })
        ]

[<RequireQualifiedAccess>]
module internal CorruptionFields =
    let private corruption = { Name = "corruption"; Get = _.Corruption; Put = fun c s -> { c with Corruption = s } }
    let private whole low high key meaning get set = Section.whole low high corruption key meaning get set
    let private real low high key meaning get set = Section.real low high corruption key meaning get set

    let all =
        [
            Section.make
                (FieldType.cases Corruption.families)
                corruption
                "family"
                "corruption model: the paper's occlusions, masked cells (RIAD), cut and paste (CutPaste), texture clouds (DRAEM)"
                _.Family
                (fun v s -> { s with Family = v })
            whole 2 1024 "cells_min" "masked cells: fewest along a side" _.CellsMin (fun v s -> { s with CellsMin = v })
            whole 2 1024 "cells_max" "masked cells: most along a side" _.CellsMax (fun v s -> { s with CellsMax = v })
            whole 2 64 "cell_sets" "masked cells: number of disjoint sets, of which one is masked" _.CellSets (fun v s ->
                { s with CellSets = v })
            whole 1 64 "max_count" "most occlusions in one image" _.MaxCount (fun v s -> { s with MaxCount = v })
            real 0.0 1.0 "clean_chance" "probability of an image without occlusion" _.CleanChance (fun v s -> { s with CleanChance = v })
            real 0.0 1.0 "curve_chance" "probability of a thin curve instead of an ellipse" _.CurveChance (fun v s ->
                { s with CurveChance = v })
            real 0.001 0.5 "radius_min" "smallest radius of ellipses, in image sides" _.RadiusMin (fun v s -> { s with RadiusMin = v })
            real 0.001 0.5 "radius_max" "largest radius of ellipses, in image sides" _.RadiusMax (fun v s -> { s with RadiusMax = v })
            real 0.0 2.0 "elastic" "elastic deformation of ellipses, in radii" _.Elastic (fun v s -> { s with Elastic = v })
            real 0.01 2.0 "length_min" "shortest curve, in image sides" _.LengthMin (fun v s -> { s with LengthMin = v })
            real 0.01 2.0 "length_max" "longest curve, in image sides" _.LengthMax (fun v s -> { s with LengthMax = v })
            real 0.001 0.2 "width_min" "thinnest curve, in image sides" _.WidthMin (fun v s -> { s with WidthMin = v })
            real 0.001 0.2 "width_max" "widest curve, in image sides" _.WidthMax (fun v s -> { s with WidthMax = v })
            real 0.0 1.0 "opaque_chance" "probability of full opacity" _.OpaqueChance (fun v s -> { s with OpaqueChance = v })
            real 0.01 1.0 "opacity_min" "lowest opacity of the others" _.OpacityMin (fun v s -> { s with OpacityMin = v })
            real 0.0 1.0 "hard_chance" "probability of a hard edge" _.HardChance (fun v s -> { s with HardChance = v })
            real 0.0 0.5 "softness_max" "widest soft edge, in image sides" _.SoftnessMax (fun v s -> { s with SoftnessMax = v })
            real 0.0 1000.0 "plain_weight" "weight of plain colours" _.PlainWeight (fun v s -> { s with PlainWeight = v })
            real 0.0 1000.0 "texture_weight" "weight of procedural textures" _.TextureWeight (fun v s -> { s with TextureWeight = v })
            real 0.0 1000.0 "patch_weight" "weight of patches of other pictures" _.PatchWeight (fun v s -> { s with PatchWeight = v })
            real 0.0 1000.0 "shade_weight" "weight of the surface itself, darker or brighter" _.ShadeWeight (fun v s ->
                { s with ShadeWeight = v })
            real
                0.0
                1.0
                "part_colour_chance"
                "probability that a plain colour or texture takes a colour of the parts"
                _.PartColourChance
                (fun v s -> { s with PartColourChance = v })
            real 0.0 1.0 "jitter_chance" "probability that the contrast and brightness of a patch change" _.JitterChance (fun v s ->
                { s with JitterChance = v })
            Section.auto
                FieldType.flag
                corruption
                "binary"
                ("pictures have two levels: paint the parts' own colours alone, opaque and with hard edges, whatever the keys above say; "
                 + "auto: if the good pictures say so")
                _.Binary
                (fun v s -> { s with Binary = v })
        ]

[<RequireQualifiedAccess>]
module internal NetworkFields =
    let private noise = { Name = "noise"; Get = _.Noise; Put = fun c s -> { c with Noise = s } }
    let private network = { Name = "network"; Get = _.Network; Put = fun c s -> { c with Network = s } }
    let private features = { Name = "features"; Get = _.Features; Put = fun c s -> { c with Features = s } }
    let private objective = { Name = "objective"; Get = _.Objective; Put = fun c s -> { c with Objective = s } }

    let private channelOrders = [ "rgb", ChannelOrder.Rgb; "bgr", ChannelOrder.Bgr ]

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
            "memory_bank", NetworkKind.MemoryBank
            "simplenet", NetworkKind.SimpleNet
            "glass", NetworkKind.Glass
            "rdpp", NetworkKind.ReverseDistillation
            "msflow", NetworkKind.MsFlow
            "pni", NetworkKind.Pni
            "realnet", NetworkKind.RealNet
        ]

    let private perceptuals =
        [
            "none", Perceptual.None
            "distance", Perceptual.Distance
            "discriminator", Perceptual.Discriminator
            "memory_bank", Perceptual.MemoryBank
        ]

    let all =
        [
            Section.real 0.0 1.0 noise "sigma" "standard deviation of the noise on input and target" _.Sigma (fun v s ->
                { s with Sigma = v })
            Section.flag noise "random_sigma" "draw the standard deviation from U(0, sigma) for each image" _.RandomSigma (fun v s ->
                { s with RandomSigma = v })
            Section.flag
                noise
                "on_target"
                "add the same noise to the target, equation (3); false: the target stays clean, as for a denoising autoencoder"
                _.OnTarget
                (fun v s -> { s with OnTarget = v })
            Section.make (FieldType.cases kinds) network "kind" "architecture; docs/method/methods.md" _.Kind (fun v s ->
                { s with Kind = v })
            Section.make
                (FieldType.cases perceptuals)
                network
                "perceptual"
                ("a U-Net's anomaly map from pretrained features: the distance between those of picture and reconstruction, a "
                 + "discriminator of it, or the distance of the picture's to a memory bank")
                _.Perceptual
                (fun v s -> { s with Perceptual = v })
            Section.whole 1 1024 network "latent" "latent channels, codes or features; not for \"unet\"" _.Latent (fun v s ->
                { s with Latent = v })
            Section.whole 2 64 network "patch" "patch side of a transformer" _.Patch (fun v s -> { s with Patch = v })
            Section.make
                (FieldType.wholes 8 2 1024)
                network
                "inpaint_grids"
                "inpainting: cells along a side; for each number every set of cells is masked once and inpainted"
                _.InpaintGrids
                (fun v s -> { s with InpaintGrids = v })
            Section.whole 2 64 network "inpaint_sets" "inpainting: number of disjoint sets of cells" _.InpaintSets (fun v s ->
                { s with InpaintSets = v })
            Section.make
                (FieldType.oneOf [ 1; 2; 4 ])
                network
                "space_to_depth"
                "space-to-depth factor at the input"
                _.SpaceToDepth
                (fun v s -> { s with SpaceToDepth = v })
            Section.whole 4 512 network "width" "channels of the first level" _.Width (fun v s -> { s with Width = v })
            Section.whole 1 5 network "depth" "levels with a skip connection" _.Depth (fun v s -> { s with Depth = v })
            Section.make (FieldType.wholes 16 1 64) network "dilations" "dilations of the bottleneck blocks" _.Dilations (fun v s ->
                { s with Dilations = v })
            Section.flag network "residual" "f(x) = x + g(x) instead of g(x)" _.Residual (fun v s -> { s with Residual = v })
            Section.whole 1 1_000_000 network "bank_size" "entries of a memory bank" _.BankSize (fun v s -> { s with BankSize = v })
            Section.whole 1 10_000_000 network "bank_cap" "patches from which a memory bank is chosen, at most" _.BankCap (fun v s ->
                { s with BankCap = v })
            Section.auto
                (FieldType.someReals Difference.mostAnomalyMaps 0.1 1.0)
                network
                "bank_scales"
                "scales of the pictures that the memory banks beside a U-Net see; 1 is the working size"
                _.BankScales
                (fun v s -> { s with BankScales = v })
            Section.flag
                network
                "bank_places"
                "distances to a memory bank are divided by what is usual at their place, as far as good pictures agree on it"
                _.BankPlaces
                (fun v s -> { s with BankPlaces = v })
            Section.make
                (FieldType.text "\"resnet18\" or the path of an ONNX file")
                features
                "backbone"
                "pretrained network whose features some methods use; docs/method/features.md"
                _.Backbone
                (fun v s -> { s with Backbone = v })
            Section.make FieldType.texts features "taps" "values of its graph that are the outputs of its stages" _.Taps (fun v s ->
                { s with Taps = v })
            Section.make
                (FieldType.wholes 8 1 64)
                features
                "stages"
                "stages that are used, counted from 1, the largest map first"
                _.Stages
                (fun v s -> { s with Stages = v })
            Section.make (FieldType.cases channelOrders) features "order" "order of the channels of its input" _.Order (fun v s ->
                { s with Order = v })
            Section.make
                (FieldType.reals 3 -1000.0 1000.0)
                features
                "mean"
                "subtracted from each channel, in the network's order; pictures are in [0, 1]"
                _.Mean
                (fun v s -> { s with Mean = v })
            Section.make (FieldType.reals 3 1e-6 1000.0) features "deviation" "divides each channel after that" _.Deviation (fun v s ->
                { s with Deviation = v })
            Section.real 0.0 1000.0 objective "ssim" "weight of 1 − SSIM to the target" _.Ssim (fun v s -> { s with Ssim = v })
            Section.real 0.0 1000.0 objective "gms" "weight of 1 − GMS to the target, at four scales" _.Gms (fun v s -> { s with Gms = v })
            Section.real 0.0 1000.0 objective "contraction" "weight of the squared Jacobian per value" _.Contraction (fun v s ->
                { s with Contraction = v })
            Section.real 0.0 1000.0 objective "auxiliary" "weight of the network's own loss; docs/method/methods.md" _.Auxiliary (fun v s ->
                { s with Auxiliary = v })
        ]

[<RequireQualifiedAccess>]
module internal TrainFields =
    let private train = { Name = "train"; Get = _.Train; Put = fun c s -> { c with Train = s } }

    let private precisions = [ "float32", Precision.Float32; "bfloat16", Precision.BFloat16 ]

    let all =
        [
            Section.whole 1 10_000_000 train "steps" "optimiser steps" _.Steps (fun v s -> { s with Steps = v })
            Section.whole 1 1024 train "batch" "images per step" _.Batch (fun v s -> { s with Batch = v })
            Section.real 1e-7 1.0 train "learning_rate" "peak learning rate of Adam" _.LearningRate (fun v s -> { s with LearningRate = v })
            Section.real 0.0 1.0 train "lambda" "weight of corrupted against uncorrupted pixels" _.Lambda (fun v s -> { s with Lambda = v })
            Section.real
                0.01
                0.5
                train
                "held_out"
                "fraction of the good pictures held out, at least; a fifth up to 60 is"
                _.HeldOut
                (fun v s -> { s with HeldOut = v })
            Section.make
                (FieldType.text "\"auto\", \"none\" or a regular expression")
                train
                "groups"
                "pictures of one part are not trained on and held out both; auto: by their looks; else by what this finds in file names"
                _.Groups
                (fun v s -> { s with Groups = v })
            Section.whole 0 System.Int32.MaxValue train "seed" "seed of all randomness" _.Seed (fun v s -> { s with Seed = v })
            Section.whole 1 10_000_000 train "validate_every" "steps between validations" _.ValidateEvery (fun v s ->
                { s with ValidateEvery = v })
            Section.make
                (FieldType.cases precisions)
                train
                "precision"
                "number type of the U-Nets' forward pass in training; weights stay 32-bit floats. bfloat16 is for GPUs"
                _.Precision
                (fun v s -> { s with Precision = v })
        ]

[<RequireQualifiedAccess>]
module internal ScoreFields =
    let private score = { Name = "score"; Get = _.Score; Put = fun c s -> { c with Score = s } }
    let private calibration = { Name = "calibration"; Get = _.Calibration; Put = fun c s -> { c with Calibration = s } }

    let all =
        [
            Section.auto FieldType.measure score "measure" "difference measure between picture and reconstruction" _.Measure (fun v s ->
                { s with Measure = v })
            Section.auto (FieldType.odd 1 255) score "filter_size" "size k of the mean filter" _.FilterSize (fun v s ->
                { s with FilterSize = v })
            Section.auto (FieldType.whole 0 64) score "filter_passes" "passes n of the mean filter" _.FilterPasses (fun v s ->
                { s with FilterPasses = v })
            Section.auto
                (FieldType.cases Reduction.kinds)
                score
                "reduction"
                "how the heatmap becomes the image score"
                _.Reduction
                (fun v s -> { s with Reduction = v })
            Section.real 0.00001 1.0 score "top_fraction" "fraction of the pixels that \"top\" averages" _.TopFraction (fun v s ->
                { s with TopFraction = v })
            Section.auto (FieldType.whole 0 256) score "border" "outermost pixels that the image score leaves out" _.Border (fun v s ->
                { s with Border = v })
            Section.auto
                FieldType.flag
                score
                "normalise_by_median"
                "divide the score by the median of the picture's own heatmap"
                _.NormaliseByMedian
                (fun v s -> { s with NormaliseByMedian = v })
            Section.whole
                1
                8
                score
                "views"
                "test-time augmentation: at most so many mirrored and rotated views, those that augmentation allows, are averaged"
                _.Views
                (fun v s -> { s with Views = v })
            Section.auto
                (FieldType.real 0.0001 0.5)
                calibration
                "false_alarm"
                "rate of good images called anomalous; auto: 0.05, or the smallest that the held-out pictures can promise"
                _.FalseAlarm
                (fun v s -> { s with FalseAlarm = v })
            Section.real
                0.0000001
                0.5
                calibration
                "pixel_false_alarm"
                "rate of good pixels above the pixel threshold"
                _.PixelFalseAlarm
                (fun v s -> { s with PixelFalseAlarm = v })
        ]
