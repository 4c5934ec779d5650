/// The settings of the noise, the network, its pretrained features and the objective: the sections noise, network, features and objective.
namespace Fae.Core

[<RequireQualifiedAccess>]
module internal NetworkFields =
    let private noise = { Name = "noise"; Get = _.Noise; Put = fun c s -> { c with Noise = s } }
    let private network = { Name = "network"; Get = _.Network; Put = fun c s -> { c with Network = s } }
    let private features = { Name = "features"; Get = _.Features; Put = fun c s -> { c with Features = s } }
    let private objective = { Name = "objective"; Get = _.Objective; Put = fun c s -> { c with Objective = s } }

    let private channelOrders = [ "rgb", ChannelOrder.Rgb; "bgr", ChannelOrder.Bgr ]

    let private precisions = [ "float32", FeaturePrecision.Float32; "int8", FeaturePrecision.Int8 ]

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
            Section.whole 1 1_000_000 network "bank_size" "entries of a memory bank of the training pictures" _.BankSize (fun v s ->
                { s with BankSize = v })
            Section.whole 1 10_000_000 network "bank_cap" "patches from which a memory bank is chosen, at most" _.BankCap (fun v s ->
                { s with BankCap = v })
            Section.auto
                (FieldType.whole 1 10_000_000)
                network
                "bank_pictures"
                "good pictures that a memory bank sees, at most"
                _.BankPictures
                (fun v s -> { s with BankPictures = v })
            Section.auto
                (FieldType.someReals Difference.mostAnomalyMaps 0.1 1.0)
                network
                "bank_scales"
                "scales of the pictures that the memory banks beside a U-Net see; 1 is the working size"
                _.BankScales
                (fun v s -> { s with BankScales = v })
            Section.auto
                (FieldType.whole 1 8)
                network
                "bank_views"
                ("mirrored and rotated views of each good picture that enter a memory bank, at most, of those that augmentation allows; "
                 + "auto: 1; of fewer than a hundred pictures as many as make 400 in all, of parts at any angle up to 4")
                _.BankViews
                (fun v s -> { s with BankViews = v })
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
            Section.flag
                features
                "unit_length"
                "each stage's vector at a place is divided by its length; on without a configuration"
                _.UnitLength
                (fun v s -> { s with UnitLength = v })
            Section.make
                (FieldType.cases precisions)
                features
                "precision"
                "number type of the pretrained network; \"int8\" is for memory banks, and faster"
                _.Precision
                (fun v s -> { s with Precision = v })
            Section.real 0.0 1000.0 objective "ssim" "weight of 1 − SSIM to the target" _.Ssim (fun v s -> { s with Ssim = v })
            Section.real 0.0 1000.0 objective "gms" "weight of 1 − GMS to the target, at four scales" _.Gms (fun v s -> { s with Gms = v })
            Section.real 0.0 1000.0 objective "contraction" "weight of the squared Jacobian per value" _.Contraction (fun v s ->
                { s with Contraction = v })
            Section.real 0.0 1000.0 objective "auxiliary" "weight of the network's own loss; docs/method/methods.md" _.Auxiliary (fun v s ->
                { s with Auxiliary = v })
        ]
