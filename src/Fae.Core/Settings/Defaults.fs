/// The default of every setting.
namespace Fae.Core

[<RequireQualifiedAccess>]
module Defaults =
    let private image =
        {
            Size = 256
            Aspect = Some 1.0f
            Channels = ChannelMode.Auto
            Values = ValueRange.byType
            IlluminationSigma = 0.0f
            Crop = 0
            Tile = 0
            Overlap = 64
        }

    let private augment =
        {
            FlipHorizontal = None
            FlipVertical = None
            QuarterTurns = None
            Rotate = None
            Shift = 0.0f
            Brightness = 0.0f
        }

    let private noise = { Sigma = 0.05f; RandomSigma = true; OnTarget = true }

    let private network =
        {
            Kind = NetworkKind.UNet
            Perceptual = Perceptual.None
            Latent = 16
            Patch = 16
            InpaintGrids = []
            InpaintSets = 3
            SpaceToDepth = 2
            Width = 24
            Depth = 2
            Dilations = [ 1; 2; 4; 8; 16; 32 ]
            Residual = true
            BankSize = 3000
            BankCap = 100_000
            BankPictures = None
            BankScales = Some [ 1.0f ]
            BankViews = Some 1
            BankPlaces = false
        }

    /// Those of the packaged ResNet-18: B, G, R from 0 to 255, the means of ImageNet's pictures, no deviation.
    let private features =
        {
            Backbone = "resnet18"
            Taps = [ "ReLU283_Output_0"; "ReLU315_Output_0"; "ReLU347_Output_0"; "ReLU393_Output_0" ]
            Stages = [ 2; 3 ]
            Order = ChannelOrder.Bgr
            Mean = [ 0.404157f; 0.45451f; 0.482941f ]
            Deviation = [ 0.00392157f; 0.00392157f; 0.00392157f ]
            UnitLength = false
            Precision = FeaturePrecision.Float32
        }

    let private objective = { Ssim = 0.0f; Gms = 0.0f; Contraction = 0.0f; Auxiliary = 1.0f }

    let private train =
        {
            Steps = 3000
            Batch = 8
            LearningRate = 0.002f
            Lambda = 0.5f
            HeldOut = None
            Groups = "auto"
            DropOutliers = false
            Seed = 0
            ValidateEvery = 500
            Precision = Precision.Float32
        }

    let private score =
        {
            Measure = None
            FilterSize = None
            FilterPasses = None
            Reduction = None
            TopFraction = 0.005f
            Border = None
            NormaliseByMedian = None
            Views = 4
        }

    let config =
        {
            Image = image
            Augment = augment
            Corruption = Corruption.defaults
            Noise = noise
            Network = network
            Features = features
            Objective = objective
            Train = train
            Score = score
            Calibration = { FalseAlarm = None; PixelFalseAlarm = 0.001f }
        }
